"""Annotations stay text in every dialect; a line may name its language."""

import json

import pytest
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.indextts.errors import ScriptError, TextError
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

READING = "最<重|CHONG2>要：<going|G OW1 . IH0 NG>，<東京|とうきょう>"


@pytest.mark.parametrize(
    "script",
    [
        f"Anna: {READING}",
        f"[Anna] {READING}",
        f"[Anna|lang:zh] {READING}",
        f"<Anna>{READING}</Anna>",
        f"Anna|{READING}|zh|1.0",
        f"角色|台词|语言|速度\nAnna|{READING}|ZH|1",
        f"Anna: [happy] {READING} [pause:0.5]",
        f"1\n00:00:01,000 --> 00:00:04,000\nAnna: {READING}\n",
        json.dumps([{"speaker": "Anna", "text": READING}]),
        f"Anna: {READING.replace('<', '＜').replace('>', '＞')}",
    ],
)
def test_annotations_are_atoms(script):
    (line,) = parse_script(script, ["Anna"])
    assert (line.speaker, line.text) == ("Anna", READING)


@pytest.mark.parametrize("script", ["<Ben|sad> Hi", "<Ben|seed:4> Hi", "[happy:0.5|sad:0.2] Hi", "Ben|Hi|en"])
def test_labels_and_tags_stay_what_they_are(script):
    (line,) = parse_script(script, ["Ben"])
    assert line.text == "Hi"


@pytest.mark.parametrize(
    ("script", "language"),
    [
        ("Anna: [lang:ja] こんにちは", "ja"),
        ("[lang:ja] Anna: こんにちは", "ja"),
        ("[语言：西班牙语] hola", "es"),
        ("Anna|مرحبا|AR|1.0", "ar"),
        ("Anna|こんにちは|JA", "ja"),
        ("[Anna|lang:日本語] こんにちは", "ja"),
        ("Anna: hello", None),
    ],
)
def test_a_line_names_its_language(script, language):
    (line,) = parse_script(script)
    assert line.language == language
    assert "lang" not in line.text


def test_the_next_line_is_read_as_before():
    lines = parse_script("Anna: [lang:es] hola\nhello\nBen: [lang:ja] やあ\nAnna: hi")
    assert [line.language for line in lines] == ["es", None, "ja", None]


def test_an_unknown_language_is_refused_with_the_nearest():
    with pytest.raises(ScriptError, match=r"line 1, column 7: got the language 'japanes', expected .*perhaps ja"):
        parse_script("Anna: [lang:japanes] hello")


def test_indextts_2_knows_pinyin_alone():
    normalize = TextNormalizer().normalize
    assert normalize("最<重|chong2>要") == "最CHONG2要"
    for reading in ("<word|W ER1 D>", "<東京|とうきょう>"):
        with pytest.raises(TextError, match=r"of which IndexTTS-2 knows none; .* choose an IndexTTS-2\.5 folder"):
            normalize(reading)
    with pytest.raises(TextError, match="such as CHONG1"):
        normalize("最<重|chong9>要")
