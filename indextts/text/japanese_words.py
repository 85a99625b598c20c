"""Words of Japanese text, which IndexTTS-2.5 was trained to find between spaces: MeCab, by fugashi and unidic-lite."""

from functools import cache
from typing import Any

from .annotations import ATOM, is_kana_atom

REMEDY = (
    "Japanese is spoken without spaces between its words, which the model knows less well: pip install fugashi "
    'unidic-lite (or "indextts2-multitalk[ja]")'
)


def can_split_words() -> bool:
    """Whether fugashi and its dictionary are installed."""
    return _load_tagger() is not None


def space_words(text: str) -> str:
    """`text` with a space between its words, an annotation being one; as it is where fugashi is not installed."""
    tagger = _load_tagger()
    if tagger is None:
        return text
    words: list[str] = []
    end = 0
    for atom in ATOM.finditer(text):
        words += _list_words(tagger, text[end : atom.start()])
        words.append(atom.group())
        end = atom.end()
    words += _list_words(tagger, text[end:])
    return "".join(_space_before(words, i) + word for i, word in enumerate(words))


def _list_words(tagger: Any, text: str) -> list[str]:
    return [word.surface for word in tagger(text)]


def _space_before(words: list[str], place: int) -> str:
    """Kana of an annotation bring their own spaces."""
    return "" if place == 0 or is_kana_atom(words[place]) or is_kana_atom(words[place - 1]) else " "


@cache
def _load_tagger() -> Any:
    try:
        import fugashi
        import unidic_lite
    except ImportError:
        return None
    return fugashi.Tagger(f'-d "{unidic_lite.DICDIR}"')
