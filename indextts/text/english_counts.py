"""English numbers without a unit: ranges, fractions, scores, sums, codes, ordinals, years, and all that is left."""

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

_FIXED = {
    "24/7": "twenty four seven",
    "24-7": "twenty four seven",
    "50-50": "fifty fifty",
    "20-20": "twenty twenty",
    "24/7/365": "twenty four seven three sixty five",
    "9/11": "nine eleven",
    "7/11": "seven eleven",
    "7/7": "seven seven",
    "4/20": "four twenty",
    "20/20": "twenty twenty",
    "50/50": "fifty fifty",
    "60/40": "sixty forty",
    "80/20": "eighty twenty",
    "70/30": "seventy thirty",
    "90/10": "ninety ten",
}
_OPERATORS = {
    "+": "plus",
    "-": "minus",
    "–": "minus",
    "×": "times",
    "*": "times",
    "x": "times",
    "·": "times",
    "÷": "divided by",
    "/": "divided by",
    "=": "equals",
    "≠": "is not equal to",
    "≈": "is about",
    "<": "is less than",
    ">": "is more than",
    "≤": "is at most",
    "≥": "is at least",
}
_OPERATOR = re.compile(r" ?([-+–×*x·÷/=≠≈<>≤≥]) ?")
_PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_VULGAR = {
    "½": "one half",
    "⅓": "one third",
    "⅔": "two thirds",
    "¼": "one quarter",
    "¾": "three quarters",
    "⅕": "one fifth",
    "⅖": "two fifths",
    "⅗": "three fifths",
    "⅘": "four fifths",
    "⅙": "one sixth",
    "⅚": "five sixths",
    "⅛": "one eighth",
    "⅜": "three eighths",
    "⅝": "five eighths",
    "⅞": "seven eighths",
}
_AN_ONE = re.compile("^one(?! eighth)")
_YEAR = "(?:1\\d|20)\\d\\d"
_PEOPLE = re.compile(" (?:people|men|women|children|kids|adults|users|doctors|students|voters|patients|times)\\b")
_BEAT = re.compile(r"[- ](?:time|beat|meter|bar|rhythm|signature)\b")
_RATED = re.compile(
    r"\b(?:an?|it|score[ds]?|scored|got|rated?|gives?|gave|solid|rating|is|was)(?: a|:| of)? $", re.IGNORECASE
)
_IN_YEAR = re.compile(
    r"(?:\b(?:in|since|of|by|from|until|till|before|after|circa|around|about|year|years|during|through|to|between|and|late"
    r"|early|mid|summer|spring|fall|autumn|winter|established|born|died|,) ?|[-(–])$",
    re.IGNORECASE,
)


def _speak_sum(match: re.Match[str]) -> str:
    """3 + 4 = 7."""
    spoken = []
    for place, part in enumerate(_OPERATOR.split(match.group())):
        spoken.append(_OPERATORS[part] if place % 2 else spell_number(part))
    return " ".join(spoken)


def _speak_fraction(top: int, bottom: int) -> str:
    one, many = _PARTS.get(bottom, (spell_ordinal(bottom), f"{spell_ordinal(bottom)}s"))
    return f"{spell_cardinal(top)} {one if top == 1 else many}"


def _speak_slash(match: re.Match[str]) -> str:
    written, top, bottom = match.group(), int(match[1]), int(match[2])
    if written in _FIXED:
        return _FIXED[written]
    if _BEAT.match(match.string, match.end()):
        return f"{spell_cardinal(top)} {spell_cardinal(bottom)}"
    before = match.string[max(0, match.start() - 12) : match.start()]
    if _PEOPLE.match(match.string, match.end()) or (bottom in (5, 10, 100) and _RATED.search(before)):
        return f"{spell_cardinal(top)} out of {spell_cardinal(bottom)}"
    if 1 <= top < bottom <= 100 and len(match[2]) < 4 and match[1][0] != "0":
        return _speak_fraction(top, bottom)
    if 80 <= top <= 260 and 40 <= bottom < top:  # a pressure of blood
        return f"{spell_cardinal(top)} over {spell_cardinal(bottom)}"
    if len(match[1]) == 4:
        return f"{spell_year(top)} {spell_code(match[2]) if len(match[2]) < 4 else spell_year(bottom)}"
    if top <= bottom <= 10 or bottom in (5, 10, 100):
        return f"{spell_cardinal(top)} out of {spell_cardinal(bottom)}"
    return f"{spell_number(match[1])} {spell_number(match[2])}"


def _speak_mixed(match: re.Match[str]) -> str:
    """2 1/2 → two and a half."""
    fraction = _speak_fraction(int(match[2]), int(match[3]))
    return f"{spell_number(match[1])} and {_AN_ONE.sub('a', fraction)}"


def _speak_vulgar(match: re.Match[str]) -> str:
    fraction = _VULGAR[match[2]]
    if not match[1]:
        return fraction
    return f"{spell_number(match[1].strip())} and {_AN_ONE.sub('a', fraction)}"


