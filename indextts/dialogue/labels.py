"""Who speaks a row: `Name: text`, `Name|text`, `[Name] text`, `【Name】text`, `<Name emo="…" pause="1.0">text`.

Also `**Name:** text`, `- Name: text`, `>> NAME: text`, `Name (happy): text`, `[00:01] Name: text`, `Name「text」`,
`[Name|seed:42|speed:1.2] text`, `Name|text|language|speed`.

A row's first colon or bar ends a label where the words before it are a known speaker. Where they are not:

- `12:30`, `http://…` and the colon after a clause (words with a lower-case one among them, more than four, more than
  eight Chinese characters, anything with punctuation in it) belong to the text.
- Words that usually open a sentence (`Note: …`, prose.py) belong to the text unless they stand there twice.
- A single word, capitalized words (`Old Tom: …`) or a few Chinese characters look like a speaker's name. Where the
  speakers are given that is an unknown one, an error; where they are not, it is a new speaker. Where there is only
  one voice it is text, unless it stands there twice, is nearly that voice's name or other rows begin with that.

`\\:` is a colon that is always text. Tags may stand before a label or between it and its colon: `Tom [sad]: …`.
"""

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import ScriptError
from ..records import Emotion
from .delivery import UNCHANGED, BracketLabel, Delivery, read_bracket_label, read_language, read_speed
from .emotions import is_emotion, read_emotion
from .label_heads import (
    BARS,
    Head,
    find_name_within,
    first_column,
    name_before_clock,
    read_decorated_head,
    read_head,
)
from .phrases import Notice
from .prose import opens_prose
from .rows import Row
from .speakers import LIKE_ENOUGH, Speakers, fold_name, numbered_label, speaker_number
from .tags import DASHED_PAUSE, Tag, is_clock, read_tag, tag_content, unknown_tag

MOST_WORDS = 4
MOST_CHINESE = 8
LONGEST_NUMBER = 20
"""Letters of SpeakerN; a longer one is no speaker, and no number to be read aloud."""
LOWER_CASE_WORDS = 2
"""Words of a name in lower case that is taken for one where it stands twice."""

_BRACKETED = re.compile(
    rf"\s*(?:\[(?P<square>[^\[\]]*)\]|【(?P<lenticular>[^【】]*)】|<(?P<angle>[^\W\d_][^<>]*)>|{DASHED_PAUSE})\s*",
    re.IGNORECASE,
)
_ARROWS = re.compile(r"\s{0,40}(?:>{2,3}|»)\s{0,9}")
_QUOTED = re.compile(r"\s{0,40}(?P<name>[^「」『』]{1,40}?)\s{0,9}[「『](?P<text>[^「」『』]*)[」』]\s*")
_ROUND = re.compile(r"\s{0,9}[(（](?P<content>[^()（）]{1,60})[)）]\s{0,9}")
_BAR = re.compile(r"(?<!\\)[|｜]")
_TITLE = re.compile(r"\b[A-Z][a-z]{0,3}\.")
_NOT_IN_NAMES = re.compile(r"[,.!?;:|…，。！？；：｜、\"“”‘「」<>\[\]【】{}/\\=@*]")
_CHINESE = re.compile(r"[\u3040-\u9fff]")
_CLAUSE = re.compile(
    r"\b(?:i|you|he|she|it|we|they|this|that|these|those|is|are|was|were|be|said|says|say|asked|and|or|but|so|then|to"
    r"|of|in|on|at|for|with|as|not|no)\b"
)
_TABLE_HEADERS = (
    frozenset(("角色", "说话人", "人物", "speaker", "name", "character", "role")),
    frozenset(("台词", "文本", "内容", "text", "line", "lines", "dialogue", "dialog")),
)


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
    delivery: Delivery = UNCHANGED

    @property
    def name(self) -> str:
        """The name without its brackets and what stands behind it there."""
        return self.written if self.mark else read_bracket_label(self.written.strip("[]【】<>")).name

    def unknown_speaker(self, known: str, nearest: str | None = None) -> ScriptError:
        """The error for a label that is none of the `known` names; `nearest` is the one that may be meant."""
        meant = f" Did you mean {nearest!r}?" if nearest else ""
        if not self.mark:
            return unknown_tag(self.written, self.line, self.column, known, meant)
        return ScriptError(
            f"unknown speaker {self.written!r}; the speakers are {known}.{meant} "
            f"If it belongs to the text, write \\{self.mark} instead of {self.mark}",
            self.line,
            self.column,
        )


