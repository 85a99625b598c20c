"""What Mandarin text is read by, in this order, before the number grammar reads the rest.

What names and does not count comes before what counts, and what is longer before its parts.
"""

import re

from .chinese_amounts import COUNT_RULES, SHARE_RULES
from .chinese_codes import ADDRESS_RULES, CODE_RULES, MODEL_RULES, VERSION_RULES
from .chinese_dates import DATE_RULES, ISO_DATE_RULES
from .chinese_fractions import FRACTION_RULES, SEASON_RULES
from .chinese_idioms import IDIOM_RULES
from .chinese_money import MONEY_RULES, SUM_RANGE_RULES
from .chinese_numbers import read_digits
from .chinese_signs import RANGE_RULES, SIGN_RULES
from .chinese_units import PER_UNIT_RULES, UNIT_RULES
from .pinyin import PINYIN, respell_pinyin
from .rule import DIGITS, Rule

CHINESE_RULES = (
    *ADDRESS_RULES,
    *IDIOM_RULES,
    Rule(
        "pinyin",
        PINYIN,
        lambda match: respell_pinyin(match.group()),
        needs=DIGITS,
        examples=[
            ("晕xuan4是一种GAN3觉, ju2 lüe4", "晕XVAN4是一种GAN3觉, JV2 lüe4"),
            ("A4纸", "A四纸"),
            ("xuan4=5", "xuan四等于五"),
        ],
    ),
    Rule(
        "days of remembrance",
        re.compile("(?<![0-9])([0-9]{1,2})·([0-9]{1,2})(?![0-9])"),
        lambda match: read_digits(match[1] + match[2]),
        needs="·",
        examples=[("5·12地震", "五一二地震"), ("克里斯托弗·诺兰导演了3部电影", "克里斯托弗-诺兰导演了三部电影")],
    ),
    *ISO_DATE_RULES,
    *CODE_RULES,
    *VERSION_RULES,
    *SEASON_RULES,
    *SUM_RANGE_RULES,
    *RANGE_RULES,
    *DATE_RULES,
    *MONEY_RULES,
    *PER_UNIT_RULES,
    *FRACTION_RULES,
    *SIGN_RULES,
    *MODEL_RULES,
    *SHARE_RULES,
    *UNIT_RULES,
    *COUNT_RULES,
)
