"""Sums, shares, temperatures, units and counts in Mandarin."""

import re
import unicodedata
from decimal import Decimal

from .chinese_numbers import NUMBER, START, read_amount, read_count, read_digits, read_money, read_ordinal
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

_PERCENT = re.compile(rf"{START}({NUMBER})\s?([%％‰])")
_SHARES = {"%": "百分之", "％": "百分之", "‰": "千分之"}

_SEASON = re.compile(
    r"(?<![0-9A-Za-z.,])((?:19|20)[0-9]{2})[/-]((?:19|20)?[0-9]{2})(?=\s?(?:赛季|学年|财年|年度|榜|届))"
)
_PRESSURE = re.compile(
    r"(?<![0-9A-Za-z./])([0-9]{2,3})/([0-9]{2,3})(?=\s?mmHg)|(?<=血压)([0-9]{2,3})/([0-9]{2,3})(?![0-9/])"
)
_HOLIDAY = re.compile(
    r"(?<![0-9A-Za-z./])([0-9]{1,2})[/.]([0-9]{1,2})(?=劳动节|国庆|妇女节|儿童节|青年节|建军节|教师节|黄金周|放假|假期|小长假|晚会|大促|购物节)"
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
_WHOLE_SUM = re.compile(r"(?<=[0-9])\.00(?=\s?(?:[万亿]?(?:元|美元|美金|欧元|英镑|港元|日元|块)))")
_ANGLE = re.compile("(?<![0-9.])([0-9]{1,3})°\\s?([0-9]{1,2})['′’](?:\\s?([0-9]{1,2}(?:\\.[0-9]{1,4})?)[\"″”])?")
_AMOUNT_WITH_UNIT = re.compile(rf"{START}({NUMBER})\s?({_join_longest_first(UNITS)}){_END}")

_COUNTED = (
    "个|只|条|张|本|件|次(?!方|元|函数|世代|曲线|型|项式)|倍|份|种|年(?!级)|天|周|岁|人|位|名|家|户|场|层|把|台|辆|架|艘|座|间|套|双|对|副|"
    "群|批|组|列(?!车)|行(?!列)|页|篇|章|首|支|枝|根|块|片|滴|粒|颗|朵|棵|株|头|匹|口|顿|碗|杯|瓶|罐|盒|箱|袋|包|盘|壶|桶|勺|串|"
    "束|捆|卷|门|项|款|道|题|句|段|节|课时|堂|封|则|集|部|届|处|所|扇|面|幅|笔|股|阵|声|眼|遍|趟|回|番|步|圈|辈子|小时|分(?!之)|"
    "秒|刻|世纪|星期|礼拜|夜|晚|点(?![0-9])|米|厘米|毫米|公里|千米|里|尺|寸|丈|斤|公斤|千克|克|吨|升|毫升|亩|公顷|平方|平米|"
    "立方|元|毛|角|美元|美金|欧元|英镑|日元|港元|港币|度(?!空间)|摄氏度|半|者|样|类|拨|伙|帮|成|季(?!度)|局|轮|站|国|字|票|餐|桌|"
    "边|方|侧|端|下|枚|发|颗|具|尊|栋楼|幢|床|剂|针|味|桩|宗|车|瓣|丝|缕|团|堆|摞|叠|排(?!名)|行|网|省|市|县|兆|万|亿|千|百"
)
"""What 两 counts. Before all else 2 is 二: 2楼, 2号, 2月, 2班, 2级."""
_TWO = re.compile(rf"(?<![0-9A-Za-z.,第])2(?=\s?[多来余大小整长]?\s?(?:{_COUNTED})|[到至][0-9]{{1,3}}(?:{_COUNTED}))")
_NUMBER = re.compile(rf"{START}{NUMBER}")
_REST = re.compile(r"(?<![0-9])[0-9]+(?:\.[0-9]+)?")


def _read_sum(match: re.Match[str]) -> str:
    """$100万 一百万美元; a currency that stands on both sides is said once, as the sign says it."""
    number, scale = match["number"].replace(",", ""), match["scale"] or ""
    if scale.isascii() and scale:
        number, scale = f"{Decimal(number) * _SCALES[scale.lower()]:f}", ""
    per = match["per"].replace("/", "每") if match["per"] else ""
    return f"{read_money(number)}{scale}{_CURRENCIES[match['sign']]}{per}"


def _read_percent(match: re.Match[str]) -> str:
    return f"{_SHARES[match['sign']]}{read_amount(match[1])}"


def _read_divided(match: re.Match[str]) -> str:
    """1/3 三分之一; what is no proper fraction is said one after the other: 4/4拍."""
    above, below = match.groups()
    if spoken := _NO_FRACTIONS.get(f"{above}/{below}"):
        return spoken
    if 0 < int(above) < int(below):
        return f"{read_ordinal(below)}分之{read_ordinal(above)}"
    return f"{read_amount(above)},{read_amount(below)}"


def _read_fraction_sign(match: re.Match[str]) -> str:
    above, below = unicodedata.normalize("NFKC", match[2]).split("⁄")
    whole = f"{read_amount(match[1])}又" if match[1] else ""
    return f"{whole}{read_ordinal(below)}分之{read_ordinal(above)}"


def _read_unit_per_unit(match: re.Match[str]) -> str:
    """60km/h 每小时六十公里: a speed is said in the everyday word."""
    number, unit, per = match.groups()
    spoken = "公里" if (unit, per) == ("km", "h") else UNITS[unit]
    return f"每{_PER[per]}{read_count(number)}{spoken}"


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
SLASH_RULES = (
    Rule(
        "seasons",
        _SEASON,
        lambda match: read_digits(f"{match[1]}到{match[2]}"),
        needs="/-",
        examples=[("2023/24赛季", "二零二三到二四赛季"), ("2024-2025学年", "二零二四到二零二五学年")],
    ),
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
    Rule(
        "fractions",
        _DIVIDED,
        _read_divided,
        needs="/⁄",
        examples=[("等了1/2小时", "等了二分之一小时"), ("24/7全天", "二十四七全天"), ("4/4拍", "四,四拍")],
    ),
)
AMOUNT_RULES = (
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
        "percentages",
        _PERCENT,
        lambda match: f"{_SHARES[match[2]]}{read_amount(match[1])}",
        needs="%％‰",
        examples=[("增长了100%", "增长了百分之一百"), ("占5‰", "占千分之五")],
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
    Rule(
        "counts of two",
        _TWO,
        lambda match: "两",
        needs="2",
        examples=[("涨了2倍", "涨了两倍"), ("2楼2户", "二楼两户"), ("等2到3天", "等两到三天"), ("2次方", "二次方")],
    ),
    Rule(
        "amounts",
        _NUMBER,
        lambda match: read_amount(match.group()),
        needs=DIGITS,
        examples=[("10,000人", "一万人"), ("共200.5", "共两百点五"), ("圆周率是3.14", "圆周率是三点一四")],
    ),
    Rule(
        "numbers between letters",
        _REST,
        lambda match: read_amount(match.group()),
        needs=DIGITS,
        examples=[("PM2.5超标", "PM二点五超标"), ("H1N1流感", "H一N一流感")],
    ),
)
