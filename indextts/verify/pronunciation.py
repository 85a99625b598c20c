"""Text into words and the units in which they are compared: phones in English, syllables or characters in Chinese."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

Units = tuple[str, ...]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+(?:['’][^\W\d_{_HAN}]+)*")

_ROUGH_PHONES = {
    "tch": "CH", "sch": "SH", "igh": "AY", "sh": "SH", "ch": "CH", "th": "TH", "ph": "F", "ck": "K", "ng": "NG",
    "qu": "K W", "wh": "W", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "ai": "EY", "ay": "EY",
    "oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "er": "ER", "ar": "AA R", "or": "AO R", "a": "AE", "b": "B",
    "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M",
    "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S",
    "y": "IY", "z": "Z",
}  # fmt: skip
_LETTERS = re.compile("|".join(sorted(_ROUGH_PHONES, key=len, reverse=True)))


@dataclass(frozen=True)
class Word:
    """A word as it is written, in small letters, or one Chinese character, and the units it is compared in."""

    text: str
    units: Units


def split_words(text: str, pronounce: Callable[[str], Units]) -> list[Word]:
    """The words of spoken text, in order. `pronounce` gives the units of a word in Latin letters."""
    found = (match.group().replace("’", "'").lower() for match in _WORD.finditer(text))
    return [Word(word, _list_units(word, pronounce)) for word in found]


def _list_units(word: str, pronounce: Callable[[str], Units]) -> Units:
    if word.isascii():
        return pronounce(word)
    return (_name_syllable(word),) if len(word) == 1 else tuple(word)


def guess_phones(word: str) -> Units:
    """ARPAbet phones of a word that no dictionary has, letter by letter; rough, but the same each time."""
    letters = re.sub("[^a-z]", "", word)
    spelled = re.sub(r"(?<=[^aeiouy])e$|(.)(?=\1)", "", letters) if len(letters) > 2 else letters
    phones = " ".join(_ROUGH_PHONES[part] for part in _LETTERS.findall(spelled)).split()
    return tuple(phones) or tuple(word)


@lru_cache(8192)
def _name_syllable(character: str) -> str:
    """A Chinese character's syllable without its tone where pypinyin is installed, else the character itself."""
    try:
        from pypinyin import lazy_pinyin
    except ModuleNotFoundError:
        return character
    syllables: Sequence[str] = lazy_pinyin(character)
    return syllables[0] if syllables else character
