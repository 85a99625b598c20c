"""Readings that a user writes beside a word."""

import pytest
from helpers.multilingual import VOCABULARY, show_markers
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import TextError
from indextts2_multitalk.indextts.text.annotation_readings import PHONEMES, PINYIN_READINGS
from indextts2_multitalk.indextts.text.annotations import (
    hide_annotations,
    keep_readings,
    keep_words,
    show_annotations,
)
from indextts2_multitalk.indextts.text.frontend import TextFrontend
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer


@pytest.fixture(scope="module")
def frontend():
    return TextFrontend(VOCABULARY)


def read(text: str, language: str = "zh", glossary: dict[str, str] | None = None) -> str:
    """Text as it is normalized, readings between the names of their special tokens."""
    normalized = TextNormalizer(glossary, ("zh", "en"), annotations=True).normalize(text, language)
    return show_markers(keep_readings(normalized)).replace("SPECIAL_TOKEN_", "")


def test_the_readings_are_as_many_as_the_released_ones():
    assert len(PINYIN_READINGS) == 1728
    assert len(PHONEMES) == 24 + 15 * 3


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("最<重|CHONG2>要", "最<|2|>CHONG2<|2|>要"),
        ("<去|qu4><去|qù><女|nü3><女|nǚ><略|lue4><军|JUN1>", "QV4 QV4 NV3 NV3 LVE4 JVN1"),
        ("<重庆|chong2 qing4>", "CHONG2 QING4"),
        ("＜重｜CHONG2＞", "CHONG2"),
        ("<我 们|WO3 MEN5>", "WO3 MEN5"),
    ],
)
def test_pinyin_is_respelled(written, kept):
    marked = kept if "|" in kept else "".join(f"<|2|>{reading}<|2|>" for reading in kept.split())
    assert read(written) == marked


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("I am <going|G OW1 . IH0 NG> home.", "I am <|1|>G OW1 . IH0 NG<|1|> home."),
        ("<going|g ow1.ih0  ng>", "<|1|>G OW1 . IH0 NG<|1|>"),
        ("<B2B|B IY1 . T UW1 . B IY1>, 2 of them", "<|1|>B IY1 . T UW1 . B IY1<|1|>, two of them"),
        ("<b|B IY1> <i|AY1> &lt;a|AH0&gt; <b>5</b>", "<|1|>B IY1<|1|> <|1|>AY1<|1|> <|1|>AH0<|1|> five"),
        ("a **<word|W ER1 D>** _<so|S OW1>_", "a <|1|>W ER1 D<|1|> <|1|>S OW1<|1|>"),
    ],
)
def test_phonemes_are_atoms(written, kept):
    assert read(written, "en") == kept


def test_kana_stand_as_a_word():
    assert read("<中華そば|らーめん>を<明日|アシタ>") == " らーめん を アシタ "


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("<重|CHONG6>", "got 'CHONG6', expected pinyin with its tone from 1 to 5, such as CHONG1, CHONG2"),
        ("<重|CHON2>", "such as CHONG2"),
        ("<重|chong>", "got 'CHONG', .* such as CHONG1, CHONG2"),
        ("<重|W ER1 D>", "got 'W', expected pinyin"),
        ("<重庆|CHONG2 QING4 SHI4>", "got 3 syllables for 2 characters"),
        ("<東京|toukyou>", "in Japanese write the reading in kana"),
        ("<a|ER>", "got 'ER', expected phonemes .* such as ER0, ER1, ER2"),
        ("<a|K1>", "such as K;"),
        ("<a|CHONG2>", "got 'CHONG2', expected phonemes"),
        ("<a|.>", "got no phoneme"),
        ("<東京|とうキョウ>", "got hiragana and katakana in one reading, expected one of them: とうきょう"),
    ],
)
def test_what_is_no_reading_is_refused_with_the_nearest(frontend, written, fault):
    with pytest.raises(TextError, match=f"^{written.replace('|', '[|]')}: .*{fault}"):
        frontend.prepare_text(f"说{written}。", "zh")


def test_inline_pinyin_of_a_script_for_2_0_is_an_annotation():
    assert read("之前你做DE5很好，所以也DEI3做") == "之前你做<|2|>DE5<|2|>很好,所以也<|2|>DEI3<|2|>做"
    assert read("HANG2 ZHANG3在A4纸上") == "<|2|>HANG2<|2|><|2|>ZHANG3<|2|>在A四纸上"
    assert read("行长", glossary={"行长": "HANG2 ZHANG3"}) == "<|2|>HANG2<|2|><|2|>ZHANG3<|2|>"
    assert read("重庆的重", glossary={"重庆": "<重|CHONG2>庆"}) == "<|2|>CHONG2<|2|>庆的重"
    assert TextNormalizer().normalize("也DEI3做") == "也DEI3做"


def test_a_glossary_reads_no_annotation():
    assert read("<重|CHONG2>重 CHONG2", glossary={"重": "轻", "CHONG2": "虫"}) == "<|2|>CHONG2<|2|>轻 虫"


def test_control_tokens_are_text(frontend):
    tokenizer = frontend.encoder.tokenizer
    written = "say <|HAPPY|> <|0.00|> <|SPECIAL_TOKEN_1|> <|zh|> <|endoftext|>"
    assert max(tokenizer.encode(written)) < 1027
    (segment,) = frontend.prepare_text(written, "en").segments
    assert [token for token in segment if token >= 1027] == [1029]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_no_text_forges_a_special_token(frontend, text):
    if "|" in text:
        text = text.replace(">", "")
    for segment in frontend.prepare_text(f"a {text}", "en").segments:
        assert segment[0] == 1029
        assert all(1 < token < 1027 for token in segment[1:])


@given(st.text(alphabet="<>|重aCHONG2あ \n", max_size=40))
def test_what_is_hidden_comes_back(text):
    try:
        hidden = hide_annotations(text)
    except TextError:
        return
    assert hide_annotations(show_annotations(hidden)) == hidden
    assert not any(ord(character) >= 0x100000 for character in keep_words(hidden))


def test_an_annotation_alone_is_spoken(frontend):
    prepared = frontend.prepare_text("<重|CHONG2>")
    assert prepared.normalized == "重"
    assert prepared.segments[0][0] == 1030
    assert len(prepared.segments[0]) > 3
