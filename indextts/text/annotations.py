"""Readings that a user writes beside a word: `<重|CHONG2>`, `<tomato|T AH0 M EY1 . T OW2>`, `<東京|とうきょう>`.

From the moment they are found until they are encoded, annotations stand in the text in characters of Unicode's last
private plane: one for each of their own, between markers. `fold_characters` has dropped that plane from what a user
wrote, no rule and no grammar looks for it, and nothing in it is a letter, a digit, a mark or a space. So no layer reads
them, and no text can forge them.
"""

import re

from ..errors import TextError
from .annotation_readings import (
    PHONEMES,
    PINYIN_READINGS,
    SYLLABLE_BREAK,
    is_kana,
    respell_syllable,
    suggest_phonemes,
    suggest_syllables,
    write_hiragana,
)

LONGEST_WORD, LONGEST_READING = 60, 120

_PLANE = 0x100000
_WORD, _PHONEMES, _PINYIN, _KANA = (chr(_PLANE + code) for code in (0xFFF0, 0xFFF1, 0xFFF2, 0xFFF3))
MARKERS = {_PHONEMES: "SPECIAL_TOKEN_1", _PINYIN: "SPECIAL_TOKEN_2"}
"""Around a reading, and the special token that each becomes."""

ATOM = re.compile(
    f"{_WORD}[{chr(_PLANE)}-{chr(_PLANE + 0xFFEF)}]*([{_PHONEMES}-{_KANA}])([{chr(_PLANE)}-{chr(_PLANE + 0xFFEF)}]*)\\1"
)
"""A whole annotation, hidden: its word, and its reading between two markers."""
_HIDDEN = re.compile(f"[{chr(_PLANE)}-{chr(_PLANE + 0xFFFD)}]")
_WRITTEN = re.compile(rf"<([^<>|\n]{{1,{LONGEST_WORD}}})\|([^<>|\n]{{1,{LONGEST_READING}}})>")
_HAN = re.compile("[\u4e00-\u9fff]")
_BETWEEN_SYLLABLES = re.compile(f"(?<={_PINYIN}) +(?={_WORD})")
_SPACES_APART = re.compile(r"\s+|(?<=[0-9A-Za-z])(?=\.)|(?<=\.)(?=[0-9A-Za-z])")


def hide_annotations(text: str) -> str:
    """`text` with its annotations hidden. Raises `TextError` where a reading is none, with the nearest that is one."""
    return _WRITTEN.sub(lambda match: _hide_annotation(match[1].strip(), match[2].strip(), match.group()), text)


def write_inline(text: str) -> str:
    """`text` for IndexTTS-2, which knows pinyin within the text alone: `<重|CHONG2>` → CHONG2.

    Raises `TextError` for phonemes and kana; what holds no reading is text.
    """
    return _WRITTEN.sub(_write_inline, text)


def _write_inline(match: re.Match[str]) -> str:
    try:
        hidden = _hide_annotation(match[1].strip(), match[2].strip(), match.group())
    except TextError:
        if _HAN.search(match[1]):
            raise
        return match.group()
    if _PINYIN not in hidden:
        raise TextError(
            f"{match.group()}: got phonemes or kana, of which IndexTTS-2 knows none; expected pinyin, such as "
            "<重|CHONG2>: choose an IndexTTS-2.5 folder as model_dir, or spell the word as it sounds"
        )
    return " ".join(show_hidden(_split_atom(atom)[1]) for atom in ATOM.finditer(hidden))


def hide_syllable(syllable: str) -> str | None:
    """A syllable of pinyin that stands in the text as itself (XING2), hidden; None where it is none of the readings."""
    reading = respell_syllable(syllable)
    return _hide("", _PINYIN, reading) if reading in PINYIN_READINGS else None


def join_syllables(text: str) -> str:
    """`text` without the spaces between hidden syllables: HANG2 ZHANG3."""
    return _BETWEEN_SYLLABLES.sub("", text)


def has_annotation(text: str) -> bool:
    """Whether `text` holds a hidden annotation."""
    return _WORD in text


def is_kana_atom(text: str) -> bool:
    """Whether `text` is a hidden annotation whose reading is kana."""
    return text.startswith(_WORD) and text.endswith(_KANA)


