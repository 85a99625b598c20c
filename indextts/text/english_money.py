"""English sums of money."""

import re
from dataclasses import dataclass

from .english_nouns import is_adjective
from .english_numbers import DASH, NUMBER, SIGN, spell_cardinal, spell_number, spell_signed
from .rule import Rule
from .sentence_ends import keep_stop


@dataclass(frozen=True)
class _Currency:
    one: str
    many: str
    one_part: str = ""
    parts: str = ""


_DOLLAR = _Currency("dollar", "dollars", "cent", "cents")
_CURRENCIES = {
    "$": _DOLLAR,
    "US$": _Currency("US dollar", "US dollars", "cent", "cents"),
    "A$": _Currency("Australian dollar", "Australian dollars", "cent", "cents"),
    "C$": _Currency("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "NZ$": _Currency("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
    "HK$": _Currency("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "S$": _Currency("Singapore dollar", "Singapore dollars", "cent", "cents"),
    "R$": _Currency("real", "reais", "centavo", "centavos"),
    "£": _Currency("pound", "pounds", "penny", "pence"),
    "€": _Currency("euro", "euros", "cent", "cents"),
    "¥": _Currency("yen", "yen"),
    "₹": _Currency("rupee", "rupees", "paisa", "paise"),
    "₩": _Currency("won", "won"),
    "₽": _Currency("ruble", "rubles", "kopeck", "kopecks"),
    "₿": _Currency("bitcoin", "bitcoins"),
}
MAGNITUDES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "mm": "million",
    "mil": "million",
    "b": "billion",
    "bn": "billion",
    "t": "trillion",
    "tn": "trillion",
    "trn": "trillion",
    "hundred": "hundred",
    "thousand": "thousand",
    "million": "million",
    "billion": "billion",
    "trillion": "trillion",
}
_SYMBOL = r"(?:US|HK|NZ|(?<![A-Z])[ACSR])?\$|[£€¥₹₩₽₿]"
_SCALE = r"(?P<scale>hundred|thousand|million|billion|trillion)\b"
_MAGNITUDE = rf"(?:[ -]?{_SCALE}|(?P<letter>[kKMBT]|[Mm]il|m[mn]?|bn|b|tr?n)(?!\w))?"
_PER = {
    "mo": "month",
    "yr": "year",
    "hr": "hour",
    "h": "hour",
    "wk": "week",
    "min": "minute",
    "sec": "second",
    "s": "second",
    "lb": "pound",
    "kg": "kilogram",
    "g": "gram",
    "km": "kilometer",
    "mi": "mile",
    "gal": "gallon",
    "l": "liter",
    "oz": "ounce",
    "ft": "foot",
    "sqft": "square foot",
    "m": "meter",
    "m²": "square meter",
    "GB": "gigabyte",
    "kWh": "kilowatt hour",
    "pp": "person",
    "ea": "each",
}
_PER_UNIT = r"(?: ?/ ?(?P<per>[A-Za-z]+²?)(?!\w)(?P<dot>(?<=mo|yr|hr|wk|lb|oz|ft)\.)?)?"


def _speak_money(match: re.Match[str]) -> str:
    currency = _CURRENCIES[match["symbol"] or match["behind"]]
    scale = match["scale"] or MAGNITUDES.get((match["letter"] or "").lower(), "")
    before = f"{spell_signed(match['sign'], match['from'])} to " if match["from"] else ""
    if match["from"] and match["from_scale"]:
        first = MAGNITUDES[match["from_scale"].lower()]
        before = before if first == scale else before.replace(" to ", f" {first} to ")
    sign = None if match["from"] else match["minus"] or match["sign"]
    amount = _count_money(currency, sign, match["amount"], scale, is_adjective(match))
    if match["plus"]:
        amount += " plus"
    return before + amount + _speak_per(match["per"]) + (keep_stop(match) if match["dot"] else "")


def _count_money(currency: _Currency, sign: str | None, amount: str, scale: str, singular: bool) -> str:
    name = currency.one if singular or (amount == "1" and not scale) else currency.many
    if scale:
        return f"{spell_signed(sign, amount)} {scale} {name}"
    whole, _, parts = amount.replace(",", "").partition(".")
    if len(parts) != 2 or not currency.parts:
        return f"{spell_signed(sign, amount)} {name}"
    counted = []
    if int(whole or 0) or not int(parts):
        name = currency.one if singular or int(whole or 0) == 1 else currency.many
        counted.append(f"{spell_cardinal(int(whole or 0))} {name}")
    if int(parts):
        counted.append(
            f"{spell_cardinal(int(parts))} {currency.one_part if int(parts) == 1 or singular else currency.parts}"
        )
    return f"{spell_signed(sign, '0').removesuffix('zero')}{' and '.join(counted)}"


def _speak_per(unit: str | None) -> str:
    if not unit:
        return ""
    return f" per {_PER.get(unit, unit)}" if _PER.get(unit) != "each" else " each"


def _speak_cents(match: re.Match[str]) -> str:
    name = "cent" if match["amount"] == "1" or is_adjective(match) else "cents"
    before = f"{spell_number(match['from'])} to " if match["from"] else ""
    return f"{before}{spell_number(match['amount'])} {name}"


_END = r"(?!\d|[.,]\d)"
MONEY_RULES = (
    Rule(
        "money",
        re.compile(
            rf"(?P<sign>{SIGN})(?<!\w)(?P<symbol>{_SYMBOL})(?P<minus>-)? ?"
            rf"(?:(?P<from>{NUMBER})(?P<from_scale>[kKmMB]|bn)?{DASH}(?:{_SYMBOL})?)?"
            rf"(?P<amount>{NUMBER}){_END}(?P<behind>){_MAGNITUDE}(?P<plus>\+)?{_PER_UNIT}"
        ),
        _speak_money,
        needs="$£€¥₹₩₽₿",
        examples=[
            ("It costs $1,000, or $5/month.", "It costs one thousand dollars, or five dollars per month."),
            (
                "He makes $10k a month, she $1.2M.",
                "He makes ten thousand dollars a month, she one point two million dollars.",
            ),
            ("It costs $5-10, or $5-$10.", "It costs five to ten dollars, or five to ten dollars."),
            ("$2.5 million and £1.20", "two point five million dollars and one pound and twenty pence"),
            ("a $5 bill for $0.99", "a five dollar bill for ninety nine cents"),
        ],
    ),
    Rule(
        "money, sign behind",
        re.compile(
            rf"(?P<sign>{SIGN})(?<![\w.,])(?:(?P<from>{NUMBER}){DASH})?"
            rf"(?P<amount>{NUMBER})(?P<from_scale>)(?P<minus>)(?P<scale>)(?P<letter>)(?P<plus>) ?"
            rf"(?P<symbol>)(?P<behind>[$£€¥₹₩₽])(?!\w){_PER_UNIT}"
        ),
        _speak_money,
        needs="$£€¥₹₩₽",
        examples=[("It was 5€, or 20$.", "It was five euros, or twenty dollars.")],
    ),
    Rule(
        "cents",
        re.compile(rf"(?<![\w.,])(?:(?P<from>{NUMBER}){DASH})?(?P<amount>{NUMBER}) ?¢"),
        _speak_cents,
        needs="¢",
        examples=[("It is 50¢.", "It is fifty cents.")],
    ),
)
