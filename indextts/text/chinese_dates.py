"""Dates, years, decades and times of day, and what counts places, in Mandarin."""

import re

from .chinese_numbers import read_count, read_digits, read_ordinal
from .rule import Rule

_DAY = re.compile(
    r"(?<![0-9A-Za-z.,/-])([12][0-9]{3})([-/.])(0?[1-9]|1[0-2])\2([12][0-9]|3[01]|0?[1-9])(?![0-9]|[-/.][0-9])[日号]?"
)
_MONTH = re.compile(
    r"(?<![0-9A-Za-z.,/-])((?:19|20)[0-9]{2})([-/])(0[1-9]|1[0-2])(?![0-9./%-])(?!年|赛季|学年|财年|度)"
)
_YEAR = re.compile(
    r"(?<![0-9A-Za-z.,])(?:(?<![近达长逾超])([12][0-9]{3})|(0[0-9])|([789][0-9])(?=年(?:1?[0-9]月|出生|毕业|款|生人|那年|的时候"
    r"|[春夏秋冬])))\s?年|(?<=公元)([0-9]{1,4})年|(?<=公元前)([0-9]{1,4})年"
)
_SPAN_OF_YEARS = re.compile("前|来|间|之久|文明|的?历史|以[前来]")
_TITLE_YEAR = re.compile("(?<=《)(?:1[0-9]{3}|20[0-9]{2})(?=》)|20[0-9]{2}(?=Q[1-4]|H[12])")
_DECADE = re.compile(
    r"(?<![0-9A-Za-z.,])((?:1[0-9]|20)[0-9]0|00)年代|(?<![0-9A-Za-z.,第])([05-9][05])后(?![面来续方排天期年])"
)
_ENGLISH_DECADE = re.compile(r"(?<![0-9A-Za-z.,])((?:1[0-9]|20)[0-9]0)['’]?s(?![A-Za-z0-9])(?:年代)?")
_ORDINAL = re.compile(r"第\s?([0-9]+)(?![0-9]|[.,][0-9])")
_PART = re.compile("(?:(?<=[0-9]米)[0-9]{2}|(?<=[0-9]秒)[0-9]{2,3})(?![0-9米秒.个人])")
_FLOOR = re.compile(r"(?<=[A-Z负到在去上往住楼栋号元厦])([0-9]{1,3})(?=层(?![楼次级皮面]))|(?<=地下)([0-9]{1,2})(?=层)")
_SEAT = re.compile(r"(?<![0-9A-Za-z.,])([0-9]{1,3})排([0-9]{1,3})(?=[座号])")

_CLOCK = re.compile(
    r"(?<![0-9A-Za-z.,:])([01]?[0-9]|2[0-4])[:：]([0-5][0-9])(?:[:：]([0-5][0-9]))?(?![0-9:：]|\.[0-9])"
    r"(?:\s?([AaPp])\.?[Mm](?:\.(?![0-9A-Za-z])|(?![A-Za-z.])))?"
)
_DURATION = re.compile(
    r"(?:(?<=[用耗历]时)|(?<=时长)|(?<=片长)|(?<=长达)|(?<=成绩))"
    r"([0-9]{1,2})[:：]([0-5][0-9])(?:[:：]([0-5][0-9]))?(?![0-9:：]|\.[0-9])"
)
_RATIO_NOUN = re.compile("比分|比例|比率|比值|胜|负|赢|输|平|败|配比|按|尺寸|画幅|屏幕比")
_RATIO = re.compile(
    r"(?<![0-9A-Za-z.,:])([0-9]+(?:\.[0-9]+)?)\s?[:：∶]\s?([0-9]+(?:\.[0-9]+)?)(?:[:：∶]([0-9]+))?(?![0-9:：]|、[0-9]{1,3}(?![0-9:：]))"
)
_HALVES = {"a": "上午", "p": "下午"}
_CONTEXT = 8
"""Characters before a time in which a noun makes it a score."""


def _read_day(match: re.Match[str]) -> str:
    return f"{read_digits(match[1])}年{read_ordinal(match[3].lstrip('0'))}月{read_ordinal(match[4].lstrip('0'))}日"


def _read_year(match: re.Match[str]) -> str | None:
    """2012年前 二零一二年前, but 1500年前 and 5000年文明 are so many years."""
    if match[1]:
        names_a_year = 1900 < int(match[1]) < 2100 and int(match[1]) % 100
        if (match[1].endswith("000") and match[1] != "2000") or (
            not names_a_year and _SPAN_OF_YEARS.match(match.string, match.end())
        ):
            return None
    return f"{read_digits(next(filter(None, match.groups())))}年"


