"""What a hyphen, a dash, a tilde or a sign of arithmetic is said as between numbers, in Mandarin."""

import re

from .chinese_numbers import read_digits, read_ordinal
from .rule import Rule

_DASH = "[-–—~～〜−－]"
_SCORE_BEFORE = re.compile(
    "比分|战绩|总分|大胜|战胜|击败|取胜|险胜|完胜|不敌|负于|领先|落后|打成|战成|战平|逆转|以|输|赢"
)
_SCORE_BEHIND = re.compile(
    "战胜|击败|大胜|取胜|获胜|险胜|完胜|不敌|负于|领先|落后|战平|平|淘汰|横扫|逆转|赢|输|拿下|胜|负|的比分"
)
_CONTEXT = 8
"""Characters before two numbers in which a word makes them a score."""
_UNIT = (
    r"(?:[年月日号点时分周天岁个米人元块级度层楼页章节%％℃万千百亿倍次届期秒后]|小时|分钟|°C|"
    r"[kKMGT]?B|[kMG]?Hz|k?[WVA]|mA|mAh|[kcmnd]?m|[km]?g|m?[Ll]|min|[hst])"
)
_OPERAND = r"([0-9]{1,12}(?:[.,:][0-9]{1,12}){0,4})"
_RANGE = re.compile(
    rf"(?<![0-9A-Za-z.,:])(?<![0-9]-){_OPERAND}({_UNIT}{{0,2}})\s?{_DASH}{{1,2}}\s?{_OPERAND}(?![0-9])"
    rf"(?!{_DASH}[0-9])(?!\s?=|等于)"
)
_TILDE = re.compile("[~～〜]")
_LIFETIME = re.compile(r"[(（][0-9]{3,4}年?\s?[-–—~～]{1,2}\s?[0-9]{3,4}年?[)）]")
_OPEN_YEAR = re.compile(r"(?<=[(（])([12][0-9]{3})(?=\s?[-–—~～至][)）今])")
_MINUS_RANGE = re.compile(r"(?<=[0-9%℃度C])\s?[~～〜至到]\s?[-−－](?=[0-9])")
_FORMATION = re.compile(r"(?<![0-9A-Za-z.,-])[0-9](?:-[0-9]){2,4}(?![0-9-])")
_BUILDING = re.compile(r"(?<![0-9A-Za-z.,-])([0-9]{1,2})-([0-9]{3,4})(?=号?[室房户])")
_COUNTED = re.compile(r"\s?(?:[人元个块名米公克斤%％度次件只万亿多余毫厘千字吨升页股户套家台辆条张份℃°]|[A-Za-z¥$])")
_YEARS = re.compile("1[0-9]{3}|20[0-9]{2}")

_MINUS_BEFORE = "是为到至达于得在从约了值分数率差速温度额润比去加减乘除等："
"""Behind these a hyphen before a number is a minus; behind other words it joins a name to its number: 歼-20."""
_MINUS = re.compile(
    rf"(?<![0-9A-Za-z\u4e00-\u9fff.)）%-])[-−－](?=[0-9])|(?<=[{_MINUS_BEFORE}])[-−－](?=[0-9])"
    r"|(?<=[\u4e00-\u9fff])[-−－](?=[0-9]+(?:\.[0-9]+)?\s?(?:[%％°℃度元万亿分点米]))|[−－](?=[0-9])"
)
_NAME_HYPHEN = re.compile(r"(?<=[\u4e00-\u9fff])-([0-9]+)(?![0-9]|[.,][0-9]|-)")

