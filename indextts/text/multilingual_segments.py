"""Long text of any script into segments, for IndexTTS-2.5: at sentences, clauses, words, in this order.

Cuts cost what they cost in segmenter.py. Where a word begins depends on the script: behind a space, beside a Chinese
character, behind a mark that no digit follows. A word is cut only where it alone is longer than a segment, an
annotation never.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from .annotations import ATOM, keep_readings
from .language import HAN
from .multilingual_tokenizer import MultilingualTokenizer
from .segmenter import MARKS, CutKind, classify_ends, find_cheapest_cuts, find_quotes
from .tokenizer import WORD_START

PREFIX_TOKENS = 2
"""The language's token and the space behind it."""
LEAST_TOKENS = 8
"""Of a segment; a limit below counts as this. One character may be four tokens."""

_KANA = re.compile("[\u3040-\u30ff]")
_KATAKANA = re.compile("[\u30a0-\u30ff]")
_SPACE = re.compile(r"\s")
_OPENING_MARKS = "¿¡"


@dataclass(frozen=True)
class _Unit:
    """What no cut parts: a character's tokens, a token's characters, an annotation. `start`: its place in the text."""

    start: int
    tokens: int


def encode_segments(
    text: str, language: str, tokenizer: MultilingualTokenizer, max_tokens: int
) -> tuple[tuple[int, ...], ...]:
    """Token ids of `text`, each segment with its language in front and at most `max_tokens` long."""
    limit = max(max_tokens, LEAST_TOKENS) - PREFIX_TOKENS
    fits = len(tokenizer.encode(keep_readings(text))) <= limit
    parts = [text] if fits else split_text(text, language, tokenizer, limit)
    return tuple(tokenizer.encode_segment(keep_readings(part).rstrip(), language) for part in parts)


def split_text(text: str, language: str, tokenizer: MultilingualTokenizer, limit: int) -> Iterator[str]:
    """Parts of `text` of at most `limit` tokens, without the spaces between them."""
    units = list(_list_units(text, tokenizer, limit))
    kinds = _classify_unit_cuts(text, language, [unit.start for unit in units])
    ends = find_cheapest_cuts([unit.tokens for unit in units], kinds, limit)
    starts = [0, *(units[end].start for end in ends[:-1]), len(text)]
    for start, end in pairwise(starts):
        if part := text[start:end].strip():
            yield part


def _list_units(text: str, tokenizer: MultilingualTokenizer, limit: int) -> Iterator[_Unit]:
    """Units of at most `limit` tokens that together are `text`."""
    end = 0
    for atom in ATOM.finditer(text):
        yield from _list_characters(text, end, atom.start(), tokenizer)
        yield _Unit(atom.start(), min(limit, len(tokenizer.encode(keep_readings(atom.group())))))
        end = atom.end()
    yield from _list_characters(text, end, len(text), tokenizer)


def _list_characters(text: str, start: int, end: int, tokenizer: MultilingualTokenizer) -> Iterator[_Unit]:
    """A unit wherever a token begins with a character; tokens that begin inside one belong to the unit before."""
    part = text[start:end]
    places = {offset: start + i for i, offset in enumerate(accumulate((len(c.encode()) for c in part), initial=0))}
    begin, tokens, offset = start, 0, 0
    for size in tokenizer.count_bytes(part):
        if tokens and offset in places:
            yield _Unit(begin, tokens)
            begin, tokens = places[offset], 0
        tokens += 1
        offset += size
    if tokens:
        yield _Unit(begin, tokens)


def _classify_unit_cuts(text: str, language: str, starts: Sequence[int]) -> list[CutKind]:
    """The kind of a cut right before each of `starts`."""
    spaced = _SPACE.sub(WORD_START, text)
    opening, closing = find_quotes(spaced)
    ended = classify_ends(spaced, closing)

    def classify_cut(start: int) -> CutKind:
        if start == 0 or start in closing or start + 1 in closing or start - 1 in opening:
            return CutKind.INSIDE
        if start in opening or _begins_word(text, start, language):
            return ended[start]
        return CutKind.GUESS if _may_begin_word(text[start - 1], text[start]) else CutKind.INSIDE

    return [classify_cut(start) for start in starts]


def _begins_word(text: str, start: int, language: str) -> bool:
    """Whether a word, or the space or mark before one, begins at `start`."""
    before, character = text[start - 1], text[start]
    if character.isspace() or character in _OPENING_MARKS:
        return True
    if before in MARKS:
        between_latin = before.isascii() and text[start - 2 : start - 1].isascii() and character.isascii()
        return character not in MARKS and not (between_latin and character.isalnum())
    return language != "ja" and bool(HAN.match(character) or HAN.match(before)) and character not in MARKS


def _may_begin_word(before: str, character: str) -> bool:
    """Japanese without spaces: where Chinese characters or katakana begin."""
    return bool(HAN.match(character) and _KANA.match(before)) or (
        bool(_KATAKANA.match(character)) and not _KATAKANA.match(before)
    )