@dataclass(frozen=True)
class Opening:
    """How a row begins. `label` None: nobody new. `start` and `end`: offsets of the row's text."""

    start: int
    end: int
    label: Label | None = None
    tags: tuple[Tag, ...] = ()


class LabelReader:
    """Reads the openings of one script's rows.

    count_name: how often a folded name stands before a colon. lenient: brackets that nobody knows are left out, with a
    notice, and not refused.
    """

    def __init__(self, speakers: Speakers, count_name: Callable[[str], int], lenient: bool, notice: Notice) -> None:
        self._speakers = speakers
        self._count_name = count_name
        self._lenient = lenient
        self._notice = notice

    def read_opening(self, row: Row) -> Opening:
        """Label and tags at the start of a row, in either order. Raises `ScriptError` on an unknown speaker."""
        tags: list[Tag] = []
        arrows = _ARROWS.match(row.text)
        position = arrows.end() if arrows else 0
        while match := _BRACKETED.match(row.text, position):
            if is_clock(tag_content(match)):
                self._notice(row.number, f"left out the time {match.group().strip()}")
            else:
                label = self._read_bracketed(match, row.number)
                if label is not None:
                    return _open_text(row, _behind_colon(row.text, match.end()), label, tags)
                tags += self._read_leading_tag(match, row.number)
            position = match.end()
        return self._plain_opening(row, position, tags, arrows is not None)

    def inline_label(
        self, content: str, row: Row, column: int, spoke: Container[str], is_pair: bool = False
    ) -> Label | None:
        """The label that brackets inside a row are: a known speaker, one who `spoke` before, a numbered one, or whoever
        has a closing tag, too (`is_pair`)."""
        bracket = read_bracket_label(content)
        speaker = self._find_or_number(bracket.name)
        if speaker is None and self._speakers.names is None and bracket.name:
            admitted = self._speakers.admit_speaker(bracket.name)
            speaker = admitted if admitted in spoke or (is_pair and not is_emotion(bracket.name)) else None
        return None if speaker is None else _make_label(bracket, speaker, content, row.number, column)

    def name_label(self, row: Row) -> Label:
        """The label of a name that the file's format gives: WebVTT's `<v Name>`, a column of ASS.

        Raises `ScriptError` where it is none of several speakers; one voice speaks for everybody.
        """
        speaker = self._speakers.admit_speaker(row.speaker)
        if speaker is None and self._speakers.is_lone:
            assert self._speakers.names is not None
            speaker = self._speakers.names[0]
        label = Label(speaker, row.speaker, row.number, 1, ":")
        if speaker is None:
            raise self._unknown_label(label, row.speaker)
        if not row.attributes:
            return label
        return replace(
            label, delivery=_make_label(BracketLabel("", row.attributes), speaker, "", row.number, 1).delivery
        )

    def _find_or_number(self, name: str) -> str | None:
        """A known speaker, or a numbered one where anybody may speak."""
        if self._speakers.names is None and speaker_number(name) is not None:
            return self._speakers.admit_speaker(name)
        return self._speakers.find_speaker(name)

    def _unknown_label(self, label: Label, name: str) -> ScriptError:
        return label.unknown_speaker(self._speakers.list_names(), self._speakers.nearest_speaker(name))

    def _read_bracketed(self, match: re.Match[str], line: int) -> Label | None:
        """The label of brackets at a row's start; None where they are a tag, or nothing known in subtitles."""
        content, shown, column = tag_content(match), match.group().strip(), _find_column(match)
        bracket = read_bracket_label(content)
        speaker = None if match["dash"] else self._find_or_number(bracket.name)
        if speaker is None:
            if match["dash"] or not _could_be_a_name(bracket.name) or self._lenient:
                return None
            if not _names_attributes(bracket) and _is_tag(content, line, column):
                return None
            speaker = self._speakers.admit_speaker(bracket.name)
        if speaker is None:
            raise self._unknown_label(Label(None, shown, line, column), bracket.name)
        return _make_label(bracket, speaker, shown, line, column)

    def _read_leading_tag(self, match: re.Match[str], line: int) -> list[Tag]:
        shown, column = match.group().strip(), _find_column(match)
        try:
            tag = read_tag(tag_content(match), line, column)
            if tag is None:
                raise self._unknown_label(Label(None, shown, line, column), shown.strip("[]【】<>"))
        except ScriptError:
            if not self._lenient:
                raise
            self._notice(line, f"left out {shown}")
            return []
        return [tag]

    def _plain_opening(self, row: Row, position: int, tags: list[Tag], arrows: bool) -> Opening:
        quoted = _QUOTED.fullmatch(row.text, position)
        if quoted and (speaker := self._speakers.find_speaker(quoted["name"])):
            label = Label(speaker, quoted["name"].strip(), row.number, first_column(row.text, position))
            return Opening(quoted.start("text"), quoted.end("text"), label, tuple(tags))
        aside = _ROUND.match(row.text, position)
        if aside and (emotion := _emotion_or_none(aside["content"])):
            tags.append(Tag(row.number, aside.start("content"), emotion))
            position = aside.end()
        if aside and (speaker := self._speakers.find_speaker(aside["content"])):
            label = Label(speaker, aside.group().strip(), row.number, aside.start("content"))
            return _open_text(row, _behind_colon(row.text, aside.end()), label, tags)
        timed = name_before_clock(row.text, position)
        if timed and (speaker := self._speakers.find_speaker(timed)):
            label = Label(speaker, timed, row.number, first_column(row.text, position))
            return Opening(len(row.text), len(row.text), label, tuple(tags))
        head = read_head(row.text, position, self._speakers)
        if (number := numbered_label(row.text, position)) and len(number) > LONGEST_NUMBER:
            raise ScriptError(
                f"got the speaker {number[:LONGEST_NUMBER]}…, a number of {sum(map(str.isdecimal, number))} digits; "
                f"the speakers are {self._speakers.list_names()}",
                row.number,
                first_column(row.text, position),
            )
        if head is not None and not self._speakers.is_lone and self._speakers.find_speaker(head.name) is None:
            head = find_name_within(head, self._is_known)
        if head is None or not self._is_known(head.name):
            head = read_decorated_head(row.text, position, self._speakers) or head
        meaning = "text" if head is None else self._judge(head, row, arrows)
        if head is None or meaning == "text":
            return Opening(position, len(row.text), tags=tuple(tags))
        if meaning == "drop":
            self._notice(row.number, f"left out the name {head.name!r}, for there is one voice")
            return Opening(head.end, len(row.text), tags=tuple(tags))
        return self._labelled_opening(row, head, tags)

    def _labelled_opening(self, row: Row, head: Head, tags: list[Tag]) -> Opening:
        label = Label(self._speakers.admit_speaker(head.name), head.name, row.number, head.column, head.mark)
        if label.speaker is None:
            raise self._unknown_label(label, head.name)
        for group, column in head.groups:
            tags += self._read_group(group, row.number, column)
        return _read_columns(row, head, label, tags) or _open_text(row, head.end, label, tags)

    def _judge(self, head: Head, row: Row, arrows: bool) -> Literal["speaker", "text", "drop"]:
        """What a head before a colon is. An unknown speaker is a speaker too, who becomes an error."""
        name, speakers = head.name, self._speakers
        if speakers.find_speaker(name) is not None or speaker_number(name) is not None:
            return "speaker"
        twice = self._count_name(fold_name(name)) > 1
        if not _looks_like_a_label(name, row.text, head.end):
            return "speaker" if twice and speakers.names is None and _is_lower_case_name(name) else "text"
        opener = opens_prose(name)
        if speakers.is_lone and (arrows or (self._lenient and name.isupper() and not opener)):
            return "drop"
        if head.mark in BARS:
            return "speaker"
        if not speakers.is_lone:
            return "text" if opener and not twice else "speaker"
        if speakers.nearest_speaker(name, LIKE_ENOUGH) or (not opener and (twice or self._is_labelled())):
            return "speaker"
        if not opener:
            self._notice(row.number, f"{name}{head.mark} is read as text, for there is one voice")
        return "text"

    def _is_known(self, name: str) -> bool:
        """Whether a name is a speaker's, or where anybody may speak, stands before a colon by itself."""
        if self._speakers.find_speaker(name) is not None:
            return True
        return self._speakers.names is None and not opens_prose(name) and self._count_name(fold_name(name)) > 0

    def _is_labelled(self) -> bool:
        """Whether the one voice's own name stands before a colon, so that other names are other speakers."""
        return any(self._count_name(fold_name(name)) for name in self._speakers.names or ())

    def _read_group(self, group: str, line: int, column: int) -> list[Tag]:
        """Brackets beside a name: an emotion or a pause, a time, or words to the actor, which are left out."""
        content = group[1:-1].strip()
        if is_clock(content):
            return []
        if group[0] in "[【":
            tag = read_tag(content, line, column)
            if tag is None and not self._lenient:
                raise unknown_tag(group, line, column)
        else:
            emotion = _emotion_or_none(content)
            tag = None if emotion is None else Tag(line, column, emotion)
        if tag is None:
            self._notice(line, f"left out {group}")
            return []
        return [tag]


