"""Numbers into English words. British "and" stands before what is left below a hundred, as the grammar has it."""

import re

NUMBER = r"(?:(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
"""A number as it is written: 5, 1,000, 3.14, .5."""
START = r"(?<![\w.,])"
"""No digit, letter, stop or comma stands before."""
END = r"(?!\w|[.,]\d)"
"""What was matched is the whole of the number or word."""
DASH = r"(?: ?[-–] ?|—)"
"""Between the two ends of a range."""

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_MOST = 10**15
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def spell_cardinal(number: int) -> str:
    """123 → one hundred and twenty three. Beyond the named scales digit by digit."""
    if number >= _MOST:
        return spell_digits(str(number))
    words = []
    for scale, name in _SCALES:
        if number >= scale:
            words.append(f"{_spell_below_thousand(number // scale, '')} {name}")
            number %= scale
    if number or not words:
        joint = "and " if words and number < 100 else ""
        words.append(joint + _spell_below_thousand(number, "and "))
    return " ".join(words)


def _spell_below_thousand(number: int, joint: str) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _spell_below_hundred(rest)
    return f"{_SMALL[hundreds]} hundred" + (f" {joint}{_spell_below_hundred(rest)}" if rest else "")


def _spell_below_hundred(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f" {_SMALL[ones]}" if ones else "")


def spell_ordinal(number: int) -> str:
    """103 → one hundred third."""
    before, _, last = spell_cardinal(number).replace(" and ", " ").rpartition(" ")
    if last not in _ORDINALS:
        return f"{before} {last.removesuffix('y') + 'ie' if last.endswith('y') else last}th".strip()
    return f"{before} {_ORDINALS[last]}".strip()


def spell_digits(digits: str, zero: str = "zero") -> str:
    """Digit by digit; what is no digit is left out."""
    return " ".join(_SMALL[int(digit)] if int(digit) else zero for digit in digits if digit.isdecimal())


def spell_part(digits: str) -> str:
    """One number of a version, 3.11 or 1.0.05: counted, digit by digit with zeros in front."""
    return spell_digits(digits) if digits[0] == "0" and len(digits) > 1 else spell_cardinal(int(digits))


def spell_year(year: int) -> str:
    """1999 → nineteen ninety nine, 2005 → two thousand five, 1805 → eighteen oh five; others are counted."""
    if not 1000 < year < 3000 or year % 1000 == 0:
        return spell_cardinal(year)
    if year % 1000 < 10:
        return spell_cardinal(year).replace(" and ", " ")
    return f"{spell_cardinal(year // 100)} {_spell_pair(year % 100)}"


def _spell_pair(pair: int) -> str:
    if pair == 0:
        return "hundred"
    return f"oh {_SMALL[pair]}" if pair < 10 else spell_cardinal(pair)


def spell_code(digits: str) -> str:
    """The number of a model or a room, in pairs: 320 → three twenty, 4090 → forty ninety, 007 → oh oh seven."""
    if (digits[0] == "0" and len(digits) > 1) or len(digits) > 4:
        return spell_digits(digits, "oh")
    number = int(digits)
    if number < 100 or number % 1000 == 0:
        return spell_cardinal(number)
    return f"{spell_cardinal(number // 100)} {_spell_pair(number % 100)}"


def spell_number(written: str) -> str:
    """A `NUMBER`: counted, with what follows its stop digit by digit."""
    whole, point, fraction = written.replace(",", "").partition(".")
    if not point:
        return spell_digits(whole, "oh") if len(whole) > 1 and whole[0] == "0" else spell_cardinal(int(whole))
    zero = "oh" if fraction.strip("0") else "zero"
    return " ".join(filter(None, (whole and spell_cardinal(int(whole)), "point", spell_digits(fraction, zero))))


_SIGNS = {"-": "negative", "+": "plus", "±": "plus or minus", "~": "about", "≈": "about", "<": "less than"} | {
    ">": "more than",
    "≤": "at most",
    "≥": "at least",
}
SIGN = "(?:(?<![\\w.,)\U000f0000-\U000ffffd])[-+±~≈<>≤≥] ?)?"
"""A sign before a number; behind a word, a bracket or what is spoken already it is a hyphen."""


def spell_signed(sign: str | None, written: str) -> str:
    """A number with the sign before it, or without."""
    word = _SIGNS.get((sign or "").strip(), "")
    return f"{word} {spell_number(written)}".strip()


_ROMAN = re.compile("M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", re.IGNORECASE)
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def count_roman(numeral: str) -> int:
    """VIII → 8; 0 for what is no Roman numeral."""
    if not numeral or not _ROMAN.fullmatch(numeral):
        return 0
    values = [_ROMAN_VALUES[letter] for letter in numeral.upper()]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
