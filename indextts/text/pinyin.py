"""Mandarin syllables that a user spells out with their tones, as the vocabulary spells them."""

import re

_INITIALS = "zh|ch|sh|b|p|m|f|d|t|n|l|g|k|h|j|q|x|r|z|c|s|y|w"
_FINALS = (
    "a|o|e|i|u|ü|v|ai|ei|ao|ou|ia|ie|iu|iao|ua|uo|ui|uai|ue|ve|üe|"
    "an|en|in|un|vn|ün|ian|uan|van|üan|ang|eng|ing|ong|iang|uang|iong"
)

PINYIN = re.compile(rf"(?<![a-z])(?:(?:{_INITIALS})?(?:{_FINALS})|ng|er)[1-5]", re.IGNORECASE)
"""A Mandarin syllable with its tone, 5 being the neutral one: xuan4, lv4, DE5, a1; never inside a word (beta1)."""


def respell_pinyin(syllable: str) -> str:
    """The vocabulary's spelling of j, q and x syllables: upper-case, ü (which they write u) as V. Others stay."""
    if syllable[0] not in "jqxJQX":
        return syllable
    return re.sub(r"(?<=^[JQX])[UÜ](?=(?:E|AN|N)?[1-5])", "V", syllable.upper())
