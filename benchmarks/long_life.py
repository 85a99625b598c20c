"""Host memory of a long life on a CPU: lines of different lengths, 20 voices, ten lines a run, one beam.

    python benchmarks/long_life.py [--lines N]

The demonstration voice. Refuses where the first line, spoken once more at the end, is another. Prints one JSON line for
each count of lines: resident MB of the process, with the seconds so far beside it.
"""

import argparse
import random
import sys
import time
from pathlib import Path

import torch
from measure import Refused, emit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.process_memory import resident_bytes
from indextts2_multitalk.indextts.audio_file import read_audio
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Voice

TOLD = (1, 20, 50, 100, 150, 200, 250, 300, 400, 500, 1000)
A_RUN = 10
TEXT = (
    "the old radio still works and somebody is speaking on it tonight about rain in the hills near our town where "
    "children play"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=500)
    count = parser.parse_args().lines
    pipeline = Pipeline.load(DEMO_FOLDER, LoadOptions(device="cpu"))
    report(0, 0.0)
    voices, start = make_voices(), time.perf_counter()
    first = speak(pipeline, [make_line(0, voices)])[0]
    report(1, time.perf_counter() - start)
    for done in range(0, count, A_RUN):
        speak(pipeline, [make_line(number, voices) for number in range(done, done + A_RUN)])
        if done + A_RUN in TOLD:
            report(done + A_RUN, time.perf_counter() - start)
    again = speak(pipeline, [make_line(0, voices)])[0]
    if not torch.equal(first, again):
        raise Refused(f"the first line is another after {count} lines")


def report(lines: int, elapsed: float) -> None:
    emit("long_life", f"after-{lines}-lines", resident_bytes() / 1e6, "MB", "float32", seconds=round(elapsed, 1))


def make_voices() -> list[Voice]:
    """20 recordings, each a little shorter and quieter than the last."""
    base = read_audio(DEMO_FOLDER / "voices" / "anna.flac")
    lengths = [round(base.samples.shape[-1] * (1 - place / 40)) for place in range(20)]
    samples = [base.samples[:, :length] * (1 - place / 100) for place, length in enumerate(lengths)]
    return [Voice(f"V{place}", Audio(each.contiguous(), base.sample_rate)) for place, each in enumerate(samples)]


def make_line(number: int, voices: list[Voice]) -> Line:
    """Two to fourteen words, the same ones for the same number."""
    chosen, words = random.Random(number), TEXT.split()
    text = " ".join(chosen.choice(words) for _ in range(chosen.randint(2, 14))).capitalize()
    voice = voices[number % len(voices)]
    return Line(number, voice.name, f"{text}.", voice=voice, seed=number)


def speak(pipeline: Pipeline, lines: list[Line]) -> list[torch.Tensor]:
    return [take.waveform for take in pipeline.speak(lines, SpeakOptions(num_beams=1))]


if __name__ == "__main__":
    main()
