"""Mandarin syllables that a user spells out with their tones, as the vocabulary spells them."""

import re

_SYLLABLES = {
    "": "ai an ang ao ei en eng er ou ng",
    "b": "a ai an ang ao ei en eng i ian iao ie in ing o u",
    "p": "a ai an ang ao ei en eng i ian iao ie in ing o ou u",
    "m": "a ai an ang ao e ei en eng i ian iao ie in ing iu o ou u",
    "f": "a an ang ei en eng iao o ou u",
    "d": "a ai an ang ao e ei en eng i ia ian iao ie ing iu ong ou u uan ui un uo",
    "t": "a ai an ang ao e ei eng i ian iao ie ing ong ou u uan ui un uo",
    "n": "a ai an ang ao e ei en eng i ia ian iang iao ie in ing iu ong ou u uan un uo v ve ue ü üe",
    "l": "a ai an ang ao e ei eng i ia ian iang iao ie in ing iu o ong ou u uan un uo v ve ue ü üe",
    "g": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "k": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "h": "a ai an ang ao e ei en eng ong ou u ua uai uan uang ui un uo",
    "j": "i ia ian iang iao ie in ing iong iu u uan ue un v van ve vn ü üan üe ün",
    "q": "i ia ian iang iao ie in ing iong iu u uan ue un v van ve vn ü üan üe ün",
    "x": "i ia ian iang iao ie in ing iong iu u uan ue un v van ve vn ü üan üe ün",
    "zh": "a ai an ang ao e ei en eng i ong ou u ua uai uan uang ui un uo",
    "ch": "a ai an ang ao e en eng i ong ou u ua uai uan uang ui un uo",
    "sh": "a ai an ang ao e ei en eng i ou u ua uai uan uang ui un uo",
    "r": "an ang ao e en eng i ong ou u ua uan ui un uo",
    "z": "a ai an ang ao e ei en eng i ong ou u uan ui un uo",
    "c": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "s": "a ai an ang ao e en eng i ong ou u uan ui un uo",
    "y": "a an ang ao e i in ing o ong ou u uan ue un",
    "w": "a ai an ang ei en eng o u",
}
"""Initials and the finals that follow each: all syllables of Mandarin but bare vowels, which stand for letters (A4)."""

_ALL = "|".join(initial + final for initial, finals in _SYLLABLES.items() for final in finals.split())

PINYIN = re.compile(
    rf"(?<![a-z])(?!(?<=[a-z] )(?-i:[A-Z][a-z]))(?:(?:{_ALL})[1-5]|(?-i:[aoe]5))(?![0-9]|[.:][0-9]|\s?[=+])",
    re.IGNORECASE,
)
"""A Mandarin syllable with its tone, 5 being the neutral one: xuan4, lv4, DE5, a5.

Never inside a word (beta1) or as a name behind one (PCIe Gen4), never where a number goes on (wan22, wan2.1, xuan4=5).
"""


def respell_pinyin(syllable: str) -> str:
    """The vocabulary's spelling of j, q and x syllables: upper-case, ü (which they write u) as V. Others stay."""
    if syllable[0] not in "jqxJQX":
        return syllable
    return re.sub(r"(?<=^[JQX])[UÜ](?=(?:E|AN|N)?[1-5])", "V", syllable.upper())
