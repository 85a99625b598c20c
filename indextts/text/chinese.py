"""Mandarin: how it is told from other languages, and what of it the number grammar must not touch."""

import re

from .grammar import Grammar
from .protected_spans import ProtectedSpans

_INITIALS = "zh|ch|sh|b|p|m|f|d|t|n|l|g|k|h|j|q|x|r|z|c|s|y|w"
_FINALS = (
    "a|o|e|i|u|ü|v|ai|ei|ao|ou|ia|ie|iu|iao|ua|uo|ui|uai|ue|ve|üe|"
    "an|en|in|un|vn|ün|ian|uan|van|üan|ang|eng|ing|ong|iang|uang|iong"
)

PINYIN = re.compile(rf"(?<![a-z])(?:(?:{_INITIALS})?(?:{_FINALS})|ng|er)[1-5]", re.IGNORECASE)
"""A Mandarin syllable with its tone, 5 being the neutral one: xuan4, lv4, DE5, a1; never inside a word (beta1)."""

FOREIGN_NAME = re.compile(r"[\u4e00-\u9fff]+(?:[-·—][\u4e00-\u9fff]+){1,2}")
"""A foreign name in Chinese characters: 克里斯托弗·诺兰, 约瑟夫·高登-莱维特."""

_EMAIL = re.compile(r"[a-zA-Z0-9]+@[a-zA-Z0-9]+\.[a-zA-Z]+")


def reads_as_chinese(text: str) -> bool:
    """Whether the Chinese grammar should read `text`: Chinese characters, pinyin, no Latin letter, or a bare email."""
    return bool(
        re.search(r"[\u4e00-\u9fff]", text)
        or not re.search(r"[a-zA-Z]", text)
        or _EMAIL.fullmatch(text)
        or PINYIN.search(text)
    )


def respell_pinyin(syllable: str) -> str:
    """The vocabulary's spelling of j, q and x syllables: upper-case, ü (which they write u) as V. Others stay."""
    if syllable[0] not in "jqxJQX":
        return syllable
    return re.sub(r"(?<=^[JQX])[UÜ](?=(?:E|AN|N)?[1-5])", "V", syllable.upper())


def verbalize_chinese(text: str, grammar: Grammar) -> str:
    """`text` with everything written out in Mandarin; pinyin, foreign names and the hyphens of terms stay."""
    spans = ProtectedSpans(text)
    protected = spans.protect_matches(spans.protect_hyphens(text), PINYIN, respell_pinyin)
    return spans.restore_spans(grammar.verbalize(spans.protect_matches(protected, FOREIGN_NAME)))
