"""What a label says about how its lines are spoken: `[Bob|seed:42|speed:1.2]`, `<Anna emo="sad" pause="1.0">`,
`角色|台词|语言|速度`, `[lang:ja]`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ..records import Emotion
from .emotions import is_emotion, read_emotion
from .pauses import NUMBER, read_duration

SLOWEST, FASTEST = 0.5, 2.0
CONTAINERS = frozenset(("speaker", "voice", "character", "role"))
"""Elements that hold a speaker's text: `<voice name="Anna">…</voice>`."""

_ATTRIBUTE = re.compile(
    r"\s{1,9}([\w-]{1,32})\s{0,9}=\s{0,9}"
    r"(?:\"([^\"]{0,500})\"|'([^']{0,500})'|“([^”]{0,500})”|([^\s/\"'“]{1,200}))"
)
_PAIR = re.compile(r"\s{0,9}([\w-]{1,32})\s{0,9}[:=：](.*)")
_NAME_AND_MOOD = re.compile(r"\s{0,9}(?P<name>[^,:：，]{1,60})[,:：，]\s{0,9}(?P<mood>[^,:：，]{1,60})")
_SPEED = re.compile(rf"({NUMBER})\s{{0,9}}[x×倍]?", re.IGNORECASE)
_LANGUAGES = {
    "zh": "zh cn zh-cn zh-hans chinese mandarin 中文 汉语 普通话 中 国语 华语",
    "en": "en en-us en-gb english 英文 英语 英",
    "ja": "ja jp ja-jp japanese 日本語 日语 日文 日",
    "es": "es es-es es-mx spanish español castellano 西班牙语 西语 西",
    "ar": "ar ar-sa arabic العربية 阿拉伯语 阿语",
    "auto": "auto 自动",
    "zh-en": "zh-en mixed 中英 中英混合",
}
_LANGUAGE_BY_NAME = {name: language for language, names in _LANGUAGES.items() for name in names.split()}

LANGUAGE_TAG = re.compile(r"\[\s{0,9}(?:lang|language|语言)\s{0,9}[:=：]([^\[\]]{1,40})\]\s{0,9}", re.IGNORECASE)
"""`[lang:ja]` anywhere in a row: the language of its lines."""


@dataclass(frozen=True)
class Delivery:
    """How a label's lines are spoken; None and empty leave it as it is. `speed` is a factor, `pause_after` and
    `fixed_seconds`, how long each is to last, seconds."""

    emotion: Emotion | None = None
    pause_after: float | None = None
    speed: float = 1.0
    seed: int | None = None
    language: str | None = None
    fixed_seconds: float | None = None


UNCHANGED = Delivery()


@dataclass(frozen=True)
class BracketLabel:
    """A name in brackets, and what stands behind it there as (key, value)."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()

    def read_delivery(self) -> Delivery:
        """Raises ValueError, in words for the user, on an attribute that nobody knows or a value out of range."""
        fields: dict[str, Any] = {}
        for key, value in self.attributes:
            if key.casefold() not in _ATTRIBUTES:
                raise ValueError(
                    f'got {key}={value!r}, expected emo="…", pause="1.0", speed, duration, seed or language'
                )
            field, read = _ATTRIBUTES[key.casefold()]
            fields[field] = read(value)
        return Delivery(**fields)


def read_bracket_label(content: str) -> BracketLabel:
    """Name and attributes of what brackets hold: `Bob|seed:42`, `Anna emo="sad"`, or a name alone."""
    if "|" in content or "｜" in content:
        name, *parts = content.replace("｜", "|").split("|")
        pairs = [_read_pair(part) for part in parts]
        if all(pairs):
            return BracketLabel(name.strip(), tuple(pair for pair in pairs if pair))
        return BracketLabel(content.strip())
    mood = _NAME_AND_MOOD.fullmatch(content)
    if mood and is_emotion(mood["mood"]) and not is_emotion(mood["name"]):
        return BracketLabel(mood["name"].strip(), (("emotion", mood["mood"]),))
    first = _ATTRIBUTE.search(content)
    name = (content[: first.start()] if first else content).strip().removesuffix("/").rstrip()
    found = tuple(
        (match[1], next((text for text in match.groups()[1:] if text), "")) for match in _ATTRIBUTE.finditer(content)
    )
    if name.casefold() in CONTAINERS and found and found[0][0].casefold() == "name":
        return BracketLabel(found[0][1].strip(), found[1:])
    return BracketLabel(name, found)


def read_language(value: str) -> str | None:
    """One of the normalizer's languages; None where `value` names none."""
    return _LANGUAGE_BY_NAME.get(value.strip().casefold().replace("_", "-"))


