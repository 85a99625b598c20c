"""Who speaks a row: `Name: text`, `Name|text`, `[Name] text`, `【Name】text`, `<Name emo="…" pause="1.0">text`.

A row's first colon or bar ends a label where the words before it are a known speaker. Where they are not:

- `12:30`, `http://…` and the colon after a clause (words with a lower-case one among them, more than four, more than
  eight Chinese characters, anything with punctuation in it) belong to the text.
- A single word, capitalized words (`Old Tom: …`) or a few Chinese characters look like a speaker's name. Where the
  speakers are given that is an unknown one, an error; where they are not, it is a new speaker.

`\\:` is a colon that is always text. Tags may stand before a label or between it and its colon: `Tom [sad]: …`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ScriptError
from ..records import Emotion
from .emotions import read_emotion
from .pauses import read_duration
from .speakers import Speakers, speaker_number
from .tags import DASHED_PAUSE, Tag, read_tag, split_tags, tag_content, unknown_tag

MOST_WORDS = 4
MOST_CHINESE = 8

_BRACKETED = re.compile(
    rf"\s*(?:\[(?P<square>[^\[\]]*)\]|【(?P<lenticular>[^【】]*)】|<(?P<angle>[^\W\d_][^<>]*)>|{DASHED_PAUSE})\s*",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    r"(?P<name>[^\[\]【】<>:：|｜\\]+)(?P<tags>(?:(?:\[[^\[\]]*\]|【[^【】]*】)\s*)*)(?P<mark>[:：|｜])"
)
_ATTRIBUTE = re.compile(r"\s+([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|“([^”]*)”|([^\s/]+))")
_TITLE = re.compile(r"\b[A-Z][a-z]{0,3}\.")
_NOT_IN_NAMES = re.compile(r"[,.!?;:|…，。！？；：｜、\"“”‘「」<>\[\]【】{}/\\=@*]")
_CHINESE = re.compile(r"[\u3040-\u9fff]")


@dataclass(frozen=True)
class Label:
    """Who speaks a row. `speaker` None: nobody known. `written`: the name as it stands there, in its brackets if any.

    `mark`: the colon or bar that ends a name without brackets. `line` and `column` count from 1.
    """

    speaker: str | None
    written: str
    line: int
    column: int
    mark: str = ""

    def unknown_speaker(self, known: str) -> ScriptError:
        """The error for a label that is none of the `known` names."""
        if not self.mark:
            return unknown_tag(self.written, self.line, self.column, known)
        return ScriptError(
            f"unknown speaker {self.written!r}; the speakers are {known}. "
            f"If it belongs to the text, write \\{self.mark} instead of {self.mark}",
            self.line,
            self.column,
        )


@dataclass(frozen=True)
class Opening:
    """How a row begins. `label` None: nobody new. `end`: where the text starts, an offset into the row."""

    end: int
    label: Label | None = None
    tags: tuple[Tag, ...] = ()
    pause_after: float | None = None


def read_opening(row: str, line: int, speakers: Speakers) -> Opening:
    """Label and tags at the start of a row, in either order. Raises `ScriptError` on an unknown speaker."""
    tags: list[Tag] = []
    position = 0
    while match := _BRACKETED.match(row, position):
        known = match["dash"] is None and speakers.find_speaker(_bracketed_name(match)) is not None
        tag = None if known else read_tag(tag_content(match), line, _find_column(match))
        if tag is None:
            return _bracketed_opening(match, line, speakers, tags)
        tags.append(tag)
        position = match.end()
    return _plain_opening(row, position, line, speakers, tags)


def _bracketed_opening(match: re.Match[str], line: int, speakers: Speakers, tags: list[Tag]) -> Opening:
    name, column = _bracketed_name(match), _find_column(match)
    speaker = speakers.admit_speaker(name) if speakers.find_speaker(name) or _could_be_a_name(name) else None
    label = Label(speaker, match.group().strip(), line, column)
    if speaker is None:
        raise label.unknown_speaker(speakers.list_names())
    end = match.end()
    if match.string[end : end + 1] in (":", "："):
        end += 1
    emotion, pause_after = _read_attributes(match, line, column)
    own = () if emotion is None else (Tag(line, column, emotion),)
    return Opening(end, label, (*tags, *own), pause_after)


def _plain_opening(row: str, position: int, line: int, speakers: Speakers, tags: list[Tag]) -> Opening:
    match = _PLAIN.match(row, position)
    name = match["name"].strip() if match else ""
    column = position + 1 + len(row[position:]) - len(row[position:].lstrip())
    if match is None or not (speakers.find_speaker(name) or _looks_like_a_label(name, match)):
        return Opening(position, tags=tuple(tags))
    label = Label(speakers.admit_speaker(name), name, line, column, match["mark"])
    if label.speaker is None:
        raise label.unknown_speaker(speakers.list_names())
    return Opening(match.end(), label, (*tags, *_tags_after_name(match, line)))


def _tags_after_name(match: re.Match[str], line: int) -> Iterator[Tag]:
    for part in split_tags(match.string[: match.end("tags")], line, match.start("tags")):
        if isinstance(part, Tag):
            yield part
        elif part.strip():
            raise unknown_tag(part.strip(), line, match.start("tags") + 1)


def _looks_like_a_label(name: str, match: re.Match[str]) -> bool:
    after = match.string[match.end() : match.end() + 2]
    if speaker_number(name) is not None:
        return True
    if not _could_be_a_name(name) or after == "//" or (name[-1].isdigit() and after[:1].isdigit()):
        return False
    if _CHINESE.search(name):
        return len(name) <= MOST_CHINESE
    words = name.split()
    return len(words) == 1 or (len(words) <= MOST_WORDS and not any(word[0].islower() for word in words))


def _could_be_a_name(name: str) -> bool:
    return any(map(str.isalpha, name)) and not _NOT_IN_NAMES.search(_TITLE.sub("", name))


def _find_column(match: re.Match[str]) -> int:
    return match.start() + 1 + len(match.group()) - len(match.group().lstrip())


def _bracketed_name(match: re.Match[str]) -> str:
    content = tag_content(match)
    attribute = _ATTRIBUTE.search(content)
    return (content[: attribute.start()] if attribute else content).strip().removesuffix("/").rstrip()


def _read_attributes(match: re.Match[str], line: int, column: int) -> tuple[Emotion | None, float | None]:
    """`emo` and `pause` of an angle bracket. An emotion that has no name is free text."""
    emotion, pause = None, None
    for found in _ATTRIBUTE.finditer(tag_content(match)):
        key, value = found.group(1).lower(), next((text for text in found.groups()[1:] if text), "")
        try:
            if key == "pause":
                pause = read_duration(value)
            elif key in ("emo", "emotion") and value.strip():
                emotion = read_emotion(value) or Emotion(mode="text", text=value.strip())
            else:
                raise ValueError(f'got {found.group().strip()}, expected emo="…" or pause="1.0"')
        except ValueError as error:
            raise ScriptError(str(error), line, column) from error
    return emotion, pause
