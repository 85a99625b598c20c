"""Which punctuation the voice model's vocabulary knows under another name.

The model was trained on six punctuation marks: , . ! ? - … and one quote '. Everything alike is written as one of them.
"""

import re
from collections.abc import Mapping
from functools import cache

_WRITTEN_AS = {
    ",": (":", "：", ";", "；", "，", "、", "،", "؛"),
    ".": ("。",),
    "!": ("！",),
    "?": ("？", "؟"),
    "-": ("·", "—", "–", "～", "~"),
    "…": ("...", "......", "……", ",,,"),
    "'": tuple('"“”„‟‘’‚′″()（）[]【】《》「」『』〈〉〔〕〖〗«»‹›⟨⟩⟪⟫{}｛｝'),
    " ": ("\n",),
}
_TABLE = {variant: mark for mark, variants in _WRITTEN_AS.items() for variant in variants}
_KEPT_AS = {"ar": {"؟": "؟", "،": "،", "؛": "؛"}, "ja": {"·": "・"}, "zh": {"$": "."}}
"""What a language has otherwise. In Chinese text a `$` left over is a stop."""


@cache
def _compile_table(language: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    table = _TABLE | _KEPT_AS.get(language, {})
    return re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True)))), table


def unify_punctuation(text: str, language: str) -> str:
    """Write every punctuation mark as the one that the vocabulary has, or that text of `language` has."""
    pattern, table = _compile_table(language)
    return pattern.sub(lambda match: table[match.group()], text)
