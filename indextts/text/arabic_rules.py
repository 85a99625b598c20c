"""What Arabic text is read by, in this order: what names before what counts, what is longer before its parts."""

import re

from .arabic_numbers import (
    NUMBER,
    Noun,
    count_amount,
    count_noun_ar,
    spell_cardinal_ar,
    spell_digits_ar,
    spell_number_ar,
    spell_ordinal_ar,
)
from .rule import DIGITS, Rule, match_any

_START, _END = r"(?<![\d.,])", r"(?![\d]|[.,]\d)"
_SIGN = r"(?P<sign>(?<![\w)-])[-+] ?)?"
_SIGNS = {"-": "سالب ", "+": "زائد ", "": ""}
_DASH = "(?: ?[-–] ?)"
_MONTHS = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"

_DOLLAR = Noun("دولار", "دولاران", "دولارات", "دولارا")
_EURO = Noun("يورو", "يورو", "يورو", "يورو")
_POUND = Noun("جنيه", "جنيهان", "جنيهات", "جنيها")
_CENT = Noun("سنت", "سنتان", "سنتات", "سنتا")
_MINUTE = Noun("دقيقة", "دقيقتان", "دقائق", "دقيقة", feminine=True)
_SECOND = Noun("ثانية", "ثانيتان", "ثوان", "ثانية", feminine=True)
_CURRENCIES = {
    "$": _DOLLAR,
    "US$": _DOLLAR,
    "€": _EURO,
    "£": _POUND,
    "¥": Noun("ين", "ينان", "ينات", "ينا"),
}
_METER = Noun("متر", "متران", "أمتار", "مترا")
_KILOMETER = Noun("كيلومتر", "كيلومتران", "كيلومترات", "كيلومترا")
_CENTIMETER = Noun("سنتيمتر", "سنتيمتران", "سنتيمترات", "سنتيمترا")
_MILLIMETER = Noun("مليمتر", "مليمتران", "مليمترات", "مليمترا")
_KILOGRAM = Noun("كيلوغرام", "كيلوغرامان", "كيلوغرامات", "كيلوغراما")
_GRAM = Noun("غرام", "غرامان", "غرامات", "غراما")
_LITER = Noun("لتر", "لتران", "لترات", "لترا")
_GIGABYTE = Noun("غيغابايت", "غيغابايت", "غيغابايت", "غيغابايت")
_MEGABYTE = Noun("ميغابايت", "ميغابايت", "ميغابايت", "ميغابايت")
_DEGREE = Noun("درجة", "درجتان", "درجات", "درجة", feminine=True)
_UNITS = {
    "km/h": (_KILOMETER, " في الساعة"), "كم/س": (_KILOMETER, " في الساعة"), "كم/ساعة": (_KILOMETER, " في الساعة"),
    "km²": (_KILOMETER, " مربع"), "كم²": (_KILOMETER, " مربع"), "m²": (_METER, " مربع"), "م²": (_METER, " مربع"),
    "m³": (_METER, " مكعب"), "م³": (_METER, " مكعب"), "km": (_KILOMETER, ""), "كم": (_KILOMETER, ""),
    "cm": (_CENTIMETER, ""), "سم": (_CENTIMETER, ""), "mm": (_MILLIMETER, ""), "ملم": (_MILLIMETER, ""),
    "مم": (_MILLIMETER, ""), "m": (_METER, ""), "kg": (_KILOGRAM, ""), "كغ": (_KILOGRAM, ""), "كجم": (_KILOGRAM, ""),
    "g": (_GRAM, ""), "غ": (_GRAM, ""), "L": (_LITER, ""), "l": (_LITER, ""), "GB": (_GIGABYTE, ""),
    "MB": (_MEGABYTE, ""), "°C": (_DEGREE, " مئوية"), "℃": (_DEGREE, " مئوية"), "°م": (_DEGREE, " مئوية"),
    "°F": (_DEGREE, " فهرنهايت"), "°": (_DEGREE, ""),
}  # fmt: skip
_HALVES = {"ص": " صباحا", "am": " صباحا", "م": " مساء", "pm": " مساء"}
_SIGN_WORDS = {"&": "و", "+": "زائد", "=": "يساوي", "×": "ضرب", "÷": "على", "%": "بالمئة", "@": "آت"} | {
    "€": "يورو",
    "$": "دولار",
    "£": "جنيه",
}
_ORDINAL_NOUNS = "القرن الفصل الدرس الطابق الجزء الباب الحلقة المرحلة الطبعة"
_FEMININE_NOUNS = frozenset(("الحلقة", "المرحلة", "الطبعة"))