def _read_decade(match: re.Match[str]) -> str:
    return f"{read_digits(match[1])}年代" if match[1] else f"{read_digits(match[2])}后"


def _read_duration(match: re.Match[str]) -> str:
    """2:05:30 两小时零五分三十秒, 1:30 一分三十秒: what was needed, or lasts."""
    first, minute, second = match[1], match[2], match[3]
    amounts = [first, minute, second] if second else [first, minute]
    units = ["小时", "分", "秒"][-len(amounts) :]
    return "".join(read_count(amount.lstrip("0") or "0") + unit for amount, unit in zip(amounts, units, strict=True))


def _read_clock(match: re.Match[str]) -> str | None:
    """9:05 九点零五分; None where the words before make it a score."""
    if _RATIO_NOUN.search(match.string, max(match.start() - _CONTEXT, 0), match.start()):
        return None
    hour, minute, second, half = match.groups()
    spoken = f"{read_count(hour.lstrip('0') or '0')}点"
    if minute != "00" or second:
        spoken += f"{read_ordinal(minute)}分"
    if second:
        spoken += f"{read_ordinal(second)}秒"
    return _HALVES.get((half or "").lower(), "") + spoken


ISO_DATE_RULES = (
    Rule(
        "days",
        _DAY,
        _read_day,
        needs="-/.",
        examples=[("于2025/09/08发布", "于二零二五年九月八日发布"), ("2024-2-2到", "二零二四年二月二日到")],
    ),
    Rule(
        "months",
        _MONTH,
        lambda match: f"{read_digits(match[1])}年{read_ordinal(match[3].lstrip('0'))}月",
        needs="-/",
        examples=[("自2021-06起", "自二零二一年六月起"), ("2010-11赛季", "二零一零到一一赛季")],
    ),
)
DATE_RULES = (
    Rule(
        "decades",
        _DECADE,
        _read_decade,
        needs="年后",
        examples=[("1980年代的90后", "一九八零年代的九零后"), ("90年代", "九十年代")],
    ),
    Rule(
        "English decades",
        _ENGLISH_DECADE,
        lambda match: f"{read_digits(match[1])}年代",
        needs="s",
        examples=[("怀念1990s的歌", "怀念一九九零年代的歌")],
    ),
    Rule(
        "years",
        _YEAR,
        _read_year,
        needs="年",
        examples=[
            ("2002年2月2日", "二零零二年二月二日"),
            ("5000年文明", "五千年文明"),
            ("2000年前", "两千年前"),
            ("1500年历史，2012年前", "一千五百年历史,二零一二年前"),
            ("98年毕业", "九八年毕业"),
            ("住了2年", "住了两年"),
        ],
    ),
    Rule(
        "years in titles and quarters",
        _TITLE_YEAR,
        lambda match: read_digits(match.group()),
        needs="《QH",
        examples=[("电影《2012》", "电影'二零一二'"), ("2023Q4", "二零二三Q四")],
    ),
    Rule(
        "parts of a measure",
        _PART,
        lambda match: read_digits(match.group()),
        needs="米秒",
        examples=[("身高1米75", "身高一米七五"), ("9秒58", "九秒五八")],
    ),
    Rule(
        "ordinals",
        _ORDINAL,
        lambda match: f"第{(read_digits if len(match[1]) > 5 else read_ordinal)(match[1])}",
        needs="第",
        examples=[("第2个", "第二个"), ("第2天早上", "第二天早上"), ("第200名", "第二百名")],
    ),
    Rule(
        "floors",
        _FLOOR,
        lambda match: read_ordinal(match[1] or match[2]),
        needs="层",
        examples=[("从B2层上来", "从B二层上来"), ("盖了2层楼", "盖了两层楼")],
    ),
    Rule(
        "seats",
        _SEAT,
        lambda match: f"{read_ordinal(match[1])}排{read_ordinal(match[2])}",
        needs="排",
        examples=[("坐2排2座", "坐二排二座")],
    ),
    Rule(
        "durations",
        _DURATION,
        _read_duration,
        needs=":：",
        examples=[("用时2:05:30", "用时两小时五分三十秒"), ("片长1:45", "片长一分四十五秒")],
    ),
    Rule(
        "times",
        _CLOCK,
        _read_clock,
        needs=":：",
        examples=[("下午2:05见", "下午两点零五分见"), ("比分21:19", "比分二十一比十九"), ("9:00 AM", "上午九点")],
    ),
    Rule(
        "ratios",
        _RATIO,
        lambda match: "比".join(read_ordinal(part) if part.isdigit() else part for part in match.groups() if part),
        needs=":：∶",
        final=False,
        examples=[("比分是3:2", "比分是三比二"), ("按1:100画", "按一比一百画")],
    ),
)
