"""Sums of money in Mandarin."""

import re
from decimal import Decimal

from .chinese_numbers import NUMBER, START, read_money
from .rule import DIGITS, Rule

_CURRENCIES = {
    "¥": "元",
    "￥": "元",
    "RMB": "元",
    "CNY": "元",
    "$": "美元",
    "US$": "美元",
    "USD": "美元",
    "HK$": "港元",
    "HKD": "港元",
    "NT$": "新台币",
    "A$": "澳元",
    "C$": "加元",
    "S$": "新加坡元",
    "€": "欧元",
    "EUR": "欧元",
    "£": "英镑",
    "GBP": "英镑",
    "₩": "韩元",
    "₽": "卢布",
    "₹": "卢比",
    "฿": "泰铢",
    "JPY": "日元",
}
_SCALES = {"k": 1_000, "w": 10_000, "m": 1_000_000, "b": 1_000_000_000}
_SCALES |= {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_SIGNS = "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True)))
_SCALE = r"(?:\s?(?P<scale>[十百千]?[万亿]+|[百千](?![米克瓦帕])|(?i:thousand|million|billion|[kmbw])(?![A-Za-z0-9])))?"
_WIDE_THOUSANDS = re.compile(
    r"(?:(?<=[¥￥$€£])[0-9]{1,3}(?:，[0-9]{3}){1,5}|(?<![0-9])[0-9]{1,3}(?:，[0-9]{3}){1,5}(?=\s?[元万亿块])"
    r"|(?<![0-9])[0-9]{1,3}(?:，[0-9]{3}){2,5})(?![0-9])"
)
_PER_TIME = (
    r"(?P<per>/(?:平方米|平米|公里|小时|分钟|人|天|日|月|年|次|斤|公斤|吨|升|度|个|位|件|台|户|晚|节|股|张|本|套))?"
)
_SUM = re.compile(
    rf"(?<![A-Za-z])(?P<sign>{_SIGNS})\s?(?P<number>{NUMBER}){_SCALE}"
    rf"(?:\s?(?:元|美元|美金|欧元|英镑|港元|港币|日元))?{_PER_TIME}"
)
_SUM_TO_SUM = re.compile(
    rf"(?<![A-Za-z])(?P<sign>{_SIGNS})\s?(?P<number>{NUMBER})\s?[-–—~～至到]\s?(?P=sign)?(?P<last>{NUMBER})(?P<scale>[万亿]?)"
)
_SUM_BEFORE_SIGN = re.compile(rf"{START}(?P<number>{NUMBER}){_SCALE}\s?(?P<sign>{_SIGNS})(?![A-Za-z0-9]){_PER_TIME}")
_WHOLE_SUM = re.compile(r"(?<=[0-9])\.00(?=\s?(?:[万亿]?(?:元|美元|美金|欧元|英镑|港元|日元|块)))")


def _read_sum(match: re.Match[str]) -> str:
    """$100万 一百万美元; a currency that stands on both sides is said once, as the sign says it."""
    number, scale = match["number"].replace(",", ""), match["scale"] or ""
    if scale.isascii() and scale:
        number, scale = f"{Decimal(number) * _SCALES[scale.lower()]:f}", ""
    per = match["per"].replace("/", "每") if match["per"] else ""
    return f"{read_money(number)}{scale}{_CURRENCIES[match['sign']]}{per}"


SUM_RANGE_RULES = (
    Rule(
        "sums to sums",
        _SUM_TO_SUM,
        lambda match: (
            f"{read_money(match['number'])}到{read_money(match['last'])}{match['scale']}{_CURRENCIES[match['sign']]}"
        ),
        needs="".join({sign[-1] for sign in _CURRENCIES}),
        examples=[("¥100-200", "一百到两百元"), ("$5-$10", "五到十美元")],
    ),
)
MONEY_RULES = (
    Rule(
        "sums without cents",
        _WHOLE_SUM,
        lambda match: "",
        needs=".",
        final=False,
        examples=[("转账5000.00元", "转账五千元")],
    ),
    Rule(
        "full-width commas in sums",
        _WIDE_THOUSANDS,
        lambda match: match.group().replace("，", ","),
        needs="，",
        final=False,
        examples=[("￥1，299", "一千二百九十九元"), ("1，200，000人", "一百二十万人"), ("选1，200", "选一,两百")],
    ),
    Rule(
        "sums behind their sign",
        _SUM,
        _read_sum,
        needs=DIGITS,
        examples=[
            ("售价¥1,299", "售价一千二百九十九元"),
            ("募资$100万", "募资一百万美元"),
            ("花了HK$100", "花了一百港元"),
            ("价格$5.99", "价格五点九九美元"),
            ("只要¥99.00元", "只要九十九元"),
            ("融资$2.5B", "融资二十五亿美元"),
        ],
    ),
    Rule(
        "sums before their sign",
        _SUM_BEFORE_SIGN,
        _read_sum,
        needs="".join({sign[-1] for sign in _CURRENCIES}),
        examples=[("花了20$", "花了二十美元"), ("50€", "五十欧元")],
    ),
)
