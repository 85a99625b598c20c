"""A dialogue script into lines, whatever its dialect.

labels.py tells who speaks, tags.py how and with which pauses, subtitles.py what SRT adds. Rows without a label go on
with the speaker above; `#` starts a comment row; a backslash makes a mark plain text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..errors import ScriptError
from ..records import Line
from .labels import Label, read_opening
from .phrases import Carry, Phrase, read_phrases
from .speakers import Speakers
from .subtitles import Row, is_srt, plain_rows, srt_rows
from .tags import split_tags


def parse_script(text: str, speakers: Sequence[str] | None = None) -> list[Line]:
    """The lines of a script, in order. `index` counts them from 0; voices are left to `casting`.

    `speakers`: the names that may speak, spelled as `Line.speaker` will have them; `S1`, `speaker 1` and `说话人1` all
    mean the one numbered 1. None takes whoever appears, numbered ones as `Speaker1`. A script without labels is
    spoken by the only speaker where there is just one.
    Raises `ScriptError` with line and column on an unknown speaker or tag, and on a script that says nothing.
    """
    only = speakers[0] if speakers is not None and len(speakers) == 1 else None
    return ScriptParser(Speakers(speakers), only).parse_lines(text)


def _split_rows(text: str, speakers: Speakers) -> Iterable[Row]:
    if not is_srt(text):
        return plain_rows(text)
    return srt_rows(text, lambda row: read_opening(row.text, row.number, speakers).label is not None)


class ScriptParser:
    """Reads one script, once. `labels`: the first label of every speaker, for an error that has to point at it.

    default_speaker: who speaks rows above the first label; without one that is an error.
    """

    def __init__(self, speakers: Speakers, default_speaker: str | None = None) -> None:
        self.labels: dict[str, Label] = {}
        self._speakers = speakers
        self._lines: list[Line] = []
        self._speaker = default_speaker
        # A label on a row of its own speaks the rows below it.
        self._silent_label: tuple[Label, float | None] | None = None
        self._carry = Carry()

    def parse_lines(self, text: str) -> list[Line]:
        """See `parse_script`."""
        for row in _split_rows(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), self._speakers):
            self._add_row(row)
        self._refuse_silent_label()
        if not self._lines:
            raise ScriptError("the script says nothing; expected lines such as 'Speaker1: Hello'")
        self._carry.refuse_emotion()
        return self._lines

    def _add_row(self, row: Row) -> None:
        opening = read_opening(row.text, row.number, self._speakers)
        if opening.label is not None and opening.label.speaker is not None:
            self._refuse_silent_label()
            self._speaker = opening.label.speaker
            self.labels.setdefault(self._speaker, opening.label)
            self._silent_label = opening.label, opening.pause_after
        phrases = read_phrases([*opening.tags, *split_tags(row.text, row.number, opening.end)], self._carry)
        if phrases:
            self._add_lines(phrases, row)
        elif self._silent_label is None:
            self._pause_after_last_line()

    def _add_lines(self, phrases: list[Phrase], row: Row) -> None:
        if self._speaker is None:
            raise ScriptError(
                f"nobody speaks {row.text.strip()[:40]!r}; begin the line with a name, such as "
                f"'{(self._speakers.names or ('Speaker1',))[0]}: …'",
                row.number,
                1,
            )
        if self._silent_label is not None:
            last = phrases[-1]
            _, label_pause = self._silent_label
            last.pause_after = label_pause if last.pause_after is None else last.pause_after
            self._silent_label = None
        for position, phrase in enumerate(phrases):
            self._lines.append(self._make_line(phrase, row, row.start_seconds if position == 0 else None))

    def _make_line(self, phrase: Phrase, row: Row, start_seconds: float | None) -> Line:
        assert self._speaker is not None
        return Line(
            index=len(self._lines),
            speaker=self._speaker,
            text=phrase.text,
            source_line=row.number,
            emotion=phrase.emotion,
            pause_before=phrase.pause_before,
            pause_after=phrase.pause_after,
            start_seconds=start_seconds,
        )

    def _pause_after_last_line(self) -> None:
        """A pause on a row of its own belongs to the line above it."""
        if self._lines and self._carry.pause is not None:
            last = self._lines[-1]
            self._lines[-1] = replace(last, pause_after=(last.pause_after or 0.0) + self._carry.pause)
            self._carry.pause = None

    def _refuse_silent_label(self) -> None:
        if self._silent_label is not None:
            label, _ = self._silent_label
            raise ScriptError(f"{label.speaker!r} has nothing to say; write text after it", label.line, label.column)
