"""What holds for any English text: no word is lost, digits end as words, plain words stay, work is bounded."""

import re

import pytest
from helpers.readings import read_table
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.text.english_numbers import (
    count_roman,
    spell_cardinal,
    spell_code,
    spell_number,
    spell_ordinal,
    spell_year,
)
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

NORMALIZER = TextNormalizer()
WORDS = [
    "anna",
    "quickly",
    "window",
    "Berlin",
    "mountain",
    "carefully",
    "Thomas",
    "river",
    "yellow",
    "because",
    "garden",
]
SIGNS = [
    "$",
    "£",
    "€",
    "%",
    "&",
    "+",
    "-",
    "=",
    "/",
    "\\",
    "#",
    "@",
    "*",
    "_",
    "^",
    "~",
    "|",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ";",
    ",",
    ".",
    "!",
    "?",
    "'",
    '"',
    "–",
    "—",
    "…",
    "·",
    "°",
    "²",
    "½",
    "★",
    "♥",
    "🙂",
    "™",
    "→",
]
NUMBERS = [
    "5",
    "1,000",
    "3.14",
    ".5",
    "1999",
    "$5",
    "5%",
    "10:30",
    "5-10",
    "1/2",
    "v2.0",
    "A4",
    "5km",
    "20°C",
    "5th",
    "90s",
    "2020-01-05",
    "a@b.com",
    "x.org",
    "#1",
    "5'10\"",
]


@given(st.lists(st.sampled_from([*WORDS, *SIGNS, *NUMBERS]), max_size=12), st.sampled_from(["", " ", "  "]))
def test_no_word_is_lost(parts, gap):
    """Words of several letters come back in their order, whatever stands beside them."""
    text = gap.join(part if gap else f"{part} " if part in WORDS else part for part in parts)
    spoken = NORMALIZER.normalize(text, "en").lower()
    for word in (part.lower() for part in parts if part in WORDS):
        assert word in spoken, (text, spoken)
        spoken = spoken.split(word, 1)[1]


@given(st.text(alphabet=st.sampled_from("aB 0159.,:-/$%€°'\"hkm²½#@+xth–"), max_size=40))
def test_every_digit_is_spoken(text):
    spoken = NORMALIZER.normalize(text, "en")
    assert not re.search(r"\d", spoken)
    assert bool(re.search(r"\w", text)) == bool(re.search(r"\w", spoken)) or not re.search(r"[^\W_]", text)


@given(
    st.lists(st.sampled_from([*WORDS, "I", "may", "sun", "sat", "mix", "march", "in", "no", "a", "The"]), max_size=20)
)
def test_plain_words_stay_as_they_are(words):
    text = " ".join(words)
    assert NORMALIZER.normalize(text, "en") == text


@pytest.mark.parametrize(("kind", "written", "readings"), [row[1:] for row in read_table("en")])
def test_english_is_read_alike_whoever_chooses_the_language(kind, written, readings):
    if len(re.findall("[A-Za-z]{2,}", written)) > 1:
        assert NORMALIZER.normalize(written) == NORMALIZER.normalize(written, "en")


@pytest.mark.parametrize(
    "unit", ["1,", "1.", "1-", "1/", "1:", "1 ", "$1", "a.", "A.", "a@", "a/", "a-", "(", "'", "I", "5'"]
)
def test_a_row_of_the_same_is_read(unit):
    text = "x" + unit * 3000
    spoken = NORMALIZER.normalize(text, "en")
    assert not re.search(r"\d", spoken)
    assert len(spoken) < 30 * len(text)


@pytest.mark.parametrize(
    ("spelled", "words"),
    [
        (spell_cardinal(0), "zero"),
        (spell_cardinal(115), "one hundred and fifteen"),
        (spell_cardinal(1_000_000_000), "one billion"),
        (spell_cardinal(2_005_012), "two million five thousand and twelve"),
        (spell_ordinal(20), "twentieth"),
        (spell_ordinal(112), "one hundred twelfth"),
        (spell_ordinal(1000), "one thousandth"),
        (spell_year(1900), "nineteen hundred"),
        (spell_year(2009), "two thousand nine"),
        (spell_code("1080"), "ten eighty"),
        (spell_code("5000"), "five thousand"),
        (spell_code("700"), "seven hundred"),
        (spell_number("10,000.50"), "ten thousand point five oh"),
        (count_roman("XLIX"), 49),
        (count_roman("IIII"), 0),
    ],
)
def test_numbers_in_words(spelled, words):
    assert spelled == words
