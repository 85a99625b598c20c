"""Unicode, the first layer: one character for all that look alike or stand for the same."""

import re
import unicodedata

# What no reader sees: control and formatting characters, private planes. Line breaks and tabs stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ue000-\uf8ff\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U0010ffff]"
)

_ALIKE = {
    " ": "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\x85\u2028\u2029",
    "-": "\u2010\u2011\u2212\u2043\ufe63\uff0d",
    "–": "\u2012",
    "—": "\u2015\u2e3a\u2e3b\ufe58\ufe31",
    "'": "\u02bc\u02b9\u02bb\u02c8\u055a\u201b\ua78c\uff07\u275b\u275c",
    '"': "\uff02\u301d\u301e\u301f\u275d\u275e",
    ":": "\u02d0\u2236\ua789",
    ".": "\u2024",
    "!": "\u2755\u2757",
    "～": "\u301c\u2053\u223c",
    "…": "\u22ef\u2025\ufe19",
    "·": "\u30fb\uff65\u2027\u2219\u22c5",
    "。": "\uff61",
    "、": "\uff64\ufe51",
    "/": "\u2044\u2215",
    "¥": "\uffe5",
    "µ": "\u03bc",
    "?": "\u2753\u2754",
}
"""What is spoken as the first is written as one of the rest."""

# Ranges of characters that Unicode itself writes otherwise (NFKC).
_COMPATIBLE = (
    (0x2080, 0x209C),  # subscripts
    (0x2100, 0x214F),  # letters as signs
    (0x2488, 0x249B),  # numbers with a stop
    (0x24B6, 0x24E9),  # letters in circles
    (0x3220, 0x3229),  # Chinese numbers in brackets
    (0x3280, 0x3289),  # and in circles
    (0x3371, 0x33DF),  # units in one square
    (0x2F00, 0x2FD5),  # radicals
    (0xFB00, 0xFB06),  # ligatures
    (0x2F00, 0x2FD5),  # radicals
    (0xFE30, 0xFE44),  # punctuation of upright text
    (0xFE50, 0xFE6B),  # small punctuation
    (0xFF02, 0xFF5E),  # full width
    (0xFFE0, 0xFFE6),
    (0x1D400, 0x1D7FF),  # letters in mathematical styles
    (0x203C, 0x203C),
    (0x2047, 0x2049),
)
_KEPT = "℃℉№™℠，：；？（）～"  # rules read these as they stand
_SUPERSCRIPTS = {"⁰": "0", "¹": "1", "⁴": "4", "⁵": "5", "⁶": "6", "⁷": "7", "⁸": "8", "⁹": "9", "⁻": "-"}
_CIRCLED = ((0x2460, 1, 20), (0x2474, 1, 20), (0x2776, 1, 10), (0x2780, 1, 10), (0x278A, 1, 10))
_ROMAN = {chr(0x2160 + place): place + 1 for place in range(12)} | {
    chr(0x2170 + place): place + 1 for place in range(12)
}

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_ROMAN_SIGN = re.compile("[\u2160-\u216b\u2170-\u217b]")
_POWERS = f"(?:[{''.join(_SUPERSCRIPTS)}²³]{{2,}}|[{''.join(_SUPERSCRIPTS)}])"
_POWER = re.compile(_POWERS)
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])[’′´`‘](?=[^\W\d_])")
_FOOTNOTE = re.compile(rf"(?:(?<=[^\W\d_]{{3}})|(?<=[.,!?;:…\"”’])){_POWERS}")
_HAN_DOT = re.compile("(?<=[\u4e00-\u9fff])•(?=[\u4e00-\u9fff])")
_HAN_FRACTION = re.compile("(\\d?)([¼-¾⅓-⅞])")
_CHINESE_ZERO = re.compile("(?<=[一二三四五六七八九十○◯])[○◯]|[○◯](?=[○◯一二三四五六七八九])")
_DIGIT_COLON = re.compile(r"(?<=\d)：(?=\d)")
_ORNAMENT = re.compile(
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2500-\u2604\u2606-\u27bf\u2b00-\u2bff\u3030\u303d\u20e3©®™℠]+"
)
_ARROWS_KEPT = "→⇒"
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff\u0300-\u036f]")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
    | {"ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
)


def _map_characters() -> dict[int, str]:
    table = {ord(variant): character for character, variants in _ALIKE.items() for variant in variants}
    for first, last in _COMPATIBLE:
        for code in range(first, last + 1):
            if chr(code) not in _KEPT:
                table.setdefault(code, _write_plainly(chr(code)))
    for first, start, count in _CIRCLED:
        table.update({first + place: f" {start + place} " for place in range(count)})
    return table


def _write_plainly(character: str) -> str:
    """What Unicode writes for it, but the power of a unit stays one: ㎡ → m²."""
    plain = unicodedata.normalize("NFKC", character)
    parts = unicodedata.decomposition(character).split()
    return "".join(chr(int(part, 16)) for part in parts[1:]) if "00B2" in parts or "00B3" in parts else plain


_CHARACTERS = _map_characters()


def fold_characters(text: str) -> str:
    """`text` in composed letters, without what is not seen, each character as the rules of reading know it."""
    readable = text.encode("utf-8", "ignore").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    if readable.isascii():
        return _APOSTROPHE.sub("'", _INVISIBLE.sub("", readable))
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFC", readable).translate(_CHARACTERS))
    plain = _CHINESE_ZERO.sub("〇", _APOSTROPHE.sub("'", _DIGIT_COLON.sub(":", plain)))
    plain = _POWER.sub(lambda power: "^" + _plain_power(power.group()), _FOOTNOTE.sub("", plain))
    is_chinese = _HAN.search(plain) is not None
    if is_chinese:
        plain = _HAN_FRACTION.sub(_write_fraction, _HAN_DOT.sub("·", plain))
    roman = _ROMAN if is_chinese else {}
    return _ROMAN_SIGN.sub(
        lambda sign: str(roman.get(sign.group()) or unicodedata.normalize("NFKC", sign.group())), plain
    )


def _write_fraction(match: re.Match[str]) -> str:
    fraction = unicodedata.normalize("NFKC", match[2]).replace("\u2044", "/")
    return f"{match[1]}又{fraction}" if match[1] else fraction


def _plain_power(power: str) -> str:
    return "".join(_SUPERSCRIPTS.get(sign) or unicodedata.normalize("NFKC", sign) for sign in power)


def drop_ornaments(text: str) -> str:
    """`text` without emoji and other pictures, which nobody reads aloud."""
    return text if text.isascii() else _ORNAMENT.sub(_keep_arrow, text)


def _keep_arrow(match: re.Match[str]) -> str:
    return "".join(sign for sign in match.group() if sign in _ARROWS_KEPT)


def list_ornaments(text: str) -> tuple[str, ...]:
    """The pictures that `drop_ornaments` leaves out, each once, in order."""
    found = "".join(_ORNAMENT.findall(text))
    return tuple(dict.fromkeys(sign for sign in found if sign not in _ARROWS_KEPT))


def strip_accents(text: str, kept: str = "") -> str:
    """Latin letters without their marks, as the vocabulary has them: café → cafe. Those of `kept` stay as they are."""
    if text.isascii():
        return text
    return _ACCENTED.sub(lambda match: match.group() if match.group() in kept else _strip_letter(match.group()), text)


def _strip_letter(letter: str) -> str:
    decomposed = unicodedata.normalize("NFD", letter.translate(_LETTERS))
    return "".join(part for part in decomposed if not unicodedata.combining(part))
