"""Traditional Chinese characters as the simplified ones that the vocabulary is written in."""

import re
from functools import cache
from typing import Any

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")

_ALSO = str.maketrans(
    "〇於麽菸骯羶祇纔囙喆剎吶囉弒拋朮冑醣麴矓鎔衞渖摺谘", "零于么烟肮膻只才因哲刹呐啰弑抛术胄糖曲眬熔卫沈折咨"
)
"""What wetext's table leaves."""

_BY_COMPANY = (
    (re.compile("(?<![名巨原专編编拙译遗論论昭显顯卓土合])著(?![名作者称稱书書述录錄])"), "着"),
    (re.compile("乾(?![坤隆清安陵卦元])"), "干"),
    (re.compile("瞭(?![望哨])"), "了"),
    (re.compile("徵(?![羽调調])"), "征"),
    (re.compile("(?<=[反答回])覆"), "复"),
    (re.compile("(?<=计)画"), "划"),
    (re.compile("彷(?=佛)"), "仿"),
    (re.compile("(?<=家)俱"), "具"),
    (re.compile("藉(?=[口由助])"), "借"),
    (re.compile("(?<=[项铁拉])炼|炼(?=[条球])"), "链"),
)
"""Characters that are simplified only beside certain others: 看著 but 著名, 乾燥 but 乾坤."""


def simplify_characters(text: str) -> str:
    """`text` in simplified characters, one for one; simplified text stays as it is."""
    if not _HAN.search(text):
        return text
    simple = text.translate({ord(character): _simplify_character(character) for character in set(_HAN.findall(text))})
    for pattern, replacement in _BY_COMPANY:
        simple = pattern.sub(replacement, simple)
    return simple.translate(_ALSO)


@cache
def _simplify_character(character: str) -> str:
    simple = str(_wetext_table().normalize(character))
    return simple if len(simple) == 1 else character


@cache
def _wetext_table() -> Any:
    from wetext import Normalizer

    return Normalizer(lang="zh", operator="tn", remove_erhua=False, traditional_to_simple=True)
