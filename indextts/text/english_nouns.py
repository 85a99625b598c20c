"""Whether a measure stands before what it measures: a 5 km run, where English has the unit in the singular."""

import re

from .rule import match_any

_ARTICLE = re.compile(r"\b(?:an?|the|this|that|his|her|its|my|your|our|their|every|another|new) $", re.IGNORECASE)
_LONGEST_ARTICLE = 9
_WORD_BEHIND = re.compile(r"[ -]([a-zA-Z]+)")
_NO_NOUN = re.compile(
    match_any(
        "a about above after ago all also an and apart are as at away back be because before behind below but by "
        "can day each either every extra for from had has have he i if in instead into is it later less like "
        "long more most no nor not now of off on only onto or out over per plus right she since so tall than "
        "that the then they this though through to today tomorrow tonight total toward towards under until up "
        "was we were when where which while will with within without would year yesterday you"
    )
)
_PLURAL = re.compile(r"people|men|women|children|feet|sheep|fish|police|[a-z]{2,}(?<![sui])s")


def is_before_noun(match: re.Match[str]) -> bool:
    """A noun stands behind the match, as far as a word shows it."""
    word = _WORD_BEHIND.match(match.string, match.end())
    return word is not None and not _NO_NOUN.fullmatch(word[1]) and not word[1].endswith(("er", "ly", "ing"))


def is_adjective(match: re.Match[str]) -> bool:
    """An article stands before the match, a noun behind."""
    if not is_before_noun(match):
        return False
    return _ARTICLE.search(match.string[max(0, match.start() - _LONGEST_ARTICLE) : match.start()]) is not None


def is_counted(match: re.Match[str]) -> bool:
    """People, 5 million of them: a plural noun stands behind the match."""
    noun = _WORD_BEHIND.match(match.string, match.end())
    return noun is not None and not _NO_NOUN.fullmatch(noun[1]) and _PLURAL.fullmatch(noun[1]) is not None
