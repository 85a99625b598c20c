"""English fractions, products and sums, and what is written with a slash."""

import re

from .english_numbers import (
    DASH,
    END,
    NUMBER,
    START,
    spell_cardinal,
    spell_code,
    spell_number,
    spell_ordinal,
    spell_year,
)
from .rule import Rule

_FIXED = {
    "24/7": "twenty four seven",
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
_PEOPLE = re.compile(" (?:people|men|women|children|kids|adults|users|doctors|students|voters|patients|times)\\b")
_BEAT = re.compile(r"[- ](?:time|beat|meter|bar|rhythm|signature)\b")
_RATED = re.compile(
    r"\b(?:an?|it|score[ds]?|scored|got|rated?|gives?|gave|solid|rating|is|was)(?: a|:| of)? $", re.IGNORECASE
)


def _speak_sum(match: re.Match[str]) -> str:
    """3 + 4 = 7."""
    spoken = []
    for place, part in enumerate(_OPERATOR.split(match.group())):
        spoken.append(_OPERATORS[part] if place % 2 else spell_number(part))
    return " ".join(spoken)


def spell_fraction(top: int, bottom: int) -> str:
    """3, 4 → three quarters."""
    one, many = _PARTS.get(bottom, (spell_ordinal(bottom), f"{spell_ordinal(bottom)}s"))
    return f"{spell_cardinal(top)} {one if top == 1 else many}"


def _speak_slash(match: re.Match[str]) -> str:
    written, top, bottom = match.group(), int(match[1]), int(match[2])
    if written in _FIXED:
        return _FIXED[written]
    if _BEAT.match(match.string, match.end()):
        return f"{spell_cardinal(top)} {spell_cardinal(bottom)}"
    before = match.string[max(0, match.start() - 12) : match.start()]
    if _PEOPLE.match(match.string, match.end()) or (
        bottom in (5, 10, 20, 25, 30, 40, 50, 100) and _RATED.search(before)
    ):
        return f"{spell_cardinal(top)} out of {spell_cardinal(bottom)}"
    if bottom == top + 1 > 10 and top < 100:  # Windows 10/11
        return f"{spell_cardinal(top)} {spell_cardinal(bottom)}"
    if 1 <= top < bottom <= 100 and len(match[2]) < 4 and match[1][0] != "0":
        return spell_fraction(top, bottom)
    if 80 <= top <= 260 and 40 <= bottom < top:  # a pressure of blood
        return f"{spell_cardinal(top)} over {spell_cardinal(bottom)}"
    if len(match[1]) == 4:
        return f"{spell_year(top)} {spell_code(match[2]) if len(match[2]) < 4 else spell_year(bottom)}"
    if top <= bottom <= 10 or bottom in (5, 10, 100):
        return f"{spell_cardinal(top)} out of {spell_cardinal(bottom)}"
    return f"{spell_number(match[1])} {spell_number(match[2])}"


def _speak_mixed(match: re.Match[str]) -> str:
    """2 1/2 → two and a half."""
    fraction = spell_fraction(int(match[2]), int(match[3]))
    return f"{spell_number(match[1])} and {_AN_ONE.sub('a', fraction)}"


def _speak_vulgar(match: re.Match[str]) -> str:
    fraction = _VULGAR[match[2]]
    if not match[1]:
        return fraction
    return f"{spell_number(match[1].strip())} and {_AN_ONE.sub('a', fraction)}"


def _speak_size(match: re.Match[str]) -> str:
    """1920x1080 → nineteen twenty by ten eighty; 3 × 4 is a product."""
    sizes = re.split(r" ?[x×*] ?", match.group())
    spell = spell_code if min(map(len, sizes)) > 2 else spell_number
    return " by ".join(map(spell, sizes))


def _speak_power(match: re.Match[str]) -> str:
    power = match[1] or {"²": "2", "³": "3"}[match[2]]
    if power in ("2", "3"):
        return "squared" if power == "2" else "cubed"
    return f"to the power of {'minus ' if power[0] == '-' else ''}{spell_cardinal(int(power.lstrip('-')))}"


SUM_RULES = (
    Rule(
        "powers",
        re.compile(r"(?<=\w)(?:\^(-?\d{1,4})(?!\w)|([²³]))"),
        lambda match: _speak_power(match),
        needs="^²³",
        examples=[("x² and 10^6", "x squared and ten to the power of six")],
    ),
    Rule(
        "sizes",
        re.compile(rf"{START}(?:{NUMBER}(?:x{NUMBER}){{1,4}}|\d{{3,4}} ?[x×] ?\d{{3,4}})(?!\w)"),
        _speak_size,
        needs="x×",
        examples=[("1920×1080, 4x4", "nineteen twenty by ten eighty, four by four")],
    ),
    Rule(
        "sums",
        re.compile(
            rf"{START}{NUMBER}(?: ?[-+–×*x·÷/] ?{NUMBER}){{1,8}} ?[=≈] ?{NUMBER}(?!\w)"
            rf"|{START}{NUMBER} ?[+÷×] ?{NUMBER}(?: ?[-–+÷×] ?{NUMBER}){{1,8}}{END}"
            rf"|{START}{NUMBER}(?: ?[+÷=≠≤≥] ?| [<>×*x] ?|[<>·×*] ?){NUMBER}{END}"
        ),
        _speak_sum,
        needs="=+÷≠≤≥<>·×*x",
        examples=[
            ("3 + 4 = 7, 5 - 3 = 2", "three plus four equals seven, five minus three equals two"),
            ("3 < 5", "three is less than five"),
            ("x = 5 + 3 - 2", "x equals five plus three minus two"),
        ],
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
)
