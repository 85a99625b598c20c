"""English numbers without a unit: ordinals, ranges, ratios, powers, years, and all that is left."""

import re

from .english_nouns import is_counted
from .english_numbers import (
    DASH,
    END,
    NUMBER,
    SIGN,
    START,
    spell_cardinal,
    spell_code,
    spell_digits,
    spell_number,
    spell_ordinal,
    spell_signed,
    spell_year,
)
from .rule import DIGITS, Rule

_NO_RANGES = {"24-7": "twenty four seven", "50-50": "fifty fifty", "20-20": "twenty twenty"}
_YEAR = "(?:1\\d|20)\\d\\d"
_IN_YEAR = re.compile(
    r"(?:\b(?:in|since|of|by|from|until|till|before|after|circa|around|about|year|years|during|through|to|between|and|late"
    r"|early|mid|summer|spring|fall|autumn|winter|established|born|died|,) ?|[-(–])$",
    re.IGNORECASE,
)


def _speak_range(match: re.Match[str]) -> str:
    first, last = match["from"], match["amount"]
    if match.group() in _NO_RANGES:
        return _NO_RANGES[match.group()]
    if re.fullmatch(_YEAR, first) and re.fullmatch(rf"{_YEAR}|\d\d", last):
        return f"{spell_year(int(first))} to {spell_year(int(last)) if len(last) == 4 else spell_code(last)}"
    joint = "and" if match.string.endswith(("between ", "Between "), 0, match.start()) else "to"
    return f"{spell_signed(match['sign'], first)} {joint} {spell_number(last)}"


def _speak_numbered(match: re.Match[str]) -> str:
    if match[2]:
        return f"numbers {spell_number(match[1])} to {spell_number(match[2])}"
    return f"number {spell_number(match[1])}"


def _speak_ratio(match: re.Match[str]) -> str:
    """16:9; a standard and its year: ISO 9001:2015."""
    first = spell_cardinal(int(match[1]))
    if len(match[1]) > 2 and re.fullmatch(_YEAR, match[2]):
        return f"{first} {spell_year(int(match[2]))}"
    return f"{first} to {spell_cardinal(int(match[2]))}"


def _speak_digits_of(match: re.Match[str]) -> str:
    """A number alone: a year where it can be one, digits where it is too long to be counted."""
    sign, written = match["sign"], match["amount"]
    if re.fullmatch(_YEAR, written) and not sign.strip() and _is_year(match):
        return spell_year(int(written))
    return spell_signed(sign, written)


def _is_bracketed(match: re.Match[str]) -> bool:
    """A bracket is open where the match begins."""
    return match.string.count("(", 0, match.start()) > match.string.count(")", 0, match.start())


def _is_year(match: re.Match[str]) -> bool:
    """A number with four digits, unless it counts what stands behind: 1250 people. Before 1100 only if said so."""
    is_said = _IN_YEAR.search(match.string[max(0, match.start() - 12) : match.start()]) is not None
    if int(match["amount"]) < 1100:
        return is_said and not is_counted(match)
    return is_said or not is_counted(match)


COUNT_RULES = (
    Rule(
        "lists",
        re.compile(r"(?<![\w(.,])(\d{1,3}|[a-z])\)(?= )"),
        lambda match: f"{match[1]}," if not _is_bracketed(match) else None,
        needs=")",
        final=False,
        examples=[("1) First 2) Second (and 3)", "one, First two, Second 'and three'")],
    ),
    Rule(
        "numbered",
        re.compile(r"(?<![\w#])#(\d{1,6})(?:[-–](\d{1,6}))?(?!\w)"),
        _speak_numbered,
        needs="#",
        examples=[("We are #1 of #1-3.", "We are number one of numbers one to three.")],
    ),
    Rule(
        "ordinals",
        re.compile(
            rf"{START}(?:(\d{{1,6}})(?:st|nd|rd|th)?{DASH})?(\d{{1,3}}(?:,\d{{3}}){{1,5}}|\d{{1,9}})(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)"
        ),
        lambda match: (
            (f"{spell_ordinal(int(match[1]))} to " if match[1] else "") + spell_ordinal(int(match[2].replace(",", "")))
        ),
        needs="tdTD",
        examples=[("the 21st, 19th–20th and 103rd", "the twenty first, nineteenth to twentieth and one hundred third")],
    ),
    Rule(
        "ranges",
        re.compile(rf"(?P<sign>{SIGN}){START}(?<![A-Za-z]-)(?P<from>{NUMBER}){DASH}(?P<amount>{NUMBER}){END}(?!-\d)"),
        _speak_range,
        needs="-–—",
        examples=[
            ("It takes 5–10 minutes.", "It takes five to ten minutes."),
            (
                "from 1745–1820, 1939-45",
                "from seventeen forty five to eighteen twenty, nineteen thirty nine to forty five",
            ),
        ],
    ),
    Rule(
        "ratios",
        re.compile(rf"{START}(\d{{1,5}}):(\d{{1,5}}){END}(?!:)"),
        _speak_ratio,
        needs=":",
        examples=[("a 16:9 screen", "a sixteen to nine screen")],
    ),
    Rule(
        "stars",
        re.compile(rf"{START}(?:({NUMBER}){DASH})?({NUMBER}) ?★+"),
        lambda match: (f"{spell_number(match[1])} to " if match[1] else "") + f"{spell_number(match[2])} star",
        needs="★",
        examples=[("a 5★ hotel", "a five star hotel")],
    ),
    Rule(
        "and more",
        re.compile(rf"{START}({NUMBER})\+(?!\w)"),
        lambda match: f"{spell_number(match[1])} plus",
        needs="+",
        examples=[("ages 18+", "ages eighteen plus")],
    ),
    Rule(
        "numbers",
        re.compile(rf"(?P<sign>{SIGN})(?<![\w.,])(?P<amount>{NUMBER}){END}"),
        _speak_digits_of,
        needs=DIGITS,
        examples=[
            (
                "In 1999 there were 1250 people.",
                "In nineteen ninety nine there were one thousand two hundred and fifty people.",
            ),
            (
                "-5, 3.14, 1,000 and 912",
                "negative five, three point one four, one thousand and nine hundred and twelve",
            ),
        ],
    ),
    Rule(
        "numbers in words",
        re.compile(r"\d{1,3}(?:,\d{3}){1,5}(?![\d,])(?:\.\d+)?|\d{1,400}(?:\.\d+)?"),
        lambda match: _speak_part(match),
        needs=DIGITS,
        examples=[
            ("A4, MP3 and beta1", "A four, MP three and beta one"),
            ("a 2.0T engine", "a two point zero T engine"),
            ("a 1,000-year reign", "a one thousand-year reign"),
        ],
    ),
)


def _speak_part(match: re.Match[str]) -> str:
    """Digits beside letters: GPT-4o, H200."""
    written = match.group()
    if written.isdecimal() and len(written) > 2 and match.string[match.start() - 1 : match.start()].isalpha():
        return spell_code(written) if len(written) < 5 else spell_digits(written)
    return spell_number(written)
