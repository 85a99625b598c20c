"""A dialogue script into lines, whatever its dialect.

labels.py tells who speaks, tags.py how and with which pauses, subtitles.py what subtitle files add. Rows without a
label go on with the speaker above; `#` starts a comment row; a backslash makes a mark plain text.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..errors import ScriptError
from ..records import Line
from .delivery import CONTAINERS, LANGUAGE_TAG, Delivery, read_named_language
from .emotions import is_emotion
from .label_heads import folded_head
from .labels import Label, LabelReader, Opening, is_table_header
from .literal_marks import hide_readings, reveal_marks
from .name_rows import find_name_rows
from .phrases import Carry, Notice, Phrase, read_phrases
from .rows import Row, SubtitleCue, split_rows, spoken_rows
from .sound_cues import remove_asides, remove_songs
from .speakers import Speakers, fold_name
from .structured import read_structured
from .subtitle_markup import clean_markup
from .subtitles import read_subtitles
from .tables import flatten_tables
from .tags import Tag, split_tags

_INLINE_LABEL = re.compile(
    r"\\.|\[(?P<square>[^\[\]]+)\]|(?<=[.!?…。！？”」])\s*【(?P<lenticular>[^【】]+)】|<(?P<angle>/?[^\W\d_][^<>]*)>"
)


def parse_script(text: str, speakers: Sequence[str] | None = None, skip_sound_cues: bool = False) -> list[Line]:
    """The lines of a script, in order. `index` counts them from 0; voices are left to `casting`.

    `speakers`: the names that may speak, spelled as `Line.speaker` will have them; `S1`, `speaker 1` and `说话人1` all
    mean the one numbered 1. None takes whoever appears, numbered ones as `Speaker1`. Rows above the first label are
    the first speaker's. `skip_sound_cues` leaves `[door slams]` and the like out, as from subtitles; each line's
    `notes` say what was left out or changed.
    Raises `ScriptError` with line and column on an unknown speaker or tag, and on a script that says nothing.
    """
    return ScriptParser(Speakers(speakers), skip_sound_cues=skip_sound_cues).parse_lines(text)


@dataclass(frozen=True)
class _InlineLabel:
    """A label inside a row, or with `label` None the end of `<Name>…</Name>`; offsets of where it stands."""

    start: int
    end: int
    label: Label | None


class ScriptParser:
    """Reads one script, once. `labels`: the first label of every speaker, for an error that has to point at it.

    default_speaker: who speaks rows above the first label; without one the first of the speakers.
    lone_voice: whom a script that begins without a name is read by alone, its colons being text then.
    """

    def __init__(
        self,
        speakers: Speakers,
        default_speaker: str | None = None,
        lone_voice: str | None = None,
        skip_sound_cues: bool = False,
    ) -> None:
        self.labels: dict[str, Label] = {}
        self._speakers = speakers
        self._default_speaker = default_speaker or (speakers.names or ("Speaker1",))[0]
        self._lone_voice = lone_voice
        self._lenient = skip_sound_cues
        self._rows: list[Row] = []
        self._lines: list[Line] = []
        self._notes: dict[str, None] = {}
        self._speaker: str | None = None
        self._delivery = Delivery()
        # What `[lang:ja]` says of the row that is read.
        self._row_language: str | None = None
        # A label on a row of its own speaks the rows below it.
        self._silent_label: Label | None = None
        # The name of `<Name>` that is still open, and who spoke before.
        self._enclosing: tuple[str, str | None] | None = None
        self._carry = Carry()

    def parse_lines(self, text: str) -> list[Line]:
        """See `parse_script`."""
        self._rows, notes = split_rows(text)
        structured = read_structured(text)
        subtitles: tuple[list[SubtitleCue], list[str]] | None
        if structured is not None:
            self._rows = [replace(row, text=hide_readings(row.text)) for row in structured.rows]
            subtitles = None if structured.cues is None else (structured.cues, [])
        else:
            subtitles = read_subtitles(self._rows)
        if subtitles is None:
            self._read_plain_rows()
        else:
            self._lenient = True
            self._read_cues(subtitles[0])
            notes += subtitles[1]
        self._drop_silent_label()
        if not self._lines:
            raise ScriptError("the script says nothing; expected lines such as 'Speaker1: Hello'")
        self._carry.drop_emotion(self._lenient_notice)
        last = self._lines[-1]
        self._lines[-1] = replace(last, notes=(*last.notes, *self._notes, *notes))
        return self._lines

    @cached_property
    def _reader(self) -> LabelReader:
        return LabelReader(self._speakers, lambda name: self._head_counts[name], self._lenient, self._notice)

    @cached_property
    def _head_counts(self) -> Counter[str]:
        """How often each name stands before a row's first colon."""
        return Counter(name for row in self._rows if (name := folded_head(row)) is not None)

    @property
    def _lenient_notice(self) -> Notice | None:
        return self._notice if self._lenient else None

    def _notice(self, line: int, note: str) -> None:
        self._notes[f"line {line}: {note}"] = None

    def _read_plain_rows(self) -> None:
        names = find_name_rows(self._rows, self._speakers)
        spoken = flatten_tables(list(spoken_rows(self._rows, names)), self._may_speak)
        rows = [row for row in spoken if not is_table_header(row)]
        if self._lone_voice and rows and self._reader.read_opening(rows[0]).label is None:
            self._speakers = Speakers([self._lone_voice])
            names = find_name_rows(rows, self._speakers)
            del self._reader
        for row in rows:
            if (name := names.get(row.number)) is None:
                self._add_row(row)
            else:
                self._begin_label(Label(self._speakers.admit_speaker(name), name, row.number, 1))

    def _read_cues(self, cues: Sequence[SubtitleCue]) -> None:
        for cue in cues:
            first = len(self._lines)
            for row in self._join_rows(self._shown_rows(cue)):
                self._add_row(row)
            self._carry.drop_emotion(self._notice)
            self._lines[first:] = time_lines(self._lines[first:], cue)

    def _shown_rows(self, cue: SubtitleCue) -> Iterator[Row]:
        """A cue's rows as they are spoken: without markup and songs."""
        rows = [plain for shown in cue.rows for plain in clean_markup(shown)]
        text, songs = remove_songs("\n".join(row.text for row in rows))
        for song in songs:
            self._notice(rows[0].number, f"left out {song}")
        return (replace(row, text=part) for row, part in zip(rows, text.split("\n"), strict=False) if part.strip())

    def _join_rows(self, rows: Iterator[Row]) -> Iterator[Row]:
        """A cue's text as one row, whatever its line breaks, unless a further row names its own speaker."""
        whole = next(rows, None)
        for row in rows:
            assert whole is not None
            if row.speaker or self._reader.read_opening(row).label is not None:
                yield whole
                whole = row
            else:
                whole = replace(whole, text=f"{whole.text} {row.text}")
        if whole is not None:
            yield whole

    def _may_speak(self, name: str) -> bool:
        return self._speakers.names is None or self._speakers.find_speaker(name) is not None

    def _add_row(self, row: Row) -> None:
        row = self._take_language(row)
        row = self._without_asides(row) if self._lenient else row
        opening = Opening(0, len(row.text)) if row.is_text else self._reader.read_opening(row)
        label = opening.label or (self._reader.name_label(row) if row.speaker else None)
        if label is not None:
            self._begin_label(label)
        start, tags = opening.start, opening.tags
        if row.attributes and label is not None and label.delivery.emotion is not None:
            tags = (Tag(label.line, label.column, label.delivery.emotion), *tags)
        for inline in self._find_inline_labels(row, opening):
            self._add_text(row, start, inline.start, tags)
            tags = self._switch_speaker(inline)
            start = inline.end
        self._add_text(row, start, opening.end, tags)

    def _take_language(self, row: Row) -> Row:
        """The row without its `[lang:ja]`. Raises `ScriptError` on a language that nobody knows."""
        match = LANGUAGE_TAG.search(row.text)
        self._row_language = None
        if match is None:
            return row
        try:
            self._row_language = read_named_language(match[1])
        except ValueError as error:
            raise ScriptError(str(error), row.number, match.start() + 1) from error
        return replace(row, text=row.text[: match.start()] + row.text[match.end() :])

    def _without_asides(self, row: Row) -> Row:
        def is_kept(content: str) -> bool:
            return is_emotion(content) or self._speakers.find_speaker(content) is not None

        text, asides = remove_asides(row.text, is_kept)
        for aside in asides:
            self._notice(row.number, f"left out {aside}")
        return replace(row, text=text)

    def _find_inline_labels(self, row: Row, opening: Opening) -> Iterator[_InlineLabel]:
        for match in _INLINE_LABEL.finditer(row.text, opening.start, opening.end):
            content = match[match.lastgroup] if match.lastgroup else ""
            if content.startswith("/"):
                closed = fold_name(content[1:])
                if self._enclosing and (closed in CONTAINERS or closed == fold_name(self._enclosing[0])):
                    yield _InlineLabel(match.start(), match.end(), None)
            elif content and (label := self._inline_label(match, row, content)):
                yield _InlineLabel(match.start(), match.end(), label)

    def _inline_label(self, match: re.Match[str], row: Row, content: str) -> Label | None:
        """`<Ben>` with `</Ben>` behind it names a speaker, known or not."""
        is_pair = match.lastgroup == "angle" and f"</{content}>" in row.text[match.end() :]
        return self._reader.inline_label(content, row, match.start() + 1, self.labels, is_pair)

    def _switch_speaker(self, inline: _InlineLabel) -> tuple[Tag, ...]:
        """Begin an inline label, or end `<Name>…</Name>`: whoever spoke before speaks again. The label's own tags."""
        if inline.label is not None:
            self._begin_label(inline.label)
            emotion = inline.label.delivery.emotion
            return () if emotion is None else (Tag(inline.label.line, inline.label.column, emotion),)
        assert self._enclosing is not None
        self._drop_silent_label()
        self._speaker, self._delivery = self._enclosing[1] or self._speaker, Delivery()
        self._enclosing = None
        return ()

    def _begin_label(self, label: Label) -> None:
        assert label.speaker is not None
        self._drop_silent_label()
        self._enclosing = (label.name, self._speaker)
        self._speaker, self._delivery = label.speaker, label.delivery
        self.labels.setdefault(self._speaker, label)
        self._silent_label = label

    def _add_text(self, row: Row, start: int, end: int, tags: Sequence[Tag]) -> None:
        def on_unknown(shown: str, column: int) -> None:
            self._notice(row.number, f"left out {shown}")

        parts = split_tags(row.text, row.number, start, end, on_unknown if self._lenient else None)
        phrases = read_phrases([*tags, *parts], self._carry, self._lenient_notice)
        if phrases:
            self._add_lines(phrases, row)
        elif self._silent_label is None:
            self._pause_after_last_line()

    def _add_lines(self, phrases: list[Phrase], row: Row) -> None:
        if self._speaker is None:
            self._speaker = self._default_speaker
            if not self._speakers.is_lone:
                self._notice(row.number, f"nobody is named; {self._speaker} speaks")
        if self._silent_label is not None:
            last = phrases[-1]
            last.pause_after = self._delivery.pause_after if last.pause_after is None else last.pause_after
            self._silent_label = None
        self._lines += [self._make_line(phrase, row, place) for place, phrase in enumerate(phrases, len(self._lines))]

    def _make_line(self, phrase: Phrase, row: Row, index: int) -> Line:
        assert self._speaker is not None
        notes = tuple(self._notes)
        self._notes.clear()
        return Line(
            index=index,
            speaker=self._speaker,
            text=reveal_marks(phrase.text),
            source_line=row.number,
            emotion=phrase.emotion,
            pause_before=phrase.pause_before,
            pause_after=phrase.pause_after,
            speed=self._delivery.speed,
            language=self._row_language or self._delivery.language,
            fixed_seed=self._delivery.seed,
            fixed_seconds=self._delivery.fixed_seconds if phrase.fixed_seconds is None else phrase.fixed_seconds,
            notes=notes,
        )

    def _pause_after_last_line(self) -> None:
        """A pause on a row of its own belongs to the line above it."""
        if self._lines and self._carry.pause is not None:
            last = self._lines[-1]
            self._lines[-1] = replace(last, pause_after=(last.pause_after or 0.0) + self._carry.pause)
            self._carry.pause = None

    def _drop_silent_label(self) -> None:
        if self._silent_label is not None:
            label, self._silent_label = self._silent_label, None
            self._notice(label.line, f"left out {label.speaker}, who has nothing to say")


def time_lines(lines: Sequence[Line], cue: SubtitleCue) -> list[Line]:
    """A cue's lines: the first starts with it, and each has its share of the cue, by its length, to be spoken in."""
    slots: list[float | None] = [None] * len(lines)
    if cue.end is not None:
        pauses = sum((line.pause_before or 0.0) + (line.pause_after or 0.0) for line in lines)
        letters = sum(len(line.text) for line in lines)
        left = max(0.0, cue.end - cue.start - pauses)
        slots = [left * len(line.text) / letters if left else None for line in lines]
        lines = [*(replace(line, pause_after=line.pause_after or 0.0) for line in lines[:-1]), *lines[-1:]]
    starts = [cue.start, *[None] * (len(lines) - 1)]
    return [
        replace(line, start_seconds=start, slot_seconds=slot)
        for line, start, slot in zip(lines, starts, slots, strict=False)
    ]