def _speak_range(match: re.Match[str]) -> str:
    first, last = match["from"], match["amount"]
    if match.group() in _FIXED:
        return _FIXED[match.group()]
    if re.fullmatch(_YEAR, first) and re.fullmatch(rf"{_YEAR}|\d\d", last):
        return f"{spell_year(int(first))} to {spell_year(int(last)) if len(last) == 4 else spell_code(last)}"
    joint = "and" if match.string.endswith(("between ", "Between "), 0, match.start()) else "to"
    return f"{spell_signed(match['sign'], first)} {joint} {spell_number(last)}"


def _speak_digits_of(match: re.Match[str]) -> str:
    """A number alone: a year where it can be one, digits where it is too long to be counted."""
    sign, written = match["sign"], match["amount"]
    if re.fullmatch(_YEAR, written) and not sign.strip() and _is_year(match):
        return spell_year(int(written))
    return spell_signed(sign, written)


def _is_year(match: re.Match[str]) -> bool:
    """A number with four digits, unless it counts what stands behind: 1250 people. Before 1100 only if said so."""
    is_said = _IN_YEAR.search(match.string[max(0, match.start() - 12) : match.start()]) is not None
    if int(match["amount"]) < 1100:
        return is_said and not is_counted(match)
    return is_said or not is_counted(match)


def _speak_size(match: re.Match[str]) -> str:
    """1920x1080 → nineteen twenty by ten eighty; 3 × 4 is a product."""
    sizes = re.split(r" ?[x×*] ?", match.group())
    spell = spell_code if min(map(len, sizes)) > 2 else spell_number
    return " by ".join(map(spell, sizes))


COUNT_RULES = (
    Rule(
        "sums",
        re.compile(
            rf"{START}{NUMBER}(?: ?[-+–×*x·÷/] ?{NUMBER}){{1,8}} ?[=≈] ?{NUMBER}(?!\w)"
            rf"|{START}{NUMBER}(?: ?[+÷=≠≤≥] ?| [<>×*x] ?|[<>·×*] ?){NUMBER}{END}"
        ),
        _speak_sum,
        needs="=+÷≠≤≥<>·×*x",
        examples=[
            ("3 + 4 = 7, 5 - 3 = 2", "three plus four equals seven, five minus three equals two"),
            ("3 < 5", "three is less than five"),
        ],
    ),
    Rule(
        "sizes",
        re.compile(rf"{START}{NUMBER}(?:x{NUMBER}){{1,4}}(?!\w)"),
        _speak_size,
        needs="x",
        examples=[("1920x1080, 4x4", "nineteen twenty by ten eighty, four by four")],
    ),
    Rule(
        "times as many",
        re.compile(rf"{START}(?:({NUMBER})[x×]?{DASH})?({NUMBER}) ?[x×](?!\w)"),
        lambda match: (f"{spell_number(match[1])} to " if match[1] else "") + f"{spell_number(match[2])} times",
        needs="x×",
        examples=[("It was 10× faster, or 1.5x.", "It was ten times faster, or one point five times.")],
    ),
    Rule(
        "mixed fractions",
        re.compile(r"(?<![\w.,/])(\d{1,4})[ -](\d{1,2})/(\d{1,2})(?![\w/]|[.,]\d)"),
        _speak_mixed,
        needs="/",
        examples=[("2 1/2 cups", "two and a half cups")],
    ),
    Rule(
        "slashes",
        re.compile(r"(?<![\w.,/])(?:24/7/365|(\d{1,4})/(\d{1,4}))(?![\w/]|[.,]\d)"),
        lambda match: _speak_slash(match) if match[1] else _FIXED[match.group()],
        needs="/",
        examples=[
            ("We are open 24/7.", "We are open twenty four seven."),
            ("1/2, 3/4 and 10/10", "one half, three quarters and ten out of ten"),
            ("the 2023/24 season", "the twenty twenty three twenty four season"),
        ],
    ),
    Rule(
        "vulgar fractions",
        re.compile(f"((?<![\\w.,])\\d{{1,4}} ?)?([{''.join(_VULGAR)}])"),
        _speak_vulgar,
        needs="".join(_VULGAR),
        examples=[("5½ or ¾", "five and a half or three quarters")],
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
        lambda match: f"{spell_cardinal(int(match[1]))} to {spell_cardinal(int(match[2]))}",
        needs=":",
        examples=[("a 16:9 screen", "a sixteen to nine screen")],
    ),
    Rule(
        "numbered",
        re.compile(r"(?<![\w#])#(\d{1,6})(?!\w)"),
        lambda match: f"number {spell_number(match[1])}",
        needs="#",
        examples=[("We are #1.", "We are number one.")],
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
        "powers",
        re.compile(r"(?<=\w)(?:\^(-?\d{1,4})(?!\w)|([²³]))"),
        lambda match: _speak_power(match),
        needs="^²³",
        examples=[("x² and 10^6", "x squared and ten to the power of six")],
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


def _speak_power(match: re.Match[str]) -> str:
    power = match[1] or {"²": "2", "³": "3"}[match[2]]
    if power in ("2", "3"):
        return "squared" if power == "2" else "cubed"
    return f"to the power of {'minus ' if power[0] == '-' else ''}{spell_cardinal(int(power.lstrip('-')))}"
