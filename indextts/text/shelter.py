"""Keeps spans of a text away from the number grammars, which would read the 3 of `DE3` or the hyphen of `GPT-5`."""

import re
from collections.abc import Callable

_INITIALS = "zh|ch|sh|b|p|m|f|d|t|n|l|g|k|h|j|q|x|r|z|c|s|y|w"
_FINALS = (
    "a|o|e|i|u|ü|v|ai|ei|ao|ou|ia|ie|iu|iao|ua|uo|ui|uai|ue|ve|üe|"
    "an|en|in|un|vn|ün|ian|uan|van|üan|ang|eng|ing|ong|iang|uang|iong"
)

PINYIN = re.compile(rf"(?<![a-z])(?:(?:{_INITIALS})?(?:{_FINALS})|ng|er)[1-5]", re.IGNORECASE)
"""A Mandarin syllable with its tone, 5 being the neutral one: xuan4, lv4, DE5, a1; never inside a word (beta1)."""

NAME = re.compile(r"[\u4e00-\u9fff]+(?:[-·—][\u4e00-\u9fff]+){1,2}")
"""A foreign name in Chinese characters: 克里斯托弗·诺兰, 约瑟夫·高登-莱维特."""

TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+")
"""Words and numbers joined by hyphens, a letter first: GPT-5-nano, state-of-the-art; not 135-4567-8900."""


def respell_pinyin(syllable: str) -> str:
    """The vocabulary's spelling of j, q and x syllables: upper-case, ü (which they write u) as V. Others stay."""
    if syllable[0] not in "jqxJQX":
        return syllable
    return re.sub(r"(?<=^[JQX])[UÜ](?=(?:E|AN|N)?[1-5])", "V", syllable.upper())


class Shelter:
    """Swaps spans for markers like `<keepb>` that the grammars pass on as they are, and swaps them back."""

    def __init__(self, text: str) -> None:
        # A marker the user happens to have written himself must not be taken for one of ours.
        self._prefix = "keep"
        while f"<{self._prefix}" in text:
            self._prefix += "x"
        self._kept: list[str] = []

    def keep(self, text: str, pattern: re.Pattern[str], spelling: Callable[[str], str] = str) -> str:
        """Hide every match of `pattern`; `spelling` says how it will be written when it comes back."""
        return pattern.sub(lambda match: self._marker(spelling(match.group())), text)

    def keep_hyphens(self, text: str) -> str:
        """Hide the hyphens inside terms; the numbers between them are still read."""
        return TERM.sub(lambda match: match.group().replace("-", f"<{self._prefix}>"), text)

    def restore(self, text: str) -> str:
        """Swap every marker back. The English grammar puts spaces around hyphens; those go."""
        text = re.sub(rf"\s*<{self._prefix}>\s*", "-", text)
        return re.sub(rf"<{self._prefix}([a-j]+)>", lambda match: self._kept[_number(match.group(1))], text)

    def _marker(self, kept: str) -> str:
        self._kept.append(kept)
        return f"<{self._prefix}{_letters(len(self._kept) - 1)}>"


def _letters(number: int) -> str:
    """Digits as letters a to j, since the grammars would read digits aloud."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def _number(letters: str) -> int:
    return int("".join(str("abcdefghij".index(letter)) for letter in letters))
