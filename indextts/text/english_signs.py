"""English for the signs that are left when every number is read."""

import re
import unicodedata

from .rule import Rule
from .sentence_ends import keep_stop

_EITHER = "he/she|she/he|him/her|her/him|his/her|her/his|his/hers|s/he|yes/no|true/false|he/him|she/her|they/them"
_SIGNS = {
    "&": "and",
    "+": "plus",
    "=": "equals",
    "%": "percent",
    "@": "at",
    "≈": "about",
    "≠": "is not equal to",
    "≤": "at most",
    "≥": "at least",
    "±": "plus or minus",
    "×": "times",
    "÷": "divided by",
    "∞": "infinity",
    "√": "square root of",
    "°": "degrees",
    "€": "euros",
    "£": "pounds",
    "$": "dollars",
    "¢": "cents",
    "№": "number",
    "_": "underscore",
    "#": "hash",
}

_SHORT = {
    "w/o": "without",
    "w/out": "without",
    "w/": "with",
    "c/o": "care of",
    "b/c": "because",
    "km/h": "kilometers per hour",
    "m/s": "meters per second",
}

_PER = {"wk": "week", "mo": "month", "yr": "year", "hr": "hour", "min": "minute", "sec": "second"}
_NO_DIGIT = re.compile(r"\D")
_COMPARED = {"<": "is less than", ">": "is more than", ">=": "≥", "<=": "≤", "!=": "≠", "==": "="}

COMPARISON_RULES = (
    Rule(
        "groups of digits",
        re.compile(
            r"(?<![\w.,'’])(?:\d{1,3}(?:[ '’]\d{3}){0,4}[ '’]000|\d{1,3}(?:['’]\d{3}){1,5}|\d{1,2}(?:,\d\d){1,4},\d{3})"
            r"(?![\w'’]|[., ]\d)"
        ),
        lambda match: _NO_DIGIT.sub("", match.group()),
        needs=" ,'’",
        final=False,
        examples=[("1 000 000, 5'000, 1,00,000", "one million, five thousand, one hundred thousand")],
    ),
    Rule(
        "commas before decimals",
        re.compile(r"(?<=[€$£])(\d{1,9}),(\d\d)(?![\d,])|(?<![\w.,])(\d{1,9}),(\d{1,2})(?= ?[%€])"),
        lambda match: ".".join(part for part in match.groups() if part),
        needs=",",
        final=False,
        examples=[("€1,50 and 12,5%", "one euro and fifty cents and twelve point five percent")],
    ),
    Rule(
        "hearts",
        re.compile(r"(?<![\w<])(?<!\b[a-zA-HJ-Z] )(?<!\d )<3{1,9}(?!\w|[.,]\d)"),
        lambda match: " ",
        needs="<",
        final=False,
        examples=[("I <3 you, x <3", "I you, x less than three")],
    ),
    Rule(
        "comparisons",
        re.compile(r"(?<=[\w)]) ?([<>!=]=) ?(?=[\w(.-])|(?<=\S) ([<>]) (?=\S)"),
        lambda match: f" {_COMPARED[match[1] or match[2]]} ",
        needs="<>=",
        final=False,
        examples=[("x < y, n > 5, 5 >= 3", "x is less than y, n is more than five, five is at least three")],
    ),
)

SIGN_RULES = (
    Rule(
        "with and without",
        re.compile(r"(?<![\w/])(?:(w/o|w/out|b/c|c/o|N/A|n/a|km/h|m/s)(?!\w)|w/)"),
        lambda match: _SHORT.get(match.group(), "N A") + " ",
        needs="/",
        final=False,
        examples=[("tea w/o milk", "tea without milk"), ("tea w/milk, N/A", "tea with milk, N A")],
    ),
    Rule(
        "either",
        re.compile(rf"(?<![\w/])(?:{_EITHER})(?![\w/])", re.IGNORECASE),
        lambda match: match.group().replace("/", " or "),
        needs="/",
        examples=[("he/she", "he or she")],
    ),
    Rule(
        "per",
        re.compile(r"(?<=[a-z])/(wk|mo|yr|hr|min|sec)\b\.?"),
        lambda match: f" per {_PER[match[1]]}" + keep_stop(match),
        needs="/",
        final=False,
        examples=[("7 days/wk", "seven days per week")],
    ),
    Rule(
        "slashes between words",
        re.compile(r"(?<=\S)/(?=\S)"),
        lambda match: " ",
        needs="/",
        final=False,
        examples=[("and/or, TCP/IP", "and or, TCP IP")],
    ),
    Rule(
        "dots in words",
        re.compile(r"(?<=[a-z]{2})\.(?=[a-z]{2})"),
        lambda match: " dot ",
        needs=".",
        examples=[("about.me, end.So", "about dot me, end.So")],
    ),
    Rule(
        "sharp",
        re.compile(r"(?<![A-Za-z])([A-G])#(?!\w)"),
        lambda match: f"{match[1]} sharp",
        needs="#",
        examples=[("in C#", "in C sharp")],
    ),
    Rule(
        "plus plus",
        re.compile(r"(?<=\w)\+\+(?!\w)"),
        lambda match: " plus plus",
        needs="+",
        examples=[("in C++.", "in C plus plus.")],
    ),
    Rule(
        "Greek letters",
        re.compile("(?<![\u0370-\u03ff])[\u0391-\u03a9\u03b1-\u03c9](?![\u0370-\u03ff])"),
        lambda match: unicodedata.name(match.group()).split()[-1].lower(),
        needs="αβγδεζηθικλμνξοπρσςτυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
        examples=[("β-carotene, Ω", "beta-carotene, omega")],
    ),
    Rule(
        "arrows",
        re.compile(r" ?(?:<?[-=]{1,3}>|[→⇒➔➜]|<-{1,3}(?!\w)) ?"),
        lambda match: ", ",
        needs=">→⇒➔➜<",
        final=False,
        examples=[("A -> B", "A, B")],
    ),
    Rule(
        "ornaments",
        re.compile(r"[*^|★☆¿¡•†‡¶※]+"),
        lambda match: " ",
        needs="*^|★☆¿¡•†‡¶※",
        final=False,
        examples=[("a * b | c", "a b c")],
    ),
    Rule(
        "signs",
        re.compile(f"[{re.escape(''.join(_SIGNS))}]"),
        lambda match: f" {_SIGNS[match.group()]} " if _is_said(match) else " ",
        needs="".join(_SIGNS),
        final=False,
        examples=[("R&D, A+, E=m", "R and D, A plus, E equals m")],
    ),
)


def _is_said(match: re.Match[str]) -> bool:
    """A sign beside a word; alone, or in a row of its like, it is an ornament: * * *."""
    before, behind = match.string[: match.start()].rstrip(" ")[-1:], match.string[match.end() :].lstrip(" ")[:1]
    return match.group() not in (before, behind) and (before + behind).strip(_PUNCTUATION) != ""


_PUNCTUATION = ".,!?:;'\"()[]-–—…"