def read_speed(value: str) -> float:
    """A factor such as `1.2` or `1.2x`. Raises ValueError on anything else and beyond 0.5 to 2."""
    match = _SPEED.fullmatch(value.strip())
    if match is None or not SLOWEST <= float(match[1]) <= FASTEST:
        raise ValueError(f"got the speed {value.strip()[:40]!r}, expected a number from {SLOWEST} to {FASTEST:g}")
    return float(match[1])


def read_length(value: str) -> float:
    """Seconds that a line is to last. Raises ValueError on anything but a duration, and on none at all."""
    seconds = read_duration(value)
    if not seconds:
        raise ValueError(f"got the duration {value.strip()[:40]!r}, expected more than 0 s")
    return seconds


def read_duration_factor(value: str) -> float:
    """The speed that a factor of the duration means, 2 being twice as slow. Raises ValueError beyond 0.5 to 2."""
    try:
        return 1 / read_speed(value)
    except ValueError as error:
        raise ValueError(str(error).replace("the speed", "the duration factor")) from error


def _read_pair(part: str) -> tuple[str, str] | None:
    """(key, value) of `seed:42`; an emotion's name alone is the value of `emotion`."""
    if is_emotion(part):
        return "emotion", part.strip()
    match = _PAIR.fullmatch(part)
    return (match[1], match[2].strip()) if match and match[1].casefold() in _ATTRIBUTES else None


def _read_emotion_or_text(value: str) -> Emotion:
    """An emotion that has no name is free text."""
    if not value.strip():
        raise ValueError('got an empty emotion, expected emo="…" with a name or words')
    return read_emotion(value) or Emotion(mode="text", text=value.strip())


def _read_seed(value: str) -> int:
    if not value.strip().isdecimal() or len(value.strip()) > 18:
        raise ValueError(f"got the seed {value.strip()[:40]!r}, expected a whole number")
    return int(value)


def read_named_language(value: str) -> str:
    """As `read_language`; raises ValueError, in words for the user, where `value` names none."""
    language = read_language(value)
    if language is None:
        nearest = get_close_matches(value.strip().casefold(), _LANGUAGE_BY_NAME, n=1, cutoff=0.4)
        perhaps = f"; perhaps {_LANGUAGE_BY_NAME[nearest[0]]}" if nearest else ""
        raise ValueError(f"got the language {value.strip()[:40]!r}, expected zh, en, ja, es, ar or auto{perhaps}")
    return language


_FIELDS: dict[str, tuple[str, Callable[[str], object]]] = {
    "emo emotion 情感 情绪": ("emotion", _read_emotion_or_text),
    "pause 停顿": ("pause_after", read_duration),
    "speed rate 速度 语速": ("speed", read_speed),
    "duration_factor": ("speed", read_duration_factor),
    "duration length 时长": ("fixed_seconds", read_length),
    "seed 种子": ("seed", _read_seed),
    "lang language 语言": ("language", read_named_language),
}
_ATTRIBUTES = {key: field for keys, field in _FIELDS.items() for key in keys.split()}
"""What may stand behind a name, under all its spellings: the field of `Delivery`, and what reads the value."""
