"""English dates, and the short names of months and days."""

import re

from .english_numbers import DASH, END, START, spell_code, spell_ordinal, spell_year
from .rule import DIGITS, Rule
from .sentence_ends import keep_stop

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_BY_SHORT_NAME = {month[:3]: month for month in _MONTHS} | {"sept": "september"}
_SHORT_MONTH = "(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
_LONG_MONTH = "|".join([month.capitalize() for month in _MONTHS] + [month.upper() for month in _MONTHS])
_ANY_MONTH = rf"(?:(?:{_LONG_MONTH})\b|{_SHORT_MONTH}\b\.?)"
_MONTH = rf"(?P<month>{_ANY_MONTH})"
_TH = "(?:st|nd|rd|th)?"
_DAYS = rf"(?P<day>0?[1-9]|[12]\d|3[01]){_TH}(?:{DASH}(?P<to_day>[1-9]|[12]\d|3[01]){_TH})?"
_YEAR = r"(?P<year>1\d{3}|20\d\d)"
_AND_YEAR = rf"(?:(?P<gap>,? ){_YEAR}{END})?"

_DAY_NAMES = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_SHORT_DAY = r"\b(?:Mon|Tues?|Weds?|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?"
_NO_WORD_DAY = r"\b(?:Mon|Tues?|Thu(?:rs?)?|Fri)\b"
_LONG_DAY = r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
_BETWEEN_DAYS = rf"(?:{DASH}| ?[,&/+] ?|,? (?:and|or|to|through) )"


def _name_month(written: str) -> str:
    name = written.rstrip(".").lower()
    return _BY_SHORT_NAME.get(name, name)


def _speak_days(match: re.Match[str]) -> str:
    days = spell_ordinal(int(match["day"]))
    return f"{days} to the {spell_ordinal(int(match['to_day']))}" if match["to_day"] else days


def _speak_date(match: re.Match[str]) -> str:
    return f"the {_speak_days(match)} of {_name_month(match['month'])}{_speak_year(match)}"


def _speak_the_date(match: re.Match[str]) -> str:
    """the July 4 attack: a month with its day, before what happened on it."""
    return f"the {_name_month(match['month'])} {_speak_days(match)}{_speak_year(match)}"


def _speak_year(match: re.Match[str]) -> str:
    return f"{match['gap']}{spell_year(int(match['year']))}" if match["year"] else keep_stop(match)


def _speak_numbered_date(year: str, month: str, day: str) -> str | None:
    """A date of numbers alone; what is no month, beyond twelve, is the day."""
    first, second = sorted((int(month), int(day))) if int(month) > 12 else (int(month), int(day))
    if not (1 <= first <= 12 and 1 <= second <= 31):
        return None
    spoken_year = spell_year(int(year)) if len(year) == 4 else spell_code(year)
    return f"the {spell_ordinal(second)} of {_MONTHS[first - 1]} {spoken_year}"


def _name_days(match: re.Match[str]) -> str:
    """Every short name in a match, with the last one's stop where it ends the sentence."""
    names = re.sub(_SHORT_DAY, lambda day: _DAY_NAMES[day.group()[:3].lower()], match.group())
    return re.sub("[-–—]", " to ", names) + keep_stop(match)


