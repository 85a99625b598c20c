"""Arabic numerals as Mandarin speaks them: as an amount, digit by digit, or as a count before a measure word."""

import re

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,8}|[0-9]+)(?:\.[0-9]+)?(?![0-9])"
"""An amount: 1299, 1,299 or 1,299.50. Whoever uses it begins behind what is no digit: `START`."""

START = r"(?<![0-9A-Za-z.,])"
"""No digit, letter, dot or comma before; a number begins here."""

_DIGITS = "零一二三四五六七八九"
_TO_DIGITS = str.maketrans("0123456789", _DIGITS)
_TO_CODE = str.maketrans("0123456789", _DIGITS.replace("一", "幺"))
_TENS = ("", "十", "百", "千")
_MYRIADS = ("", "万", "亿", "万亿", "亿亿")
_LONGEST_AMOUNT = 4 * len(_MYRIADS)
_ZEROS_ONLY = re.compile(r"\.0+$")


def read_digits(text: str) -> str:
    """Every digit by itself: 2021 二零二一. All else stays."""
    return text.translate(_TO_DIGITS)


def read_code(text: str) -> str:
    """Every digit by itself as in telephone numbers, where 1 is 幺."""
    return text.translate(_TO_CODE)


def read_amount(number: str) -> str:
    """`number`, as `NUMBER` or with a leading minus, as an amount: 1,299 一千二百九十九, 2.05 二点零五, 200 两百."""
    if number.startswith("-"):
        return "负" + read_amount(number[1:])
    whole, dot, decimals = number.replace(",", "").partition(".")
    if dot:
        return f"{read_integer(whole)}点{read_digits(decimals)}"
    return read_integer(whole)


def read_integer(digits: str) -> str:
    """Digits as an amount; with a leading zero, or too many for one, as digits."""
    if (len(digits) > 1 and digits.startswith("0")) or len(digits) > _LONGEST_AMOUNT:
        return read_digits(digits)
    amount = _read_ordinal(digits)
    starts_with_hundreds = amount[1:2] in ("百", "千", "万", "亿") and amount.startswith("二")
    return "两" + amount[1:] if starts_with_hundreds else amount


def read_ordinal(digits: str) -> str:
    """Digits as what counts places and not things, never 两: 2 二, 200 二百, 12 十二."""
    return read_digits(digits) if len(digits) > 1 and digits.startswith("0") else _read_ordinal(digits)


def read_count(number: str) -> str:
    """`number` before a measure word: 2 is 两."""
    return "两" if number == "2" else read_amount(number)


def read_money(number: str) -> str:
    """`number` before a currency: 2 is 两, and a price of so many and no cents has none: 99.00."""
    return read_count(_ZEROS_ONLY.sub("", number))


def _read_ordinal(digits: str) -> str:
    if not digits.strip("0"):
        return "零"
    padded = digits.zfill(-(-len(digits) // 4) * 4)
    groups = [padded[start : start + 4] for start in range(0, len(padded), 4)]
    spoken = ""
    for place, group in zip(reversed(range(len(groups))), groups, strict=True):
        if int(group):
            gap = spoken and (group.startswith("0") or spoken.endswith("零"))
            spoken = f"{spoken}{'零' if gap else ''}{_read_thousands(group)}{_MYRIADS[place]}"
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def _read_thousands(group: str) -> str:
    """Four digits without the zero before the first of them: 0010 一十, 1020 一千零二十."""
    spoken, gap = "", False
    for place, digit in zip((3, 2, 1, 0), group, strict=True):
        if digit == "0":
            gap = bool(spoken)
            continue
        spoken += f"{'零' if gap else ''}{read_digits(digit)}{_TENS[place]}"
        gap = False
    return spoken
