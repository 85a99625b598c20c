"""Which punctuation the voice model's vocabulary knows under another name.

The model was trained on six punctuation marks: , . ! ? - … and one quote '. Everything alike is written as one of them.
"""

import re

_WRITTEN_AS = {
    ",": (":", "：", ";", "；", "，", "、"),
    ".": ("。",),
    "!": ("！",),
    "?": ("？",),
    "-": ("·", "—", "–", "～", "~"),
    "…": ("...", "……", ",,,"),
    "'": tuple('"“”„‟‘’‚′″()（）[]【】《》「」『』〈〉〔〕〖〗«»‹›⟨⟩⟪⟫{}｛｝'),
    " ": ("\n",),
}
_TABLE = {variant: mark for mark, variants in _WRITTEN_AS.items() for variant in variants}
_CHINESE_TABLE = _TABLE | {"$": "."}


def _compile_alternatives(table: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True))))


_VARIANTS = _compile_alternatives(_TABLE)
_CHINESE_VARIANTS = _compile_alternatives(_CHINESE_TABLE)


def unify_punctuation(text: str, chinese: bool) -> str:
    """Write every punctuation mark as the one the vocabulary has. In Chinese text a `$` left over is a stop."""
    variants, table = (_CHINESE_VARIANTS, _CHINESE_TABLE) if chinese else (_VARIANTS, _TABLE)
    return variants.sub(lambda match: table[match.group()], text)
