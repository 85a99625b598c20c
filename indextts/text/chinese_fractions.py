"""Two numbers with a slash or a dot between them that are no quotient, and fractions, in Mandarin."""

import re
import unicodedata

from .chinese_numbers import read_amount, read_digits, read_ordinal
from .rule import Rule

_SEASON = re.compile(
    r"(?<![0-9A-Za-z.,])((?:19|20)[0-9]{2})[/-]((?:19|20)?[0-9]{2})(?=\s?(?:赛季|学年|财年|年度|榜|届))"
)
_HOLIDAY = re.compile(
    r"(?<![0-9A-Za-z./])([0-9]{1,2})[/.]([0-9]{1,2})(?=劳动节|国庆|妇女节|儿童节|青年节|建军节|教师节|黄金周|放假|假期|小长假|晚会|大促|购物节)"
)
_PRESSURE = re.compile(
    r"(?<![0-9A-Za-z./])([0-9]{2,3})/([0-9]{2,3})(?=\s?mmHg)|(?<=血压)([0-9]{2,3})/([0-9]{2,3})(?![0-9/])"
)
_FRACTION_SIGN = re.compile("([0-9]{0,6})([¼½¾⅐-⅞])")
_DIVIDED = re.compile(r"(?<![0-9A-Za-z./⁄])([0-9]{1,4})\s?[/⁄]\s?([0-9]{1,4})(?![0-9/⁄]|\.[0-9])")
_NO_FRACTIONS = {
    "9/11": "九一一",
    "24/7": "二十四七",
    "7/24": "七二十四",
    "50/50": "五十五十",
    "80/20": "八十二十",
    "12/24": "十二,二十四",
}


def _read_divided(match: re.Match[str]) -> str:
    """1/3 三分之一; what is no proper fraction is said one after the other: 4/4拍, 5/6月."""
    above, below = match.groups()
    if spoken := _NO_FRACTIONS.get(f"{above}/{below}"):
        return spoken
    if 0 < int(above) < int(below) and not match.string.startswith(("月", "日", "号"), match.end()):
        return f"{read_ordinal(below)}分之{read_ordinal(above)}"
    return f"{read_amount(above)},{read_amount(below)}"


def _read_fraction_sign(match: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", match[2]).split("⁄")
    whole = f"{read_amount(match[1])}又" if match[1] else ""
    return f"{whole}{read_ordinal(below)}分之{read_ordinal(above)}"


SEASON_RULES = (
    Rule(
        "seasons",
        _SEASON,
        lambda match: read_digits(f"{match[1]}到{match[2]}"),
        needs="/-",
        examples=[("2023/24赛季", "二零二三到二四赛季"), ("2024-2025学年", "二零二四到二零二五学年")],
    ),
)
FRACTION_RULES = (
    Rule(
        "holidays",
        _HOLIDAY,
        lambda match: "十一" if match.groups() == ("10", "1") else read_digits(match[1] + match[2]),
        needs="/.",
        examples=[("5/1劳动节", "五一劳动节"), ("10.1国庆", "十一国庆"), ("3.15晚会", "三一五晚会")],
    ),
    Rule(
        "signs of fractions",
        _FRACTION_SIGN,
        _read_fraction_sign,
        needs="¼½¾" + "".join(map(chr, range(0x2150, 0x215F))),
        examples=[("½杯", "二分之一杯"), ("1½杯", "一又二分之一杯")],
    ),
    Rule(
        "blood pressure",
        _PRESSURE,
        lambda match: "、".join(filter(None, match.groups())),
        needs="/",
        final=False,
        examples=[("血压120/80mmHg", "血压一百二十,八十毫米汞柱")],
    ),
    Rule(
        "fractions",
        _DIVIDED,
        _read_divided,
        needs="/⁄",
        examples=[
            ("等了1/2小时", "等了二分之一小时"),
            ("24/7全天", "二十四七全天"),
            ("4/4拍", "四,四拍"),
            ("5/6月份", "五,六月份"),
        ],
    ),
)