def is_table_header(row: Row) -> bool:
    """Whether a row names the columns of `角色|台词|语言|速度`."""
    cells = [cell.strip().casefold() for cell in row.text[:200].replace("｜", "|").split("|")]
    return len(cells) > 1 and cells[0] in _TABLE_HEADERS[0] and cells[1] in _TABLE_HEADERS[1]


def _open_text(row: Row, start: int, label: Label, tags: list[Tag]) -> Opening:
    """The opening of a label, with its own emotion and with one right behind it: `Anna: (angry) Hello`."""
    if label.delivery.emotion is not None:
        tags = [*tags, Tag(label.line, label.column, label.delivery.emotion)]
    match = _ROUND.match(row.text, start)
    if match and (emotion := _emotion_or_none(match["content"])) is not None:
        tags = [*tags, Tag(row.number, match.start("content"), emotion)]
        start = match.end()
    return Opening(start, len(row.text), label, tuple(tags))


def _read_columns(row: Row, head: Head, label: Label, tags: list[Tag]) -> Opening | None:
    """`Name|text|language|speed`; None where the text has no such columns behind it, and its bars are text."""
    bars = [match.start() for match in _BAR.finditer(row.text, head.end)] if head.mark in BARS else []
    if len(bars) not in (1, 2):
        return None
    language, *speeds = (cell.strip() for cell in _BAR.split(row.text[bars[0] + 1 :]))
    if not (read_language(language) or (not language and speeds) or (speeds and _is_number(speeds[0]))):
        return None
    attributes = [("language", language)] * bool(language) + [("speed", speed) for speed in speeds if speed]
    columns = _make_label(
        BracketLabel("", tuple(attributes)), label.speaker or "", label.written, row.number, bars[0] + 2
    )
    return Opening(head.end, bars[0], columns, tuple(tags))


