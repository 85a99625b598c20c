"""Which characters the voice model's vocabulary knows under another name.

The model was trained on six punctuation marks: , . ! ? - … and one quote '. Everything alike is written as one of them.
"""

import re

_WRITTEN_AS = {
    ",": (":", "：", ";", "；", "，", "、"),
    ".": ("。",),
    "!": ("！",),
    "?": ("？",),
    "-": ("·", "—", "～", "~"),
    "…": ("...", "……", ",,,"),
    "'": tuple('"“”‘’()（）[]【】《》「」'),
    " ": ("\n",),
}
_TABLE = {variant: mark for mark, variants in _WRITTEN_AS.items() for variant in variants}
_CHINESE_TABLE = _TABLE | {"$": "."}

# What no reader sees: control and formatting characters. Line breaks and tabs stay.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")


def _compile_alternatives(table: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(table, key=len, reverse=True))))


_VARIANTS = _compile_alternatives(_TABLE)
_CHINESE_VARIANTS = _compile_alternatives(_CHINESE_TABLE)


def unify_punctuation(text: str, chinese: bool) -> str:
    """Write every punctuation mark as the one the vocabulary has. In Chinese text a `$` left over is a stop."""
    variants, table = (_CHINESE_VARIANTS, _CHINESE_TABLE) if chinese else (_VARIANTS, _TABLE)
    return variants.sub(lambda match: table[match.group()], text)


def remove_invisible(text: str) -> str:
    """Drop control characters, zero-width characters and lone surrogates; a no-break space becomes a space."""
    readable = text.encode("utf-8", "ignore").decode("utf-8")
    return _INVISIBLE.sub("", readable.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " "))
