"""Takes are heard, failed lines are spoken again in one batch, the best candidate is kept."""

from dataclasses import replace

import pytest
import torch
from indextts2_multitalk.indextts.errors import OutOfMemory
from indextts2_multitalk.indextts.events import Event
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.records import Line, Take
from indextts2_multitalk.indextts.report import Report
from indextts2_multitalk.indextts.verify.loop import speak_verified

LINES = [
    Line(i, "Ann", text, source_line=i + 1, seed=1000 + i)
    for i, text in enumerate(["one two", "three four", "five six"])
]


class ScriptedPipeline:
    """Says of each line what the next entry of `says[text]` holds; `batches` are the lines of each call."""

    def __init__(self, says, fail_in_batch=None):
        self.says, self.fail_in_batch = {text: list(words) for text, words in says.items()}, fail_in_batch
        self.batches = []

    def speak(self, lines, options, on_event):
        self.batches.append(list(lines))
        self._report = Report(torch.device("cpu"), "float32", lines=len(lines), segments=len(lines), codes=10)
        if len(self.batches) == self.fail_in_batch:
            raise OutOfMemory("the card is full")
        for line in lines:
            on_event(Event("gpt", 0, 1, line.index))
            queue = self.says.get(line.text, [line.text])
            said = queue.pop(0) if len(queue) > 1 else queue[0]
            wave = torch.full((1, 3200), float(len(said)))
            yield Take(line, wave, (), sample_rate=16000, spoken=line.text, notes=(said,))

    def report(self):
        return self._report

    def keep_report(self, report):
        self._report = report


class Reader:
    """Hears of each take what `ScriptedPipeline` said, known by its level; its call `fail_at` fails."""

    name = "reader"

    def __init__(self, says, fail_at=None):
        self.says, self.fail_at, self.heard = says, fail_at, 0

    def load(self):
        pass

    def pronounce(self, word):
        return tuple(word)

    def transcribe(self, samples, wanted, language):
        self.heard += 1
        if self.heard == self.fail_at:
            raise RuntimeError("no more ears")
        known = {len(words): words for words in self.says.get(wanted, [wanted])}
        return known[round(float(samples[1600]))]


def run(says, fail_in_batch=None, fail_at=None, **options):
    pipeline, reader = ScriptedPipeline(says, fail_in_batch), Reader(says, fail_at)
    events = []
    takes = list(speak_verified(pipeline, LINES, SpeakOptions(verify=True, **options), {"en": reader}, events.append))
    return pipeline, takes, events


def spoken(pipeline):
    return [[(line.index, line.seed) for line in batch] for batch in pipeline.batches]


def test_off_it_is_the_pipeline_alone():
    pipeline = ScriptedPipeline({})
    assert [take.line for take in speak_verified(pipeline, LINES, SpeakOptions(), {})] == LINES


def test_lines_said_as_written_are_spoken_once():
    pipeline, takes, events = run({})
    assert spoken(pipeline) == [[(0, 1000), (1, 1001), (2, 1002)]]
    assert [take.line for take in takes] == LINES
    assert "heard by reader: 3 of 3 lines as written, 0 spoken again" in pipeline.report().to_text()
    assert [event.line for event in events if event.stage == "verify"] == [0, 1, 2]


def test_failed_lines_are_spoken_again_in_one_batch_with_other_seeds():
    pipeline, takes, _ = run({"one two": ["two", "one two"], "five six": ["five six six", "five", "five six"]})
    first, second, third = spoken(pipeline)
    assert [index for index, _ in second] == [0, 2]
    assert [index for index, _ in third] == [2]
    seeds = [seed for batch in (first, second, third) for _, seed in batch]
    assert len(set(seeds)) == len(seeds)
    assert [take.line.index for take in takes] == [1, 0, 2]
    assert not any("not said" in note for take in takes for note in take.notes)
    report = pipeline.report().to_text()
    assert "3 of 3 lines as written, 2 spoken again" in report
    assert "line 3 (Ann): 1.00, spoken 3 times" in report
    assert pipeline.report().lines == 3
    assert pipeline.report().codes == 30


def test_a_line_that_stays_wrong_keeps_its_best_take_and_a_note():
    pipeline, takes, _ = run({"one two": ["o", "two", "e"]}, tries=3)
    assert len(pipeline.batches) == 3
    last = takes[-1]
    assert last.notes[0] == "two"
    assert last.notes[1] == "not said as written, spoken 2 times: lost: one; edit the line"
    assert "2 of 3 lines as written" in pipeline.report().to_text()


def test_candidates_are_one_batch_and_the_best_is_kept():
    pipeline, takes, _ = run({"one two": ["two", "one tw", "one two"]}, candidates=3)
    assert [index for index, _ in spoken(pipeline)[0]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert spoken(pipeline)[0][0][1] == LINES[0].seed
    assert len(pipeline.batches) == 1
    assert takes[0].notes == ("one two",)
    assert len(takes) == 3


def test_finished_takes_stay_when_the_recognizer_fails():
    pipeline, takes, _ = run({"five six": ["six"]}, fail_at=2)
    assert len(pipeline.batches) == 1
    assert [take.line for take in takes] == LINES
    assert "reader failed (no more ears); takes from there on are not verified" in pipeline.report().to_text()


def test_finished_takes_stay_when_speaking_again_fails():
    pipeline, takes, _ = run({"one two": ["two"]}, fail_in_batch=2)
    assert sorted(take.line.index for take in takes) == [0, 1, 2]
    assert "not spoken again: the card is full" in pipeline.report().to_text()
    with pytest.raises(OutOfMemory):
        run({}, fail_in_batch=1)


def test_a_line_without_words_is_not_heard():
    pipeline = ScriptedPipeline({})
    reader = Reader({})
    silent = [replace(LINES[0], text="……")]
    takes = list(speak_verified(pipeline, silent, SpeakOptions(verify=True), {"en": reader}))
    assert len(takes) == 1
    assert reader.heard == 0


def test_cancelling_ends_the_run_between_two_takes():
    pipeline = ScriptedPipeline({})
    settled = []

    def stop(event):
        if event.stage == "verify" and event.line == 1:
            raise KeyboardInterrupt

    takes = speak_verified(pipeline, LINES, SpeakOptions(verify=True), {"en": Reader({})}, stop)
    with pytest.raises(KeyboardInterrupt):
        settled.extend(takes)
    assert [take.line.index for take in settled] == [0]
