"""How well `verify` tells takes that lost or repeated words from good ones, on the demonstration voice.

    python benchmarks/verify.py                     50 sentences with two seeds; about 10 minutes on 2 CPU cores
    python benchmarks/verify.py --sentences 10      fewer

Refused where less than 95 % of the planted faults are found, or more than 5 % of the good takes are doubted. The last
two figures are of a run where every other take comes with a fault: what share of its words an open-vocabulary
recognizer, which chose nothing, mishears before `verify` and with it. Needs pocketsphinx.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import soxr
import torch
from indextts2_multitalk.indextts.audio_file import read_audio
from indextts2_multitalk.indextts.events import OnEvent
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Line, Take, Voice
from indextts2_multitalk.indextts.seeds import seed_lines
from indextts2_multitalk.indextts.verify.loop import hear_samples, hear_take, prepare_recognizers, speak_verified
from indextts2_multitalk.indextts.verify.recognizer import SAMPLE_RATE, Recognizer
from indextts2_multitalk.training.recognise import Recogniser, edits, words_of
from indextts2_multitalk.training.sentences import held_out_sentences
from measure import Refused, emit

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
from helpers.planted_faults import FaultPlanter

LEAST_FOUND, MOST_DOUBTED = 0.95, 0.05
STEPS = 12
"""Of the flow; hardly heard, and half the time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=50)
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[7, 8], help="not those the weights were chosen on: 1, 2"
    )
    parser.add_argument("--every", type=int, default=4, help="plant faults in each so manieth word (default 4)")
    parser.add_argument("--device", default=None)
    options = parser.parse_args()
    texts = held_out_sentences()[: options.sentences]
    pipeline = Pipeline.load(DEMO_FOLDER, LoadOptions(device=options.device))
    lines = [line for seed in options.seeds for line in cast_texts(texts, seed)]
    settings = SpeakOptions(num_beams=1, steps=STEPS, verify=True)
    recognizer = prepare_recognizers(lines, settings)["en"]
    dtype = str(next(pipeline.modules.parameters()).dtype).removeprefix("torch.")
    measure_faults(list(pipeline.speak(lines, settings)), recognizer, options.every, dtype)
    measure_loop(pipeline, cast_texts(texts, options.seeds[0]), recognizer, dtype)


def cast_texts(texts: Sequence[str], seed: int) -> list[Line]:
    """The two speakers in turn, the other one first with every other seed."""
    names = ("anna", "ben")
    voices = [Voice(name, read_audio(DEMO_FOLDER / "voices" / f"{name}.flac"), boost=True) for name in names]
    chosen = [voices[(number + seed) % 2] for number in range(len(texts))]
    lines = [Line(i, voice.name, text, i + 1, voice) for i, (text, voice) in enumerate(zip(texts, chosen, strict=True))]
    return seed_lines(lines, seed)


def measure_faults(takes: Sequence[Take], recognizer: Recognizer, every: int, dtype: str) -> None:
    """Good takes that are doubted, planted faults that are found; the latter in takes that are not doubted."""
    planter, choice = FaultPlanter(), random.Random(0)
    found: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    doubted = 0
    for take in takes:
        hearing = hear_take(take, recognizer, "en")
        if hearing is None or not hearing.is_complete:
            doubted += 1
            continue
        for fault in planter.plant_faults(at_16k(take), words_of(take.line.text), every, choice.randrange(every)):
            heard = hear_samples(fault.samples, take.spoken, recognizer, "en")
            planted[fault.kind] += 1
            found[fault.kind] += heard is not None and not heard.is_complete
    if not planted:
        raise Refused("no fault could be planted")
    share = sum(found.values()) / sum(planted.values())
    for kind, count in planted.items():
        emit("verify", f"words {kind}, found", found[kind] / count, "share", dtype, planted=count)
    emit("verify", "planted faults, found", share, "share", dtype, planted=sum(planted.values()))
    emit("verify", "good takes, doubted", doubted / len(takes), "share", dtype, takes=len(takes))
    if share < LEAST_FOUND or doubted / len(takes) > MOST_DOUBTED:
        raise Refused(f"found {share:.1%} of the faults, doubted {doubted} of {len(takes)} good takes")


class FaultyPipeline:
    """The pipeline, but every other take comes with a fault planted into it. `spoken`: how many takes came."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline, self._planter, self._choice = pipeline, FaultPlanter(), random.Random(0)
        self.spoken = 0
        self.report, self.keep_report = pipeline.report, pipeline.keep_report

    def speak(self, lines: Sequence[Line], options: SpeakOptions, on_event: OnEvent) -> Iterator[Take]:
        for take in self._pipeline.speak(lines, options, on_event):
            self.spoken += 1
            faults = list(self._planter.plant_faults(at_16k(take), words_of(take.line.text))) if self.spoken % 2 else []
            if faults:
                samples = torch.from_numpy(self._choice.choice(faults).samples)[None]
                take = replace(take, waveform=samples, sample_rate=SAMPLE_RATE)
            yield take


def measure_loop(pipeline: Pipeline, lines: Sequence[Line], recognizer: Recognizer, dtype: str) -> None:
    """What an open-vocabulary recognizer, which chose nothing, hears before and after faulty takes were replaced."""
    judge = Recogniser()
    for case, verify in (("as they come", False), ("verified", True)):
        faulty = FaultyPipeline(pipeline)
        settings = SpeakOptions(num_beams=1, steps=STEPS, verify=verify)
        takes = list(speak_verified(faulty, lines, settings, {"en": recognizer}))
        heard = [(words_of(take.line.text), judge.words(at_16k(take))) for take in takes]
        wrong = sum(edits(wanted, words) for wanted, words in heard) / sum(len(wanted) for wanted, _ in heard)
        off = sum(len(words) != len(wanted) for wanted, words in heard)
        more = {"lines": len(lines), "spoken": faulty.spoken, "other_number_of_words": off}
        emit("verify", f"faulty takes, words misheard, {case}", wrong, "share", dtype, **more)


def at_16k(take: Take) -> np.ndarray:
    samples: np.ndarray = soxr.resample(take.waveform[0].numpy(), take.sample_rate, SAMPLE_RATE)
    return samples


if __name__ == "__main__":
    with torch.inference_mode():
        main()