def _make_label(bracket: BracketLabel, speaker: str, shown: str, line: int, column: int) -> Label:
    try:
        return Label(speaker, shown, line, column, delivery=bracket.read_delivery())
    except ValueError as error:
        raise ScriptError(str(error), line, column) from error


def _names_attributes(bracket: BracketLabel) -> bool:
    """Whether brackets such as `Bob|seed:42` are a name and not an emotion with weights."""
    return bool(bracket.attributes) and not is_emotion(bracket.name)


def _is_tag(content: str, line: int, column: int) -> bool:
    """Whether brackets are a tag, right or faulty."""
    try:
        return read_tag(content, line, column) is not None
    except ScriptError:
        return True


def _emotion_or_none(content: str) -> Emotion | None:
    try:
        return read_emotion(content)
    except ValueError:
        return None


def _is_number(value: str) -> bool:
    try:
        read_speed(value)
    except ValueError:
        return value.replace(".", "", 1).isdecimal()
    return True


def _looks_like_a_label(name: str, text: str, end: int) -> bool:
    after = text[end : end + 2]
    if not _could_be_a_name(name) or after == "//" or (name[-1].isdigit() and after[:1].isdigit()):
        return False
    if _CHINESE.search(name):
        return len(name) <= MOST_CHINESE
    words = name.split()
    return len(words) == 1 or (len(words) <= MOST_WORDS and not any(word[0].islower() for word in words))


def _is_lower_case_name(name: str) -> bool:
    """Whether a name may be one though it is written in lower case: `old man`."""
    return len(name.split()) <= LOWER_CASE_WORDS and _could_be_a_name(name) and not _CLAUSE.search(name.casefold())


def _could_be_a_name(name: str) -> bool:
    return any(map(str.isalpha, name)) and not _NOT_IN_NAMES.search(_TITLE.sub("", name))


def _behind_colon(text: str, end: int) -> int:
    return end + (text[end : end + 1] in (":", "："))


def _find_column(match: re.Match[str]) -> int:
    return match.start() + 1 + len(match.group()) - len(match.group().lstrip())
