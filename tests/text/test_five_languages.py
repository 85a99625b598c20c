"""Spanish, Japanese and Arabic as IndexTTS-2.5 gets them."""

import pytest
from helpers.multilingual import VOCABULARY
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import TextError
from indextts2_multitalk.indextts.text import japanese_words
from indextts2_multitalk.indextts.text.annotations import show_annotations
from indextts2_multitalk.indextts.text.frontend import TextFrontend
from indextts2_multitalk.indextts.text.japanese_words import space_words
from indextts2_multitalk.indextts.text.language import FIVE_LANGUAGES, choose_languages
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

NORMALIZER = TextNormalizer(languages=FIVE_LANGUAGES, annotations=True)
NUMBERS = st.from_regex(r"[-+$€¥#]?[0-9]{1,4}([.,:/ ~-][0-9]{1,4}){0,3} ?(km|%|°C|€|º|h|年|円)?", fullmatch=True)
WORDS = st.sampled_from(
    ["hola", "día", "¿qué", "東京", "です", "カー", "يوم", "كتاب", ".", ",", "、", "؟", "…", "a@b.es"]
)
TEXTS = st.lists(st.one_of(NUMBERS, WORDS), max_size=12).map(" ".join)


@settings(deadline=None)
@given(TEXTS, st.sampled_from(["es", "ja", "ar"]))
def test_every_number_is_read_and_every_word_stays(text, language):
    spoken = NORMALIZER.normalize(text, language)
    assert not any(map(str.isdecimal, spoken))
    for word in ("hola", "día", "東京", "カー", "يوم", "كتاب"):
        assert spoken.count(word) >= text.split().count(word)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40), st.sampled_from(["es", "ja", "ar"]))
def test_any_text_has_a_reading(text, language):
    try:
        spoken = NORMALIZER.normalize(text, language)
    except TextError:
        return
    assert not any("0" <= character <= "9" for character in spoken)


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        ("es", "Tengo 3.500 amigos (aprox. 100.000).", "Tengo tres mil quinientos amigos 'aproximadamente cien mil'."),
        ("es", "<N|EH1 N> N 5", "<N|EH1 N> N cinco"),
        ("ja", "ジョン・スミスとﾃｽﾄ、5個", "ジョン・スミスとテスト,五個"),
        ("ar", "من ٥ إلى ١٠ كم؛ حسنـــا؟", "من خمسة إلى عشرة كيلومترات؛ حسنا؟"),
        ("en", "Really؟ Yes، 5", "Really? Yes, five"),
    ],
)
def test_spoken_form(language, written, spoken):
    assert show_annotations(NORMALIZER.normalize(written, language)) == spoken


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("こんにちは、世界。", "ja"),
        ("ＡＩの時代", "ja"),
        ("مرحبا، كيف حالك؟", "ar"),
        ("أحب برنامج Python كثيرا.", "ar"),
        ("Hola, ¿cómo estás?", "es"),
        ("El niño come.", "es"),
        ("El precio es 25,50 €.", "es"),
        ("The jalapeño is on the table.", "en"),
        ("Buy the 3 of them", "en"),
        ("今天天气很好", "zh"),
        ("de5 hao3", "zh"),
    ],
)
def test_letters_tell_the_language(text, language):
    assert choose_languages([text], "auto", FIVE_LANGUAGES) == [language]


def test_lines_without_a_mark_of_spanish_go_with_their_neighbors():
    texts = ["¿Cómo estás?", "Buenas noches, Ana.", "I am fine.", "The end."]
    assert choose_languages(texts, "auto", FIVE_LANGUAGES) == ["es", "es", "en", "en"]
    assert choose_languages(texts[1:], "auto", FIVE_LANGUAGES) == ["en"] * 3


def test_a_model_speaks_what_it_was_trained_on():
    assert choose_languages(["こんにちは、世界。"]) == ["zh"]
    with pytest.raises(
        TextError, match=r"got the language ja, which IndexTTS-2 does not speak; .* IndexTTS-2.5 folder"
    ):
        choose_languages(["hello"], "ja")
    with pytest.raises(TextError, match=r"got the language 'jp', .*perhaps ja"):
        choose_languages(["hello"], "jp", FIVE_LANGUAGES)


def test_japanese_words_stand_apart_and_nothing_is_lost(monkeypatch):
    assert space_words("今日は晴れです,a b") == "今日 は 晴れ です , a b"
    frontend = TextFrontend(VOCABULARY)
    assert frontend.note == ""
    monkeypatch.setattr(japanese_words, "_load_tagger", lambda: None)
    assert space_words("今日は晴れです") == "今日は晴れです"
    frontend.prepare_text("今日は晴れです", "ja")
    assert "pip install fugashi" in frontend.note


@given(st.text(alphabet="今日は晴れです、カーab 12.", max_size=30))
def test_words_are_the_text(text):
    assert space_words(text).replace(" ", "") == text.replace(" ", "")
