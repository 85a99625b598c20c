"""Numbers in the characters that Japanese writes them with, which have one reading each where digits have none."""

_DIGITS = "〇一二三四五六七八九"
_SCALES = ((10**12, "兆"), (10**8, "億"), (10**4, "万"))
_MOST = 10**16

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,400})(?:\.\d{1,400})?"
"""A number as it is written: 5, 1,000, 3.14."""


def spell_cardinal_ja(number: int) -> str:
    """12345 → 一万二千三百四十五; beyond the named scales digit by digit."""
    if number >= _MOST:
        return spell_digits_ja(str(number))
    if number == 0:
        return "零"
    spelled = ""
    for scale, name in _SCALES:
        if number >= scale:
            spelled += _spell_below_ten_thousand(number // scale, scale == 10**4) + name
            number %= scale
    return spelled + (_spell_below_ten_thousand(number, True) if number else "")


def _spell_below_ten_thousand(number: int, bare: bool) -> str:
    """bare: a thousand is 千; before 億 and 兆 it is 一千."""
    spelled = ""
    for scale, name in ((1000, "千"), (100, "百"), (10, "十")):
        digit, number = divmod(number, scale)
        if digit:
            spelled += name if digit == 1 and (bare or scale < 1000) else _DIGITS[digit] + name
    return spelled + (_DIGITS[number] if number else "")


def spell_digits_ja(digits: str) -> str:
    """Digit by digit; what is no digit is left out."""
    return "".join(_DIGITS[int(digit)] if digit != "0" else "ゼロ" for digit in digits if digit.isdecimal())


def spell_number_ja(written: str) -> str:
    """A `NUMBER`: counted, with what follows its point digit by digit; one that begins with zeros is a code."""
    whole, point, fraction = written.replace(",", "").partition(".")
    is_code = len(whole) > 1 and whole[0] == "0"
    spelled = spell_digits_ja(whole) if is_code or len(whole) > 16 else spell_cardinal_ja(int(whole))
    return spelled + (f"点{spell_digits_ja(fraction)}" if point else "")