_ARITHMETIC = {
    "+": "加",
    "×": "乘",
    "*": "乘",
    "÷": "除以",
    "=": "等于",
    "≈": "约等于",
    "≠": "不等于",
    "≤": "小于等于",
    "≥": "大于等于",
    "±": "正负",
    "<": "小于",
    ">": "大于",
    "^": "的",
}
_SIGN_BETWEEN_NUMBERS = re.compile(r"(?<=[0-9)）])\s?([+×*÷=≈≠≤≥±<>xX])\s?(?=[0-9(（])")
_EQUALS = re.compile(
    r"(?<=[0-9A-Za-z\u0370-\u03ff\u4e00-\u9fff)）])\s?([=≈≠≤≥±+×÷])\s?(?=-?[0-9A-Za-z\u4e00-\u9fff?？])(?![=+])"
    r"|(?<=[0-9A-Za-z\u4e00-\u9fff)）])\s?([<>])\s?(?=-?[0-9])"
)
_MORE = re.compile(r"(?<=[0-9万亿千百])\+(?![0-9A-Za-z+])")
_PLUS = re.compile(r"(?<![0-9A-Za-z+])\+(?=[0-9])")
_COMPARED = re.compile(r"(?<![<>=A-Za-z])([≤≥≈±<>])\s?(?=[0-9])")
_DIFFERENCE = re.compile(r"(?<=[0-9])\s?[-−－]\s?(?=[0-9]+(?:\.[0-9]+)?\s?(?:=|等于))")
_POWER = re.compile(r"(?<=[0-9A-Za-z])\^([0-9]{1,3})(?![0-9])")
_BETWEEN_LETTERS = re.compile(r"(?<=[A-Za-z0-9])/(?=[A-Za-z\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])/(?=[A-Za-z])")


def _read_range(match: re.Match[str]) -> str:
    """3-4级 3到4级; years digit by digit; a score where a word says so, or the first number is the greater."""
    first, unit, last = match.groups()
    if match.string.startswith("第", match.start() - 1) and (first + last).isdecimal():
        return f"{read_ordinal(first)}{unit}到{read_ordinal(last)}"
    if len(first) > 2 and len(last) > 2 and _LIFETIME.match(match.string, match.start() - 1):
        return f"{read_digits(first)}{unit}到{read_digits(last)}"
    if (
        _YEARS.fullmatch(first)
        and _YEARS.fullmatch(last)
        and not unit
        and not _COUNTED.match(match.string, match.end())
    ):
        return f"{read_digits(first)}到{read_digits(last)}"
    if not unit and _is_score(match, first, last):
        return f"{first}比{last}"
    return f"{first}{unit or _share_unit(match)}到{last}"


def _share_unit(match: re.Match[str]) -> str:
    """The percent sign that two numbers share."""
    behind = match.string[match.end() : match.end() + 1]
    return behind if behind in ("%", "％", "‰") else ""


def _is_score(match: re.Match[str], first: str, last: str) -> bool:
    if not (first.isdecimal() and last.isdecimal()) or len(first) > 3 or len(last) > 3:
        return False
    if _SCORE_BEHIND.match(match.string, match.end()):
        return True
    if _COUNTED.match(match.string, match.end()) or _TILDE.search(match.group()):
        return False
    behind = match.string[match.end() : match.end() + 1]
    before = _SCORE_BEFORE.search(match.string, max(match.start() - _CONTEXT, 0), match.start())
    return int(first) >= int(last) or (before is not None and not "\u4e00" <= behind <= "\u9fff")


