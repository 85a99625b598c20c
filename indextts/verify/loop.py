"""Speak, listen, and speak again what was not said as written.

All lines, with all their candidates, are one batch; lines of which no candidate is complete are another, with other
seeds, as often as the options say. The best take of a line is kept.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import soxr

from ..errors import IndexTTSError
from ..events import VERIFY, Event, OnEvent, ignore_event
from ..options import SpeakOptions
from ..pipeline import Pipeline
from ..records import Line, Take
from ..report import Report, list_changes, list_notes
from ..seeds import mix_seed
from ..text.language import FIVE_LANGUAGES, HAN, TWO_LANGUAGES, Language, choose_language, choose_languages
from .comparison import Hearing, compare_words
from .pronunciation import split_words
from .recognizer import SAMPLE_RATE, Recognizer, Recognizers, load_recognizers

log = logging.getLogger(__name__)

SHOWN_SCORES = 50


@dataclass(frozen=True, eq=False)
class HeardTake:
    """A take and how it was heard; `hearing` is None where it has no words, or where nothing could listen to it."""

    take: Take
    hearing: Hearing | None
    tries: int

    @property
    def is_complete(self) -> bool:
        return self.hearing is None or self.hearing.is_complete

    @property
    def rank(self) -> tuple[bool, float]:
        return self.is_complete, self.hearing.score if self.hearing else 1.0

    def describe(self) -> str:
        """Score, tries and faults, for the report."""
        assert self.hearing is not None, "only what was heard has a score"
        faults = self.hearing.describe_faults()
        spoken = f", spoken {self.tries} times" if self.tries > 1 else ""
        return f"{self.hearing.score:.2f}{spoken}{', ' + faults if faults else ''}"


def prepare_recognizers(lines: Sequence[Line], options: SpeakOptions) -> Recognizers:
    """Who will listen to takes of `lines`; nobody where `options.verify` is off.

    Raises `VerifyError`, before any model is loaded, where nobody hears a language of theirs.
    """
    if not options.verify:
        return {}
    told = choose_languages([line.text for line in lines], options.language, FIVE_LANGUAGES)
    languages = [
        one if line.language is None else choose_language(line.text, line.language, FIVE_LANGUAGES)
        for line, one in zip(lines, told, strict=True)
    ]
    return load_recognizers(languages)


def speak_verified(
    pipeline: Pipeline,
    lines: Sequence[Line],
    options: SpeakOptions,
    recognizers: Mapping[Language, Recognizer],
    on_event: OnEvent = ignore_event,
) -> Iterator[Take]:
    """One take for each line, as `Pipeline.speak` gives them where `options.verify` is off.

    Where it is on, a line's take comes as soon as it is settled, so not in the order of the script.
    recognizers: see `prepare_recognizers`.
    """
    if not options.verify:
        yield from pipeline.speak(lines, options, on_event)
        return
    yield from _VerifiedRun(pipeline, lines, options, on_event, recognizers).settle_lines()


class _VerifiedRun:
    """Lines on their way to a take that says them. `_best`: of each place, what is best so far."""

    def __init__(
        self,
        pipeline: Pipeline,
        lines: Sequence[Line],
        options: SpeakOptions,
        on_event: OnEvent,
        recognizers: Mapping[Language, Recognizer],
    ) -> None:
        self._pipeline, self._lines, self._options, self._on_event = pipeline, lines, options, on_event
        self._recognizers = recognizers
        self._best: dict[int, HeardTake] = {}
        self._settled: set[int] = set()
        self._failure = ""
        self._report: Report | None = None

    def settle_lines(self) -> Iterator[Take]:
        for attempt in range(self._options.tries):
            left = [place for place in range(len(self._lines)) if place not in self._settled]
            try:
                yield from self._speak_places(left, attempt)
            except IndexTTSError as error:
                if attempt == 0:
                    raise
                log.warning("lines could not be spoken again: %s", error)
                self._failure = f"not spoken again: {error}"
                break
        for place in sorted(self._best.keys() - self._settled):
            yield self._settle(place)
        self._finish_report()

    def _speak_places(self, places: Sequence[int], attempt: int) -> Iterator[Take]:
        """One batch: every line left with all its candidates; what is complete leaves at once."""
        if not places:
            return
        count = self._options.candidates
        batch = [self._reseed(place, attempt * count + number) for place in places for number in range(count)]
        with closing(self._pipeline.speak(batch, self._options, self._on_event)) as takes:  # type: ignore[type-var]
            for number, take in enumerate(takes):
                place = places[number // count]
                heard = self._hear(take, attempt + 1, (number + 1) / len(batch) * len(places), len(places))
                if place not in self._best or heard.rank > self._best[place].rank:
                    self._best[place] = heard
                if number % count == count - 1 and self._best[place].is_complete:
                    yield self._settle(place)
        self._count_run()

    def _reseed(self, place: int, number: int) -> Line:
        """The line with the seed of its take `number`; the first has its own, as without verifying."""
        line = self._lines[place]
        return replace(line, seed=mix_seed(line.seed, "take", number)) if number else line

    def _hear(self, take: Take, tries: int, done: float, total: int) -> HeardTake:
        self._on_event(Event(VERIFY, done, total, take.line.index))
        language = tell_language(take, self._options.language)
        recognizer = self._recognizers.get(language)
        if recognizer is None or self._failure:
            return HeardTake(take, None, tries)
        try:
            return HeardTake(take, hear_take(take, recognizer, language), tries)
        except Exception as error:  # the library's own; the takes are finished and stay
            log.warning("%s failed: %r; takes are kept unheard", recognizer.name, error)
            self._failure = f"{recognizer.name} failed ({error}); takes from there on are not verified"
            return HeardTake(take, None, tries)

    def _settle(self, place: int) -> Take:
        self._settled.add(place)
        heard = self._best[place]
        if heard.is_complete:
            return heard.take
        assert heard.hearing is not None, "what was not heard counts as complete"
        note = f"not said as written, spoken {heard.tries} times: {heard.hearing.describe_faults()}; edit the line"
        heard = self._best[place] = replace(heard, take=replace(heard.take, notes=(*heard.take.notes, note)))
        return heard.take

    def _count_run(self) -> None:
        report = self._pipeline.report()
        if self._report is None:
            self._report = report
        elif report is not self._report:
            self._report.add_run(report)

    def _finish_report(self) -> None:
        if (report := self._report) is None:
            return
        best = [self._best[place] for place in sorted(self._best)]
        takes = [heard.take for heard in best]
        report.lines, report.audio_seconds = len(self._lines), sum(take.seconds for take in takes)
        report.notes, report.changes = list_notes(takes), list_changes(takes)
        report.verified = [*_list_scores(best, self._recognizers), *filter(None, [self._failure])]
        self._pipeline.keep_report(report)


def tell_language(take: Take, asked: str) -> Language:
    """What a take is heard in: the language asked for its line or for all, else what its words are written in."""
    for language in FIVE_LANGUAGES:
        if language not in TWO_LANGUAGES and language in (take.line.language, asked):
            return language
    told = choose_language(take.spoken, spoken=FIVE_LANGUAGES)
    return told if told not in TWO_LANGUAGES else "zh" if HAN.search(take.spoken) else "en"


def hear_take(take: Take, recognizer: Recognizer, language: Language) -> Hearing | None:
    """How `recognizer` hears a take; None where it has no words."""
    samples: np.ndarray = soxr.resample(take.waveform[0].numpy(), take.sample_rate, SAMPLE_RATE)
    return hear_samples(samples, take.spoken, recognizer, language)


def hear_samples(samples: np.ndarray, spoken: str, recognizer: Recognizer, language: Language) -> Hearing | None:
    """How float32 samples [N] at 16 kHz are heard, of which `spoken` was to be said; None where that has no words."""
    wanted = split_words(spoken, recognizer.pronounce)
    if not wanted:
        return None
    return compare_words(wanted, split_words(recognizer.transcribe(samples, spoken, language), recognizer.pronounce))


def _list_scores(best: Sequence[HeardTake], recognizers: Mapping[Language, Recognizer]) -> list[str]:
    heard = [each for each in best if each.hearing is not None]
    names = " and ".join(sorted({recognizer.name for recognizer in recognizers.values()}))
    complete = sum(each.is_complete for each in heard)
    again = sum(each.tries > 1 for each in heard)
    rows = [f"heard by {names}: {complete} of {len(heard)} lines as written, {again} spoken again"]
    worst_first = sorted(heard, key=lambda each: each.rank)[:SHOWN_SCORES]
    return rows + [
        f"line {each.take.line.source_line} ({each.take.line.speaker}): {each.describe()}" for each in worst_first
    ]