def _speak_date_ar(match: re.Match[str]) -> str | None:
    day, month = int(match["day"]), int(match["month"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    year = spell_cardinal_ar(int(match["year"]), oblique=True)
    return f"{spell_ordinal_ar(day)} من {_MONTHS.split()[month - 1]} عام {year}"


def _speak_time_ar(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24 or minute > 59:
        return None
    parts = [spell_ordinal_ar(hour, feminine=True) if hour > 1 else "الواحدة" if hour else "الثانية عشرة"]
    if minute:
        parts.append({15: "الربع", 30: "النصف"}.get(minute) or count_noun_ar(minute, _MINUTE))
    if match["second"] and int(match["second"]):
        parts.append(count_noun_ar(int(match["second"]), _SECOND))
    return " و".join(parts) + _HALVES.get((match["half"] or "").lower(), "")


def _speak_money_ar(match: re.Match[str]) -> str:
    sign = _SIGNS[(match["sign"] or "").strip()]
    noun = _CURRENCIES[match["symbol"]]
    whole, _, parts = match["amount"].partition(".")
    if match["scale"]:
        return f"{sign}{spell_number_ar(match['amount'])} {match['scale']} {noun.one}"
    if len(parts) != 2:
        return sign + count_amount(match["amount"], noun)
    cents = [count_noun_ar(int(parts), _CENT)] if int(parts) else []
    counted = [count_amount(whole, noun)] if int(whole.replace(",", "")) or not cents else []
    return sign + " و".join(counted + cents)


def _speak_unit_ar(match: re.Match[str]) -> str:
    noun, behind = _UNITS[match["unit"]]
    before = f"{spell_number_ar(match['from'])} إلى " if match["from"] else ""
    return f"{_SIGNS[(match['sign'] or '').strip()]}{before}{count_amount(match['amount'], noun)}{behind}"


def _speak_percent_ar(match: re.Match[str]) -> str:
    before = f"{spell_number_ar(match['from'])} إلى " if match["from"] else ""
    return f"{_SIGNS[(match['sign'] or '').strip()]}{before}{spell_number_ar(match['amount'])} بالمئة"


ARABIC_RULES = (
    Rule(
        "dates",
        re.compile(r"(?<![\w/.-])(?P<day>\d{1,2})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\w/-])"),
        _speak_date_ar,
        needs=DIGITS,
        examples=[("في 5/3/2024", "في الخامس من مارس عام ألفين وأربعة وعشرين")],
    ),
    Rule(
        "ISO dates",
        re.compile(r"(?<![\w/.-])(?P<year>\d{4})(?P<mark>[/-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\w/-])"),
        _speak_date_ar,
        needs=DIGITS,
        examples=[("2024-12-31", "الحادي والثلاثون من ديسمبر عام ألفين وأربعة وعشرين")],
    ),
    Rule(
        "telephones",
        re.compile(
            r"(?<![\w.,+-])(?:\+\d{1,3}[ -]?)?\d{2,4}(?:[ -]\d{2,4}){2,4}(?![\w-]|[.,]\d)|(?<![\w.,+-])\+\d{8,15}(?!\w)"
        ),
        lambda match: (
            ("زائد " if match.group()[0] == "+" else "")
            + ", ".join(map(spell_digits_ar, re.findall(r"\d+", match.group())))
        ),
        needs=DIGITS,
        examples=[("اتصل 050 123 4567", "اتصل صفر خمسة صفر, واحد اثنان ثلاثة, أربعة خمسة ستة سبعة")],
    ),
    Rule(
        "years",
        re.compile(r"(?<!\w)(ال)?(عام|سنة) (\d{3,4})(?![\w]|[.,]\d)"),
        lambda match: f"{match[1] or ''}{match[2]} {spell_cardinal_ar(int(match[3]), oblique=True)}",
        needs=DIGITS,
        examples=[("في عام 2012", "في عام ألفين واثني عشر")],
    ),
    Rule(
        "times",
        re.compile(
            r"(?<![\w:.,])(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?![\d:])"
            r"(?: ?(?P<half>[صم]|[aApP][mM])(?!\w))?"
        ),
        _speak_time_ar,
        needs=":",
        examples=[
            ("الساعة 8:30 صباحا", "الساعة الثامنة والنصف صباحا"),
            ("الساعة 1:05 م", "الساعة الواحدة وخمس دقائق مساء"),
        ],
    ),
    Rule(
        "ratios",
        re.compile(r"(?<![\w:.,])(\d{1,5}):(\d{1,5})(?![\w:])"),
        lambda match: f"{spell_cardinal_ar(int(match[1]))} إلى {spell_cardinal_ar(int(match[2]))}",
        needs=":",
        examples=[("النتيجة 3:2", "النتيجة ثلاثة إلى اثنان")],
    ),
    Rule(
        "money, sign before",
        re.compile(
            rf"{_SIGN}(?P<symbol>(?:US)?\$|[€£¥]) ?(?P<amount>{NUMBER}){_END}(?: (?P<scale>مليون|مليار|ألف)\b)?"
        ),
        _speak_money_ar,
        needs="$€£¥",
        examples=[("$5 و€2", "خمسة دولارات ويورو"), ("$12.50", "اثنا عشر دولارا وخمسون سنتا")],
    ),
    Rule(
        "money, sign behind",
        re.compile(rf"{_SIGN}{_START}(?P<amount>{NUMBER})(?: (?P<scale>مليون|مليار|ألف))? ?(?P<symbol>[$€£¥])"),
        _speak_money_ar,
        needs="$€£¥",
        examples=[("25$ فقط", "خمسة وعشرون دولارا فقط"), ("3 مليون $", "ثلاثة مليون دولار")],
    ),
    Rule(
        "percent",
        re.compile(rf"{_SIGN}{_START}(?:(?P<from>{NUMBER}){_DASH})?(?P<amount>{NUMBER}) ?%"),
        _speak_percent_ar,
        needs="%٪",
        examples=[("25%", "خمسة وعشرون بالمئة"), ("نسبة ٪٥٠ و١٠٪", "نسبة خمسون بالمئة وعشرة بالمئة")],
    ),
    Rule(
        "units",
        re.compile(
            rf"{_SIGN}{_START}(?:(?P<from>{NUMBER}){_DASH})?(?P<amount>{NUMBER}) ?(?P<unit>{match_any(_UNITS)})(?!\w)"
        ),
        _speak_unit_ar,
        needs=DIGITS,
        examples=[
            ("5 كم و 11 kg", "خمسة كيلومترات و أحد عشر كيلوغراما"),
            ("-5 °C و 100 km/h", "سالب خمس درجات مئوية و مئة كيلومتر في الساعة"),
        ],
    ),
    Rule(
        "ordinals",
        re.compile(rf"(?<!\w)({match_any(_ORDINAL_NOUNS)}) (?:ال)?(\d{{1,2}})(?![\w.,]\d|\d)"),
        lambda match: f"{match[1]} {spell_ordinal_ar(int(match[2]), match[1] in _FEMININE_NOUNS)}",
        needs=DIGITS,
        examples=[("القرن 21", "القرن الحادي والعشرون"), ("الحلقة 3.", "الحلقة الثالثة.")],
    ),
    Rule(
        "ranges",
        re.compile(rf"{_START}({NUMBER}){_DASH}({NUMBER}){_END}"),
        lambda match: f"{spell_number_ar(match[1])} إلى {spell_number_ar(match[2])}",
        needs="-–",
        examples=[("10-20", "عشرة إلى عشرون")],
    ),
    Rule(
        "fractions",
        re.compile(r"(?<![\d/.,])(\d{1,4})/(\d{1,4})(?![\d/])"),
        lambda match: (
            {"1/2": "نصف", "1/3": "ثلث", "1/4": "ربع", "3/4": "ثلاثة أرباع", "2/3": "ثلثان"}.get(match.group())
            or f"{spell_cardinal_ar(int(match[1]))} على {spell_cardinal_ar(int(match[2]))}"
        ),
        needs="/",
        examples=[("1/2 و 7/9", "نصف و سبعة على تسعة")],
    ),
    Rule(
        "numbers",
        re.compile(rf"{_SIGN}{_START}(?P<amount>{NUMBER})"),
        lambda match: _SIGNS[(match["sign"] or "").strip()] + spell_number_ar(match["amount"]),
        needs=DIGITS,
        examples=[
            ("السعر 25 دولارًا.", "السعر خمسة وعشرون دولارًا."),
            ("١٢٣ و 3.5 و 1,000,000", "مئة وثلاثة وعشرون و ثلاثة فاصلة خمسة و مليون"),
            ("2345 و 007", "ألفان وثلاثمئة وخمسة وأربعون و صفر صفر سبعة"),
        ],
    ),
    Rule(
        "digits left",
        re.compile(r"\d{1,400}"),
        lambda match: spell_number_ar(match.group()),
        needs=DIGITS,
        examples=[("1.2.3", "واحد فاصلة اثنان.ثلاثة")],
    ),
    Rule(
        "signs",
        re.compile(r" ?[&+=×÷%@€$£] ?"),
        lambda match: f" {_SIGN_WORDS[match.group().strip()]} ",
        needs="&+=×÷%@€$£",
        examples=[("2 + 3 = 5", "اثنان زائد ثلاثة يساوي خمسة")],
    ),
)