RANGE_RULES = (
    Rule(
        "years without an end",
        _OPEN_YEAR,
        lambda match: read_digits(match[1]),
        needs="-–—~～至",
        examples=[("他(1990-)", "他'一九九零-'")],
    ),
    Rule(
        "formations",
        _FORMATION,
        lambda match: read_digits(match.group().replace("-", "")),
        needs="-",
        examples=[("排出4-4-2阵型", "排出四四二阵型")],
    ),
    Rule(
        "flats",
        _BUILDING,
        lambda match: f"{read_digits(match[1])}杠{read_digits(match[2])}",
        needs="-",
        examples=[("住3-201室", "住三杠二零一室")],
    ),
    Rule(
        "differences",
        _DIFFERENCE,
        lambda match: "减",
        needs="-−－",
        final=False,
        examples=[("3-2=1", "三减二等于一")],
    ),
    Rule(
        "ranges down to below zero",
        _MINUS_RANGE,
        lambda match: "到负",
        needs="-−－",
        final=False,
        examples=[("-10~-5℃", "负十到负五摄氏度")],
    ),
    Rule(
        "ranges and scores",
        _RANGE,
        _read_range,
        needs="-–—~～〜−－",
        final=False,
        examples=[
            ("东风3-4级", "东风三到四级"),
            ("增长30-50%", "增长百分之三十到百分之五十"),
            ("画家(1745-1820)", "画家'一七四五到一八二零'"),
            ("比分是3-2", "比分是三比二"),
            ("时间9:00—17:00", "时间九点到十七点"),
            ("1月2日-3月4日", "一月二日到三月四日"),
        ],
    ),
    Rule(
        "minus signs",
        _MINUS,
        lambda match: "负",
        needs="-−－",
        final=False,
        examples=[("温度是-5℃", "温度是负五摄氏度"), ("利润-3亿", "利润负三亿"), ("-1", "负一")],
    ),
    Rule(
        "hyphens in names",
        _NAME_HYPHEN,
        lambda match: match[1] if len(match[1]) < 3 else read_digits(match[1]),
        needs="-",
        final=False,
        examples=[("歼-20首飞", "歼二十首飞"), ("波音-737", "波音七三七"), ("神舟-13发射", "神舟十三发射")],
    ),
)
SIGN_RULES = (
    Rule(
        "roots",
        re.compile("√(?=[0-9A-Za-z(（])"),
        lambda match: "根号",
        needs="√",
        final=False,
        examples=[("√2≈1.414", "根号二约等于一点四一四")],
    ),
    Rule(
        "arrows",
        re.compile("[→⇒]"),
        lambda match: "到",
        needs="→⇒",
        examples=[("上海→北京", "上海到北京")],
    ),
    Rule(
        "powers",
        _POWER,
        lambda match: f"的{match[1]}次方",
        needs="^",
        final=False,
        examples=[("2^10个", "二的十次方个")],
    ),
    Rule(
        "signs between numbers",
        _SIGN_BETWEEN_NUMBERS,
        lambda match: "乘" if match[1] in "xX" else _ARITHMETIC[match[1]],
        needs="+×*÷=≈≠≤≥±<>xX",
        final=False,
        examples=[("1+1=2", "一加一等于二"), ("1920x1080的屏", "一千九百二十乘一千零八十的屏"), ("3×5", "三乘五")],
    ),
    Rule(
        "signs between words",
        _EQUALS,
        lambda match: _ARITHMETIC[match[1] or match[2]],
        needs="=≈≠≤≥±<>+×÷",
        final=False,
        examples=[("克里斯=5", "克里斯等于五"), ("N+1", "N加一"), ("x>5", "x大于五")],
    ),
    Rule(
        "signs before numbers",
        _COMPARED,
        lambda match: _ARITHMETIC[match[1]],
        needs="≤≥≈±<>",
        final=False,
        examples=[("误差:±5", "误差,正负五")],
    ),
    Rule(
        "plus signs",
        _PLUS,
        lambda match: "加",
        needs="+",
        final=False,
        examples=[("+1", "加一")],
    ),
    Rule(
        "and more",
        _MORE,
        lambda match: "加",
        needs="+",
        final=False,
        examples=[("18+", "十八加")],
    ),
    Rule(
        "at signs",
        re.compile("@(?=[A-Za-z\u4e00-\u9fff])"),
        lambda match: "艾特",
        needs="@",
        final=False,
        examples=[("关注@小明", "关注艾特小明")],
    ),
    Rule(
        "ampersands between letters",
        re.compile("(?<=[A-Za-z])\\s?&\\s?(?=[A-Za-z])"),
        lambda match: " and ",
        needs="&",
        final=False,
        examples=[("AT&T公司", "AT and T公司")],
    ),
    Rule(
        "ampersands",
        re.compile("(?<=[\u4e00-\u9fffA-Za-z0-9])\\s?&\\s?(?=[\u4e00-\u9fffA-Za-z0-9])"),
        lambda match: "和",
        needs="&",
        final=False,
        examples=[("父亲&母亲", "父亲和母亲")],
    ),
    Rule(
        "slashes between letters",
        _BETWEEN_LETTERS,
        lambda match: " ",
        needs="/",
        final=False,
        examples=[("A/B测试", "A B测试")],
    ),
    Rule(
        "slashes left",
        re.compile("/"),
        lambda match: ",",
        needs="/",
        final=False,
        examples=[("第3/4页", "第三,四页"), ("他/她", "他,她")],
    ),
)
