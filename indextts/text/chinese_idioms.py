"""Mandarin forms in which a number or a hyphen is not what it is elsewhere, read before all other rules."""

import re

from .chinese_numbers import read_code, read_count, read_digits, read_ordinal
from .rule import DIGITS, Rule, match_any

_ALONE = r"(?<![0-9A-Za-z.,])"
_ERAS = match_any("贞观 开元 天宝 洪武 永乐 万历 崇祯 康熙 雍正 乾隆 嘉庆 道光 咸丰 同治 光绪 宣统 民国 昭和 平成 令和")
_REMEMBERED = match_any("事变 运动 惨案 地震 情人节 劳动节 购物节 大促 纪念日")
_EVENTS = match_any("奥运会 冬奥会 世界杯 亚运会 欧洲杯 春晚 春运 高考 中考 考研 届 款 财年 双十一 年会")
_LARGE_UNITS = {
    "km²": "平方千米",
    "km2": "平方千米",
    "m²": "平方米",
    "m2": "平方米",
    "㎡": "平方米",
    "m³": "立方米",
    "km": "千米",
    "kg": "千克",
    "t": "吨",
}

IDIOM_RULES = (
    Rule(
        "discounts",
        re.compile(f"{_ALONE}([1-9])([1-9])折"),
        lambda match: f"{read_digits(match[1] + match[2])}折",
        needs="折",
        examples=[("打88折", "打八八折"), ("打8折", "打八折")],
    ),
    Rule(
        "money off",
        re.compile(r"(?<=满)([0-9]{2,6})-(?=[0-9]{1,5}(?![0-9元]))"),
        lambda match: f"{match[1]}减",
        needs="满",
        final=False,
        examples=[("满200-30", "满两百减三十")],
    ),
    Rule(
        "numbers of figures",
        re.compile(r"(?<=[图表例])\s?([0-9]{1,2})[-–]([0-9]{1,2})(?![0-9-])"),
        lambda match: f"{read_ordinal(match[1])}杠{read_ordinal(match[2])}",
        needs="图表例",
        examples=[("见图3-2", "见图三杠二")],
    ),
    Rule(
        "years of an era",
        re.compile(f"({_ERAS})([0-9]{{1,3}})(?=年)"),
        lambda match: f"{match[1]}{read_ordinal(match[2])}",
        needs="年",
        examples=[("贞观2年", "贞观二年"), ("民国36年", "民国三十六年")],
    ),
    Rule(
        "centuries",
        re.compile("(?:(?<=公元)|(?<=公元前))([0-9]{1,2})(?=世纪)"),
        lambda match: read_ordinal(match[1]),
        needs="纪",
        examples=[("公元2世纪", "公元二世纪")],
    ),
    Rule(
        "unknowns",
        re.compile(f"{_ALONE}([1-9])元(?=[0-9一二三]次)"),
        lambda match: f"{read_ordinal(match[1])}元",
        needs="元",
        examples=[("2元一次方程", "二元一次方程")],
    ),
    Rule(
        "hours and minutes",
        re.compile(f"{_ALONE}([01]?[0-9]|2[0-4])点([0-5]?[0-9])(?=分(?![之钟数]))"),
        lambda match: f"{read_count(match[1].lstrip('0') or '0')}点{read_ordinal(match[2])}",
        needs="点",
        examples=[("2点2分", "两点二分")],
    ),
    Rule(
        "minutes said twice",
        re.compile("(?<=[0-9])([:：][0-5][0-9])分(?![之钟数贝])"),
        lambda match: match[1],
        needs=":：",
        final=False,
        examples=[("9:30分开会", "九点三十分开会")],
    ),
    Rule(
        "years of an event",
        re.compile(f"{_ALONE}((?:19|20)[0-9]{{2}})(?=[\u4e00-\u9fff]{{0,2}}{_EVENTS})"),
        lambda match: read_digits(match[1]),
        needs=DIGITS,
        examples=[("2008奥运会", "二零零八奥运会"), ("2024届毕业生", "二零二四届毕业生")],
    ),
    Rule(
        "seasons of two years",
        re.compile(f"{_ALONE}([0-9]{{2}})/([0-9]{{2}})(?=赛季)"),
        lambda match: f"{read_digits(match[1])}{read_digits(match[2])}",
        needs="赛",
        examples=[("22/23赛季", "二二二三赛季")],
    ),
    Rule(
        "lines for citizens",
        re.compile(f"{_ALONE}(1(?:2345|2315|2333|2348|2358|2366|2369|2388))(?=市民|便民|政务|投诉|消费|法律)"),
        lambda match: read_code(match[1]),
        needs="1",
        examples=[("12345市民热线", "幺二三四五市民热线")],
    ),
    Rule(
        "telephones in other groups",
        re.compile(r"(?<![0-9])[48]00[0-9]-[0-9]{3}-[0-9]{3}(?![0-9])"),
        lambda match: read_code(match.group().replace("-", "")),
        needs="-",
        examples=[("拨4008-123-123", "拨四零零八幺二三幺二三")],
    ),
    Rule(
        "ten thousands by a letter",
        re.compile(r"(?<=[0-9])[wW](?=\+?(?:粉|人|赞|播放|阅读|块|元|用户|点赞|转发|多))"),
        lambda match: "万",
        needs="wW",
        final=False,
        examples=[("3w粉丝", "三万粉丝")],
    ),
    Rule(
        "units behind ten thousands",
        re.compile(f"(?<=[0-9][万亿])({match_any(_LARGE_UNITS)})(?![A-Za-z0-9²³])"),
        lambda match: _LARGE_UNITS[match[1]],
        needs="万亿",
        final=False,
        examples=[("960万km²", "九百六十万平方千米")],
    ),
    Rule(
        "generations",
        re.compile(r"(?<=Gen)\s?([0-9]{1,2})(?![0-9.])"),
        lambda match: read_ordinal(match[1]),
        needs="G",
        examples=[("骁龙8 Gen3", "骁龙八 Gen三")],
    ),
    Rule(
        "dollars behind",
        re.compile(r"(?<=[0-9])\$(?![0-9])"),
        lambda match: "美元",
        needs="$",
        final=False,
        examples=[("1$=7.2元", "一美元等于七点二元")],
    ),
    Rule(
        "debts",
        re.compile(r"(?<![0-9A-Za-z\u4e00-\u9fff])[-−](?=[¥￥$€£][0-9])"),
        lambda match: "负",
        needs="¥￥$€£",
        final=False,
        examples=[("余额:-¥50", "余额,负五十元")],
    ),
    Rule(
        "hyphens behind Greek letters",
        re.compile("(?<=[α-ωΑ-Ω])-(?=[0-9])"),
        lambda match: "",
        needs="-",
        final=False,
        examples=[("ω-3脂肪酸", "ω三脂肪酸")],
    ),
    Rule(
        "numbered houses",
        re.compile(r"(?<=[0-9])#\s?[-~～至到]\s?(?=[0-9]{1,3}#)|(?<=[0-9])#(?=[楼机炉线桥])"),
        lambda match: "号到" if match.group() != "#" else "号",
        needs="#",
        final=False,
        examples=[("1#-3#楼", "一号到三号楼")],
    ),
    Rule(
        "ranges per mille",
        re.compile(r"(?<=‰)\s?[-~～—]\s?(?=[0-9])"),
        lambda match: "到",
        needs="‰",
        final=False,
        examples=[("5‰-10‰", "千分之五到千分之十")],
    ),
    Rule(
        "temperatures up from below zero",
        re.compile("(?<=[\u4e00-\u9fff])-([0-9]{1,2})(?:到|至|~|～)(-?)([0-9]{1,2})\\s?(度|℃|°C)"),
        lambda match: (
            f"负{read_ordinal(match[1])}到{'负' * bool(match[2])}{read_ordinal(match[3])}"
            f"{'度' if match[4] == '度' else '摄氏度'}"
        ),
        needs="度℃°",
        examples=[("今天-2到3度", "今天负二到三度"), ("明天-8到-2℃", "明天负八到负二摄氏度")],
    ),
    Rule(
        "times in a row",
        re.compile(r"(?<=:[0-5][0-9])[,，](?=[0-2]?[0-9]:[0-5][0-9])"),
        lambda match: ", ",
        needs=":",
        final=False,
        examples=[("9:00~12:00,14:00~18:00", "九点到十二点, 十四点到十八点")],
    ),
    Rule(
        "days that are remembered",
        re.compile(f"{_ALONE}([0-9]{{1,2}})\\.([0-9]{{1,2}})(?={_REMEMBERED})"),
        lambda match: read_digits(match[1] + match[2]),
        needs=".",
        examples=[("9.18事变", "九一八事变"), ("2.14情人节", "二一四情人节")],
    ),
    Rule(
        "two or three",
        re.compile(f"{_ALONE}([1-9])、([2-9])(?=[天个年月次人块名里岁周倍]|小时|分钟)"),
        lambda match: _read_neighbours(match),
        needs="、",
        examples=[("等2、3天", "等两三天"), ("1、2个", "一两个"), ("第1、3个", "第一,三个")],
    ),
    Rule(
        "short years",
        re.compile(f"{_ALONE}([05-9][0-9])(?=年(?:上学|参军|毕业|入伍|结婚|高考|春节|国庆|下海|进厂|的时候))"),
        lambda match: read_digits(match[1]),
        needs="年",
        examples=[("他89年参军", "他八九年参军")],
    ),
    Rule(
        "pay by a letter",
        re.compile(r"(?:(?<=年薪)|(?<=月薪)|(?<=存款)|(?<=身价)|(?<=奖金)|(?<=彩礼))([0-9.]{1,8})[wW](?![A-Za-z0-9])"),
        lambda match: f"{match[1]}万",
        needs="wW",
        final=False,
        examples=[("年薪50w", "年薪五十万")],
    ),
    Rule(
        "inches of a screen",
        re.compile(r"(?<=[0-9])[\"″](?=电视|屏|显示器|大屏|平板)"),
        lambda match: "英寸",
        needs='"″',
        final=False,
        examples=[('55"电视', "五十五英寸电视")],
    ),
    Rule(
        "video codecs",
        re.compile(r"(?<![A-Za-z])H\.(26[1-6])(?![0-9])"),
        lambda match: f"H点{read_digits(match[1])}",
        needs="H",
        examples=[("H.264编码", "H点二六四编码")],
    ),
    Rule(
        "chips",
        re.compile(r"(?:(?<=骁龙)|(?<=天玑)|(?<=麒麟))\s?([0-9]{3,4})(?![0-9])"),
        lambda match: read_digits(match[1]),
        needs="龙玑麟",
        examples=[("骁龙888", "骁龙八八八")],
    ),
    Rule(
        "names by digits",
        re.compile(f"{_ALONE}(304|316|996|007)(?=不锈钢|工作制)"),
        lambda match: read_digits(match[1]),
        needs="不工",
        examples=[("304不锈钢", "三零四不锈钢")],
    ),
    Rule(
        "names of files",
        re.compile(
            r"(?<=[A-Za-z0-9_\u4e00-\u9fff])\.(?=(?:txt|pdf|csv|docx?|xlsx?|pptx?|mp[34]|jpe?g|png|zip|wav|srt)(?![A-Za-z]))"
        ),
        lambda match: "点",
        needs=".",
        examples=[("打开a.txt", "打开a点txt"), ("数据.csv", "数据点csv")],
    ),
)


def _read_neighbours(match: re.Match[str]) -> str | None:
    """2、3 两三; numbers that do not follow each other are a list."""
    first, second = int(match[1]), int(match[2])
    if second != first + 1 or match.string.startswith("第", match.start() - 1):
        return None
    return read_count(match[1]) + (read_count if second == 2 else read_ordinal)(match[2])
