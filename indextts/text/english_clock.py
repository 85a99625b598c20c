"""English times of day and decades."""

import re

from .english_numbers import DASH, END, START, spell_cardinal, spell_code, spell_year
from .rule import DIGITS, Rule
from .sentence_ends import keep_stop

_HALF = r"[AaPp](?:\.[Mm]\b\.?|[Mm]\b)"
_HOUR = r"(?:[01]?\d|2[0-4])"
_TIME = rf"({_HOUR})(?:(?::|\.(?=\d\d ?[AaPp]\.?[Mm]\b))([0-5]\d))?(?: ?({_HALF}))?"


def _speak_clock(hour: str, minute: str | None, half: str | None) -> str:
    spoken = [spell_cardinal(int(hour))]
    if minute and minute != "00":
        spoken.append(("o " if minute[0] == "0" else "") + spell_cardinal(int(minute)))
    elif minute and not half:
        spoken.append("o'clock" if 1 <= int(hour) <= 12 else "hundred")
    if half:
        spoken.append(f"{half[0].upper()}M")
    return " ".join(spoken)


def _speak_time(match: re.Match[str]) -> str | None:
    hour, minute, half = match.groups()
    return _speak_clock(hour, minute, half) + keep_stop(match) if minute or half else None


def _speak_time_range(match: re.Match[str]) -> str | None:
    if not (match[6] or match[3] or (match[2] and match[5])):
        return None
    return f"{_speak_clock(*match.group(1, 2, 3))} to {_speak_clock(*match.group(4, 5, 6))}{keep_stop(match)}"


def spell_military_time(hour: str, minute: str) -> str:
    """0900 → oh nine hundred."""
    zero = "oh " if hour[0] == "0" else ""
    return f"{zero}{spell_cardinal(int(hour))} {'hundred' if minute == '00' else spell_code(minute)}"


def _speak_duration(match: re.Match[str]) -> str:
    hours, minutes, seconds = (
        f"{spell_cardinal(int(value))} {name}{'s' * (int(value) != 1)}"
        for value, name in zip(match.groups(), ("hour", "minute", "second"), strict=True)
    )
    return f"{hours} {minutes} and {seconds}"


def _speak_decade(decade: str) -> str:
    century, rest = divmod(int(decade), 100)
    if rest == 0:
        return _pluralize(spell_year(century * 100 or 2000))
    tens = _pluralize("ten" if rest == 10 else spell_cardinal(rest))
    return f"{spell_cardinal(century)} {tens}" if century else tens


_NO_SPAN = "(?!last|first|next|final|past|full)"  # the last 30s are seconds
_BEFORE_DECADES = "(?:the|his|her|their|my|your|our|early|late|mid|low|high|and)"


def _pluralize(words: str) -> str:
    return words.removesuffix("y") + "ies" if words.endswith("y") else words + "s"


CLOCK_RULES = (
    Rule(
        "spans of time",
        re.compile(rf"{START}{_TIME}{DASH}{_TIME}{END}(?!:)"),
        _speak_time_range,
        needs="-–—",
        examples=[
            ("open 9am–5pm", "open nine AM to five PM"),
            ("5:30-6:30", "five thirty to six thirty"),
            ("9-11 a.m. daily", "nine to eleven AM daily"),
        ],
    ),
    Rule(
        "military times",
        re.compile(r"(?<![\w.,:])([01]\d|2[0-3])([0-5]\d)(?= (?:hours|hrs|UTC|GMT|Zulu)\b)"),
        lambda match: spell_military_time(match[1], match[2]),
        needs=DIGITS,
        examples=[("at 0900 hours, 1730 GMT", "at oh nine hundred hours, seventeen thirty GMT")],
    ),
    Rule(
        "durations",
        re.compile(rf"{START}(\d\d?):([0-5]\d):([0-5]\d){END}(?!:)"),
        _speak_duration,
        needs=":",
        examples=[("1:30:45", "one hour thirty minutes and forty five seconds")],
    ),
    Rule(
        "times",
        re.compile(rf"{START}{_TIME}{END}(?!:)"),
        _speak_time,
        needs=DIGITS,
        examples=[
            ("at 8:05, or 8:00.", "at eight o five, or eight o'clock."),
            ("9 a.m. sharp, 5:30 PM", "nine AM sharp, five thirty PM"),
            ("I woke at 9 a.m. We left at 17:30.", "I woke at nine AM. We left at seventeen thirty."),
        ],
    ),
    Rule(
        "decades to decades",
        re.compile(r"(?<![\w.,])(1\d\d0|20\d0)['’]?s[-–—]['’]?(\d0)['’]?s(?!\w)"),
        lambda match: f"{_speak_decade(match[1])} to {_speak_decade(match[2])}",
        needs="s",
        examples=[("the 1960s-70s", "the nineteen sixties to seventies")],
    ),
    Rule(
        "decades of a century",
        re.compile(r"(?<![\w.,])(?:(1\d\d0|20\d0)['’]?s[-–—])?(1\d\d0|20\d0)['’]?s(?!\w)"),
        lambda match: (f"{_speak_decade(match[1])} to " if match[1] else "") + _speak_decade(match[2]),
        needs="s",
        examples=[
            ("The 1990s were great.", "The nineteen nineties were great."),
            ("Since the 1900s and the mid-1990s", "Since the nineteen hundreds and the mid-nineteen nineties"),
            ("the 2010s, the 2000's", "the twenty tens, the two thousands"),
            ("the 1970s–1990s", "the nineteen seventies to nineteen nineties"),
        ],
    ),
    Rule(
        "decades",
        re.compile(
            r"(?<!\w)['’](\d0)['’]?s(?!\w)|(?<![\w.,:-])([2-9]0)['’]?s(?= [a-z])"
            rf"|\b({_BEFORE_DECADES}[ -]|the {_NO_SPAN}[a-z]{{3,12}} )(\d0)['’]?s(?!\w)",
            re.IGNORECASE,
        ),
        lambda match: (match[3] or "") + _speak_decade(match[1] or match[2] or match[4]),
        needs="s",
        examples=[
            ("in the '80s, in her late 20s, 90s music", "in the eighties, in her late twenties, nineties music"),
        ],
    ),
    Rule(
        "short years",
        re.compile(r"(?<=\w )['’](\d\d)(?![\w'’])"),
        lambda match: spell_code(match[1]),
        needs="'’",
        examples=[("born in '85", "born in eighty five"), ("He has '12'.", "He has 'twelve'.")],
    ),
    Rule(
        "counts in the plural",
        re.compile(r"(?<![\w.,])1(000000|,000|0{1,3})s(?= of\b)"),
        lambda match: {"0": "tens", "00": "hundreds", "000000": "millions"}.get(match[1], "thousands"),
        needs="s",
        examples=[("100s of men", "hundreds of men")],
    ),
)
