"""A script file's text, whatever encoding it is in: UTF-8, UTF-16, GBK, Big5 or cp1252."""

from collections.abc import Callable
from pathlib import Path

from ..errors import ScriptError

_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\v\f\r")
_MARKS = frozenset("，。！？：；、“”‘’「」『』（）《》…—【】　～")
_WESTERN = frozenset("‘’“”‚„…–—•€£¥¢§©®™°±²³¼½¾«»‹›¿¡·\xa0´")

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_FREQUENT = {"gb2312": (0xB0, 0xD7), "big5": (0xA4, 0xC6)}
"""First bytes of the characters that each standard puts first, as the frequent ones."""
_LIKELY = 0.5
"""Share of usual letters from which on a text is believed to be in an encoding."""
_FEW_BROKEN = 0.02


def read_script_file(file: Path) -> str:
    """The text of a script or subtitle file. Raises `ScriptError` where there is none."""
    try:
        return decode_script(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ScriptError(
            f"{file}: cannot be read ({error}); expected a text file in UTF-8, UTF-16, GBK, Big5 or cp1252"
        ) from error


def decode_script(data: bytes) -> str:
    """`data` as text: by its byte order mark, as UTF-8, else as what its letters are most usual in.

    Raises ValueError where no encoding fits.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace").replace("\ufffd", "")
    wide = b"\0" in data
    if not wide:
        text = data.decode("utf-8", errors="replace")
        if text.count("\ufffd") <= _FEW_BROKEN * sum(letter > "\x7f" for letter in text):
            return text.replace("\ufffd", "")
    guesses = [_guess_encoding(data, encoding) for encoding in (_WIDE if wide else _NARROW + _WIDE)]
    likeliness, text = max(guesses, key=lambda guess: guess[0])
    if likeliness < _LIKELY:
        raise ValueError("no encoding fits")
    return text


def _guess_encoding(data: bytes, encoding: str) -> tuple[float, str]:
    """How likely `data` is in an encoding, 0 to 1, and its text then."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return 0.0, ""
    foreign = [place for place, letter in enumerate(text) if letter >= "\x7f" or letter in _CONTROLS]
    if not foreign:
        return 1.0, text
    return sum(_USUAL[encoding](text, place) for place in foreign) / len(foreign), text


def _is_frequent(letter: str, standard: str) -> bool:
    low, high = _FREQUENT[standard]
    try:
        return letter in _MARKS or low <= letter.encode(standard)[0] <= high
    except UnicodeEncodeError:
        return False


def _is_usual_western(text: str, place: int) -> bool:
    """A letter with an accent or a mark, among ASCII ones; in Chinese misread they stand side by side."""
    letter, behind = text[place], text[place + 1 : place + 2]
    usual = letter in _WESTERN or (letter.isalpha() and letter < "\u0180")
    return usual and not "\xa0" < behind < "\u0180"


def _is_usual_anywhere(text: str, place: int) -> bool:
    letter = text[place]
    western = letter in _WESTERN or "\xbf" < letter < "\u0180"
    return western or _is_frequent(letter, "gb2312") or _is_frequent(letter, "big5")


_NARROW = ("gb18030", "big5", "cp1252")
_WIDE = ("utf-16-le", "utf-16-be")
_USUAL: dict[str, Callable[[str, int], bool]] = {
    "gb18030": lambda text, place: _is_frequent(text[place], "gb2312"),
    "big5": lambda text, place: _is_frequent(text[place], "big5"),
    "cp1252": _is_usual_western,
    "utf-16-le": _is_usual_anywhere,
    "utf-16-be": _is_usual_anywhere,
}
