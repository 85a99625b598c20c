"""Shares and counts in Mandarin, and last every number that is left."""

import re

from .chinese_numbers import NUMBER, START, read_amount
from .rule import DIGITS, Rule

_PERCENT = re.compile(rf"{START}({NUMBER})\s?([%％‰])")
_SHARES = {"%": "百分之", "％": "百分之", "‰": "千分之"}
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


SHARE_RULES = (
    Rule(
        "percentages",
        _PERCENT,
        lambda match: f"{_SHARES[match[2]]}{read_amount(match[1])}",
        needs="%％‰",
        examples=[("增长了100%", "增长了百分之一百"), ("占5‰", "占千分之五")],
    ),
)
COUNT_RULES = (
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
