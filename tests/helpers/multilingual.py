"""2.5's text as the golden files write it: special tokens by their names."""

import re
from pathlib import Path

from indextts2_multitalk.indextts.text.annotations import (
    MARKERS,
    hide_annotations,
    hide_syllable,
    keep_readings,
    show_hidden,
)
from indextts2_multitalk.indextts.text.multilingual_tokenizer import MultilingualTokenizer

VOCABULARY = Path(__file__).parents[1] / "goldens" / "small-2.5" / "vocabulary.tiktoken"
_PREFIX = re.compile(r"<\|(\w+)\|> (.*)", re.DOTALL)
_MARKED = re.compile(r"<\|SPECIAL_TOKEN_([12])\|>(.*?)<\|SPECIAL_TOKEN_\1\|>")


def write_segments(tokenizer: MultilingualTokenizer, segments: list[str]) -> list[list[int]]:
    """Ids of segments such as `<|zh|> 最<|SPECIAL_TOKEN_2|>CHONG2<|SPECIAL_TOKEN_2|>要`."""
    written = []
    for segment in segments:
        language, text = _PREFIX.fullmatch(segment).groups()
        written.append(list(tokenizer.encode_segment(_MARKED.sub(_hide_marked, text), language)))
    return written


def read_ids(ids: list[list[int]]) -> list[list[int]]:
    """Ids as a model gets them: a golden file holds 0 and 1, start and stop, where the text has `!` and `"`."""
    return [[token for token in segment if token > 1] for segment in ids]


def show_markers(hidden: str) -> str:
    """Readings between the names of their special tokens."""
    for marker, name in MARKERS.items():
        hidden = hidden.replace(marker, f"<|{name}|>")
    return show_hidden(hidden)


def _hide_marked(match: re.Match[str]) -> str:
    hidden = hide_syllable(match[2]) if match[1] == "2" else hide_annotations(f"<word|{match[2]}>")
    assert hidden is not None
    return keep_readings(hidden)
