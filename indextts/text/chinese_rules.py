"""What Mandarin text is read by, in this order, before the number grammar reads the rest."""

import re

from .pinyin import PINYIN, respell_pinyin
from .rule import DIGITS, Rule

FOREIGN_NAME = re.compile(r"[\u4e00-\u9fff]+(?:[-·—][\u4e00-\u9fff]+){1,2}")
"""A foreign name in Chinese characters: 克里斯托弗·诺兰, 约瑟夫·高登-莱维特."""

CHINESE_RULES = (
    Rule(
        "pinyin",
        PINYIN,
        lambda match: respell_pinyin(match.group()),
        needs=DIGITS,
        examples=[("晕xuan4是一种GAN3觉, ju2 lüe4", "晕XVAN4是一种GAN3觉, JV2 lüe4")],
    ),
    Rule(
        "foreign names",
        FOREIGN_NAME,
        lambda match: match.group(),
        needs="-·—",
        examples=[("克里斯托弗·诺兰导演了3部电影", "克里斯托弗-诺兰导演了三部电影")],
    ),
)
