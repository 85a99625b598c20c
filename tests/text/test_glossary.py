"""Own readings: where a term is found, and how a glossary's file is read."""

from pathlib import Path

import pytest
from indextts2_multitalk.indextts.errors import ConfigError
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.text.frontend import TextFrontend
from indextts2_multitalk.indextts.text.glossary_file import parse_glossary, read_glossaries, user_glossary_file
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer


def speak(glossary, text, language="auto"):
    return TextNormalizer(glossary).normalize(text, language)


@pytest.mark.parametrize(
    ("glossary", "text", "spoken"),
    [
        ({"AI": "A I"}, "He said it again with AI.", "He said it again with A I."),
        ({"AI": "A I"}, "The rain in AI's domain, AI-made.", "The rain in A I's domain, A I-made."),
        ({"AI": "A I"}, "AI行业用AI。", "A I行业用A I."),
        ({"ai": "A I"}, "AI or Ai", "A I or A I"),
        ({"US": "U S", "us": "us all"}, "US or us", "U S or us all"),
        ({"US": {"en": "U S", "case": "exact"}}, "US or us", "U S or us"),
        ({"911": "nine one one"}, "Call 911 or 9110.", "Call nine one one or nine thousand one hundred and ten."),
        ({"11": "eleven!"}, "It is 1.11 or 11.", "It is one point one one or eleven!."),
        ({"C++": "C plus plus"}, "I write C++ well.", "I write C plus plus well."),
        ({"k8s": "K eight S"}, "我们用k8s部署", "我们用K eight S部署"),
        ({"行长": "HANG2 ZHANG3"}, "他是行长", "他是HANG2 ZHANG3"),
        ({"重庆": "chong2 qing4"}, "去重庆", "去chong2 QING4"),
        ({"重慶": "山城"}, "去重慶和重庆", "去山城和山城"),
        ({"GPT": "G P T", "GPT-4": "G P T four"}, "GPT-4 beats GPT.", "G P T four beats G P T."),
        ({"GPU": {"zh": "显卡"}}, "GPU要8个", "显卡要八个"),
        ({"GPU": {"zh": "显卡"}}, "a GPU has 8 cores", "a GPU has eight cores"),
        ({"M": "500米"}, "跑了M", "跑了五百米"),
        ({"Nguyễn": "win"}, "So Nguyễn is here", "So win is here"),
        ({"Sofia": "so FEE ya", "So": "soh"}, "So Sofia, so.", "soh so FEE ya, soh."),
    ],
)
def test_terms_are_whole_words(glossary, text, spoken):
    assert speak(glossary, text) == spoken


def test_a_glossary_is_yaml_of_text():
    text = """
# own readings
k8s: K eight S
911: nine one one
no: noh
"C: drive": see drive
重庆：chong2 qing4
AI: {en: A I, zh: 人工智能}
US: {en: U S, case: exact}
"""
    assert parse_glossary(text, "glossary") == {
        "k8s": "K eight S",
        "911": "nine one one",
        "no": "noh",
        "C: drive": "see drive",
        "重庆": "chong2 qing4",
        "AI": {"en": "A I", "zh": "人工智能"},
        "US": {"en": "U S", "case": "exact"},
    }
    assert parse_glossary("", "glossary") == {}
    assert parse_glossary("# nothing yet", "glossary") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b\nc d\n", "line 2|line 3"),
        ("a: b\nc: [d]", "line 2: got nothing that can be read"),
        ("a: b\na: c", "line 2: got 'a' twice"),
        ("a: {fr: b}", "line 1: got 'fr' for 'a', expected one of zh, en, ja, es, ar, case"),
        ("a: {case: exact}", "'a' has no reading"),
        ("a: {zh: b, case: upper}", "case is 'upper', expected exact"),
        ("a:\n", "line 1: got nothing"),
        ("- a\n- b", "got no `term: reading`"),
        ("just words", "got no `term: reading`"),
        ('"...": dots', "expected a term with a letter or digit"),
        ("a: &x b\nc: *x", "line 2: got an alias, expected the value itself"),
        ("a: {b: {c: {d: e}}}", "line 1: got more than 3 levels"),
        ("a: 'b", "line 1"),
        ("a: b\n\tc: d", "line 2"),
        ("a: " + "b" * 2000, "line 1: got a text of 2000 characters, expected at most 1000"),
        ("a" * 200 + ": b", "got 200 characters, expected 1 to 100"),
        ("".join(f"t{n}: x\n" for n in range(6000)), "got 6000 terms, expected at most 5000"),
        ("#" * 1_100_000, "got more than 1,000,000 characters"),
        ("[" * 100_000, "line 1: got more than 3 levels"),
        ("!!python/object/apply:os.getcwd []", "line 1: got a tag"),
    ],
)
def test_a_mistake_is_named_with_its_line(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_glossary(text, "glossary.yaml")


def test_later_glossaries_win(tmp_path: Path):
    model, user = tmp_path / "model.yaml", tmp_path / "user.yaml"
    model.write_text("AI: one\nB: two\n", encoding="utf-8")
    user.write_text("\ufeffAI: three\nC: four\n", encoding="utf-8")
    entries = read_glossaries([model, None, tmp_path / "missing.yaml", user], "C: five")
    assert entries == {"AI": "three", "B": "two", "C": "five"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path):
    file = tmp_path / "glossary.yaml"
    file.write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ConfigError, match=r"glossary\.yaml: cannot be read"):
        read_glossaries([file])


def test_the_users_folder_can_be_named(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("INDEXTTS2_CONFIG", str(tmp_path))
    assert user_glossary_file() == tmp_path / "glossary.yaml"


def test_a_model_folders_glossary_is_read_again_for_every_run(monkeypatch, tmp_path: Path):
    """Without its models: the pipeline's part is which files are asked, and when."""
    monkeypatch.setenv("INDEXTTS2_CONFIG", str(tmp_path / "user"))
    folder = tmp_path / "model"
    folder.mkdir()
    pipeline = object.__new__(Pipeline)
    pipeline._glossaries = (folder / "glossary.yaml", user_glossary_file())
    assert pipeline.glossary(SpeakOptions()) == {}
    (folder / "glossary.yaml").write_text("k8s: K eight S", encoding="utf-8")
    assert pipeline.glossary(SpeakOptions(glossary="AI: A I")) == {"k8s": "K eight S", "AI": "A I"}


def test_a_new_glossary_reads_kept_texts_anew():
    frontend = TextFrontend(DEMO_FOLDER / "bpe.model")
    assert frontend.prepare_text("We use k8s.").normalized == "We use k eight s."
    frontend.use_glossary({"k8s": "kay eights"})
    assert frontend.prepare_text("We use k8s.").normalized == "We use kay eights."
    frontend.use_glossary({})
    assert frontend.prepare_text("We use k8s.").normalized == "We use k eight s."
