"""Whether a measure stands before what it measures: a 5 km run, where English has the unit in the singular."""

import re

from .rule import match_any

_ARTICLE = re.compile(r"\b(?:an?|the|this|that|his|her|its|my|your|our|their|every|another|new) $", re.IGNORECASE)
_LONGEST_ARTICLE = 9
_WORD_BEHIND = re.compile(r"[ -]([a-zA-Z]+)")
_NO_NOUN = re.compile(
    match_any(
        "a about above after ago ahead all also altogether an and apart are around as at away back be because "
        "before behind below bigger broad but by came can cheaper closer colder come cooler could day deep "
        "deeper did do does down each earlier east either every extra farther faster for from further goes "
        "had has have he heavier here high higher hotter i if in inside instead into is it larger later less "
        "lighter like long longer lower may might more most must nearer no nor north not now of off old older "
        "on once only onto or out outside over overall per plus right said says she shorter should since "
        "slower smaller so south stronger tall taller than that the then there they thick thicker this though "
        "through to today tomorrow tonight total toward towards twice under until up warmer was we went were "
        "west when where which while wide wider will with within without would year yesterday you younger"
    )
)
_PLURAL = re.compile(r"people|men|women|children|feet|sheep|fish|police|[a-z]{2,}(?<![sui])s")


def is_before_noun(match: re.Match[str]) -> bool:
    """A noun stands behind the match, as far as a word shows it."""
    word = _WORD_BEHIND.match(match.string, match.end())
    return word is not None and not _NO_NOUN.fullmatch(word[1]) and not word[1].endswith("ly")


def is_adjective(match: re.Match[str]) -> bool:
    """An article stands before the match, a noun behind."""
    if not is_before_noun(match):
        return False
    return _ARTICLE.search(match.string[max(0, match.start() - _LONGEST_ARTICLE) : match.start()]) is not None


def is_counted(match: re.Match[str]) -> bool:
    """People, 5 million of them: a plural noun stands behind the match."""
    noun = _WORD_BEHIND.match(match.string, match.end())
    return noun is not None and not _NO_NOUN.fullmatch(noun[1]) and _PLURAL.fullmatch(noun[1]) is not None