def show_annotations(text: str) -> str:
    """`text` with hidden annotations written out: `<重|CHONG2>`; a syllable that has no word is itself."""
    return ATOM.sub(_write_annotation, text) if has_annotation(text) else text


def keep_words(text: str) -> str:
    """`text` with the word in the place of each hidden annotation, or its reading where it has no word."""
    return (
        ATOM.sub(lambda match: show_hidden(_split_atom(match)[0] or match[2]), text) if has_annotation(text) else text
    )


def keep_readings(text: str) -> str:
    """`text` with hidden annotations as they are encoded: kana as a word, other readings between their markers."""
    return ATOM.sub(_keep_reading, text) if has_annotation(text) else text


def show_hidden(text: str) -> str:
    """Hidden characters as what they stand for."""
    return _HIDDEN.sub(lambda hidden: chr(ord(hidden.group()) - _PLANE), text)


def _keep_reading(match: re.Match[str]) -> str:
    return f" {match[2]} " if match[1] == _KANA else f"{match[1]}{match[2]}{match[1]}"


def _split_atom(match: re.Match[str]) -> tuple[str, str]:
    """Word and reading, both hidden."""
    return match.group()[1:].partition(match[1])[0], match[2]


def _write_annotation(match: re.Match[str]) -> str:
    word, reading = map(show_hidden, _split_atom(match))
    return f"<{word}|{reading}>" if word else reading


def _hide(word: str, marker: str, reading: str) -> str:
    shifted = ("".join(chr(_PLANE + ord(c)) for c in part if ord(c) < 0xFFF0) for part in (word, reading))
    hidden_word, hidden_reading = shifted
    return f"{_WORD}{hidden_word}{marker}{hidden_reading}{marker}"


def _hide_annotation(word: str, reading: str, written: str) -> str:
    if is_kana(reading):
        return _hide(word, _KANA, reading)
    if is_kana(write_hiragana(reading)):
        raise TextError(
            f"{written}: got hiragana and katakana in one reading, expected one of them: {write_hiragana(reading)}"
        )
    return _hide_pinyin(word, reading, written) if _HAN.search(word) else _hide_phonemes(word, reading, written)


def _hide_pinyin(word: str, reading: str, written: str) -> str:
    """A syllable for each character of `word`, each hidden with its own."""
    syllables = [respell_syllable(syllable) for syllable in reading.split()]
    for syllable in syllables:
        if syllable not in PINYIN_READINGS:
            nearest = _list_nearest(suggest_syllables(syllable), "CHONG2")
            raise TextError(
                f"{written}: got {syllable[:20]!r}, expected pinyin with its tone from 1 to 5, such as {nearest}; "
                "in Japanese write the reading in kana: <東京|とうきょう>"
            )
    if len(syllables) == 1:
        return _hide(word, _PINYIN, syllables[0])
    characters = word.replace(" ", "")
    if len(syllables) != len(characters):
        raise TextError(
            f"{written}: got {len(syllables)} syllables for {len(characters)} characters, expected one for each, "
            "with spaces between: <重庆|CHONG2 QING4>"
        )
    return "".join(_hide(character, _PINYIN, one) for character, one in zip(characters, syllables, strict=True))


def _hide_phonemes(word: str, reading: str, written: str) -> str:
    phonemes = _SPACES_APART.sub(" ", reading.upper()).split()
    for phoneme in phonemes:
        if phoneme not in PHONEMES and phoneme != SYLLABLE_BREAK:
            nearest = _list_nearest(suggest_phonemes(phoneme), "AH0")
            raise TextError(
                f"{written}: got {phoneme[:20]!r}, expected phonemes of the CMU dictionary, vowels with their stress "
                f"from 0 to 2, such as {nearest}; between syllables a dot: <going|G OW1 . IH0 NG>"
            )
    if PHONEMES.isdisjoint(phonemes):
        raise TextError(f"{written}: got no phoneme, expected some of the CMU dictionary: <going|G OW1 . IH0 NG>")
    return _hide(word, _PHONEMES, " ".join(phonemes))


def _list_nearest(nearest: list[str], example: str) -> str:
    return ", ".join(nearest or [example])