CALENDAR_RULES = (
    Rule(
        "days before dates",
        re.compile(rf"{_SHORT_DAY}(?=,? (?:the )?(?:{_ANY_MONTH} \d|\d))"),
        _name_days,
        needs=DIGITS,
        final=False,
        examples=[("On Sat, May 5th", "On Saturday, the fifth of may"), ("Sun. 10:30", "Sunday ten thirty")],
    ),
    Rule(
        "days in a row",
        re.compile(rf"(?:{_SHORT_DAY}|{_LONG_DAY})(?:{_BETWEEN_DAYS}(?:{_SHORT_DAY}|{_LONG_DAY})){{1,6}}"),
        _name_days,
        needs="MTWFS",
        final=False,
        examples=[
            ("Mon-Fri, Monday–Friday", "Monday to Friday, Monday to Friday"),
            ("Open Mon, Wed and Sat.", "Open Monday, Wednesday and Saturday."),
        ],
    ),
    Rule(
        "days alone",
        re.compile(
            rf"{_NO_WORD_DAY}\.(?! [A-Z])|\b(?:Wed|Sat|Sun)\.(?= [a-z])|{_NO_WORD_DAY}(?=\s?(?:$|[,;:!?)]|\d))"
            rf"|{_SHORT_DAY}(?= (?:night|morning|afternoon|evening|noon)\b)"
            r"|\b(?:on|every|next|last|by) (?:Weds?|Sat)\b\.?(?! on\b)"
            r"|\b(?:on|every|next) Sun\b\.?(?! (?:is|was|are)\b)"
        ),
        _name_days,
        needs="MTWFS",
        final=False,
        examples=[
            ("See you Fri. at noon, or on Sat.", "See you Friday at noon, or on Saturday."),
            ("Sat on the bench, he saw the Sun.", "Sat on the bench, he saw the Sun."),
            ("Wed in June, they read The Sun.", "Wed in June, they read The Sun."),
        ],
    ),
    Rule(
        "months to months",
        re.compile(rf"\b({_ANY_MONTH})((?:,? \d{{1,4}}(?:st|nd|rd|th)?)?){DASH}({_ANY_MONTH})"),
        lambda match: f"{_name_month(match[1]).capitalize()}{match[2]} to {_name_month(match[3]).capitalize()}",
        needs="-–—",
        final=False,
        examples=[
            ("Jan–Mar", "January to March"),
            ("Jan 5 – Feb 10", "the fifth of january to the tenth of february"),
        ],
    ),
    Rule(
        "years of an era",
        re.compile(
            rf"{START}([1-9]\d{{2,3}})(?= ?(?:AD|BC|CE|BCE|A\.D\.|B\.C\.)(?![\w]))|(?<=\bAD )([1-9]\d{{2,3}}){END}"
        ),
        lambda match: spell_year(int(match[1] or match[2])),
        needs="AB",
        examples=[("in 1066 AD, AD 1215", "in ten sixty six AD, AD twelve fifteen"), ("500 BC", "five hundred BC")],
    ),
    Rule(
        "until now",
        re.compile(r"(\d(?: ?[ap]\.?m\.?)?) ?[-–—] ?(?=(?:noon|midnight|present|today|now)\b)"),
        lambda match: f"{match[1]} to ",
        needs="-–—",
        final=False,
        examples=[("8am–noon, 1990–present", "eight AM to noon, nineteen ninety to present")],
    ),
    Rule(
        "numbered dates, year first",
        re.compile(rf"{START}([12]\d{{3}})([-/.])(\d\d?)\2(\d\d?){END}(?!-)"),
        lambda match: _speak_numbered_date(match[1], match[3], match[4]),
        needs=DIGITS,
        examples=[("2020-01-05", "the fifth of january twenty twenty")],
    ),
    Rule(
        "numbered dates, year last",
        re.compile(rf"{START}(\d\d?)([-/.])(\d\d?)\2((?:1\d|20)\d\d|(?<=/)\d\d){END}(?!-)"),
        lambda match: _speak_numbered_date(match[4], *(match.group(3, 1) if match[2] == "." else match.group(1, 3))),
        needs=DIGITS,
        examples=[
            ("on 12/25/2020", "on the twenty fifth of december twenty twenty"),
            ("25.12.2020", "the twenty fifth of december twenty twenty"),
        ],
    ),
    Rule(
        "the day after the month",
        re.compile(rf"\b[Tt]he {_MONTH} {_DAYS}{END}(?![:%])(?!,? \d)(?P<gap>)(?P<year>)(?= [a-z])"),
        _speak_the_date,
        needs=DIGITS,
        examples=[("the May 5 show", "the may fifth show")],
    ),
    Rule(
        "month and day",
        re.compile(rf"(?:\b[Tt]he )?\b{_MONTH} {_DAYS}{END}(?![:%]){_AND_YEAR}"),
        _speak_date,
        needs=DIGITS,
        examples=[
            ("On July 4, 1776 it rained.", "On the fourth of july, seventeen seventy six it rained."),
            ("Jan. 5th, Sept. 5-7", "the fifth of january, the fifth to the seventh of september"),
        ],
    ),
    Rule(
        "day and month",
        re.compile(rf"(?:\b[Tt]he )?{START}{_DAYS} (?:of )?{_MONTH}(?!\w){_AND_YEAR}"),
        _speak_date,
        needs=DIGITS,
        examples=[
            ("On 5 May 2020", "On the fifth of may twenty twenty"),
            ("It was the 1st of May.", "It was the first of may."),
            ("It was 3 Dec.", "It was the third of december."),
        ],
    ),
    Rule(
        "month and year",
        re.compile(rf"\b{_MONTH}(?P<gap>,? ){_YEAR}{END}(?!-)"),
        lambda match: f"{_name_month(match['month'])}{_speak_year(match)}",
        needs=DIGITS,
        examples=[("in Sept. 2020", "in september twenty twenty")],
    ),
    Rule(
        "short months",
        re.compile(
            r"\b(?:Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\.(?!\w)|\b(?:Mar|Jun|Jul)\.(?= [a-z])"
            r"|(?<=in |of )(?:Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\b(?! [A-Z])"
        ),
        lambda match: _name_month(match.group()).capitalize() + keep_stop(match),
        needs="JFASONDM",
        final=False,
        examples=[("In Feb. he left, back in Dec.", "In February he left, back in December.")],
    ),
)
