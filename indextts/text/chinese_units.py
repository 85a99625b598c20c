"""Units of measure and what is counted per unit, in Mandarin."""

import re

from .chinese_numbers import NUMBER, START, read_amount, read_count
from .rule import DIGITS, Rule

UNITS = {
    "kg": "千克",
    "KG": "千克",
    "Kg": "千克",
    "g": "克",
    "mg": "毫克",
    "µg": "微克",
    "t": "吨",
    "km": "千米",
    "KM": "千米",
    "m": "米",
    "dm": "分米",
    "cm": "厘米",
    "CM": "厘米",
    "mm": "毫米",
    "MM": "毫米",
    "µm": "微米",
    "nm": "纳米",
    "m2": "平方米",
    "m²": "平方米",
    "㎡": "平方米",
    "km2": "平方千米",
    "km²": "平方千米",
    "cm2": "平方厘米",
    "cm²": "平方厘米",
    "mm2": "平方毫米",
    "mm²": "平方毫米",
    "m3": "立方米",
    "m³": "立方米",
    "cm3": "立方厘米",
    "cm³": "立方厘米",
    "L": "升",
    "l": "升",
    "mL": "毫升",
    "ml": "毫升",
    "ML": "毫升",
    "s": "秒",
    "ms": "毫秒",
    "min": "分钟",
    "h": "小时",
    "W": "瓦",
    "kW": "千瓦",
    "KW": "千瓦",
    "MW": "兆瓦",
    "kW·h": "千瓦时",
    "N·m": "牛米",
    "kWh": "千瓦时",
    "kwh": "千瓦时",
    "KWh": "千瓦时",
    "KWH": "千瓦时",
    "Wh": "瓦时",
    "V": "伏",
    "kV": "千伏",
    "KV": "千伏",
    "mV": "毫伏",
    "mA": "毫安",
    "mAh": "毫安时",
    "MAH": "毫安时",
    "Hz": "赫兹",
    "HZ": "赫兹",
    "kHz": "千赫兹",
    "MHz": "兆赫兹",
    "GHz": "吉赫兹",
    "Pa": "帕",
    "hPa": "百帕",
    "kPa": "千帕",
    "MPa": "兆帕",
    "mmHg": "毫米汞柱",
    "J": "焦",
    "kJ": "千焦",
    "cal": "卡",
    "kcal": "千卡",
    "N": "牛",
    "dB": "分贝",
    "db": "分贝",
    "Ω": "欧姆",
    "kΩ": "千欧",
    "mol": "摩尔",
    "mmol": "毫摩尔",
    "µmol": "微摩尔",
    "rpm": "转每分钟",
    "℃": "摄氏度",
    "°C": "摄氏度",
    "°c": "摄氏度",
    "℉": "华氏度",
    "°F": "华氏度",
    "°": "度",
}
"""Spoken only right behind a number; letters that mean other things there (5G, 3A, 8K) are none."""
_PER = {
    "s": "秒",
    "h": "小时",
    "min": "分钟",
    "L": "升",
    "l": "升",
    "m": "米",
    "m2": "平方米",
    "m²": "平方米",
    "㎡": "平方米",
    "m3": "立方米",
    "m³": "立方米",
    "kg": "千克",
    "g": "克",
    "ml": "毫升",
    "mL": "毫升",
    "s2": "二次方秒",
    "s²": "二次方秒",
    "kWh": "千瓦时",
    "d": "天",
    "dL": "分升",
    "cm3": "立方厘米",
    "cm³": "立方厘米",
    "km2": "平方千米",
    "km²": "平方千米",
    "km": "公里",
}


def _join_longest_first(words: dict[str, str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_END = r"(?![A-Za-z0-9²³])"
_PER_UNIT = rf"(?:{_join_longest_first(_PER)}){_END}"
_UNIT_PER_UNIT = re.compile(rf"{START}({NUMBER})\s?({_join_longest_first(UNITS)})/({_PER_UNIT})")
_WORD_PER_UNIT = re.compile(
    rf"(?<=[0-9万亿千百])(\s?(?:{_join_longest_first(UNITS)})|[\u4e00-\u9fff]{{1,2}})/({_PER_UNIT}|平方米|平米|立方米|公里|千米|小时|分钟|人次|课时|"
    r"[人天日月年次斤吨升度秒周份个位件台户亩瓶盒本套张间晚夜节股米桌辆颗支条杯碗片页字题包箱袋组名级层室剂分集班]|千克|公斤)"
)
_ANGLE = re.compile("(?<![0-9.])([0-9]{1,3})°\\s?([0-9]{1,2})['′’](?:\\s?([0-9]{1,2}(?:\\.[0-9]{1,4})?)[\"″”])?")
_AMOUNT_WITH_UNIT = re.compile(rf"{START}({NUMBER})\s?({_join_longest_first(UNITS)}){_END}")


def _read_unit_per_unit(match: re.Match[str]) -> str:
    """60km/h 每小时六十公里: a speed is said in the everyday word."""
    number, unit, per = match.groups()
    spoken = "公里" if (unit, per) == ("km", "h") else UNITS[unit]
    return f"每{_PER[per]}{read_count(number)}{spoken}"


PER_UNIT_RULES = (
    Rule(
        "units per unit",
        _UNIT_PER_UNIT,
        _read_unit_per_unit,
        needs="/",
        examples=[
            ("时速60km/h", "时速每小时六十公里"),
            ("含50mg/L", "含每升五十毫克"),
            ("9.8m/s²", "每二次方秒九点八米"),
        ],
    ),
    Rule(
        "words per unit",
        _WORD_PER_UNIT,
        lambda match: f"{match[1]}每{_PER.get(match[2], match[2])}",
        needs="/",
        final=False,
        examples=[("均价8000元/平方米", "均价八千元每平方米"), ("3次/天", "三次每天"), ("3.5元/kg", "三点五元每千克")],
    ),
)
UNIT_RULES = (
    Rule(
        "angles",
        _ANGLE,
        lambda match: "".join(
            read_amount(part) + unit for part, unit in zip(match.groups(), "度分秒", strict=True) if part
        ),
        needs="°",
        examples=[("北纬39°54′", "北纬三十九度五十四分")],
    ),
    Rule(
        "units",
        _AMOUNT_WITH_UNIT,
        lambda match: f"{read_count(match[1])}{UNITS[match[2]]}",
        needs=DIGITS,
        examples=[
            ("重2kg", "重两千克"),
            ("面积为50m²", "面积为五十平方米"),
            ("耗电1kWh", "耗电一千瓦时"),
            ("5G", "五G"),
        ],
    ),
    Rule(
        "squares and cubes",
        re.compile("(?<=[0-9A-Za-z)）])[²³]"),
        lambda match: "的平方" if match.group() == "²" else "的立方",
        needs="²³",
        examples=[("x²", "x的平方"), ("5m²", "五平方米")],
    ),
)
