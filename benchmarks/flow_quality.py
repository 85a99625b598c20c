"""What fewer flow steps cost in quality: the demonstration voice's 50 held-out sentences by both of its speakers.

    python benchmarks/flow_quality.py [--sentences N] [--solvers NAME ...]

For every solver: words misheard by pocketsphinx, CAMPPlus cosine with the speaker's own recording, log-spectral
distance from the same lines' converged solution (the first 24 of them), and times. Codes and noise are the same for
all. Prints one JSON line a figure; refuses where a solver spoke other lengths than the first.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import product

import torch
from flow_and_vocoder import log_spectral_distance
from indextts2_multitalk.indextts.audio_file import read_audio
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER
from indextts2_multitalk.indextts.options import FLOW_SOLVERS, LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Line, Take, Voice
from indextts2_multitalk.training.listening import Ear, to16
from indextts2_multitalk.training.recognise import Recogniser, word_error_rate, words_of
from indextts2_multitalk.training.sentences import held_out_sentences
from measure import Refused, emit

SPEAKERS = ("anna", "ben")
COMPARED = 24
"""Lines whose converged solution is worked out."""
CONVERGED = SpeakOptions(flow_solver="fast", steps=48)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=50)
    parser.add_argument("--solvers", nargs="+", choices=FLOW_SOLVERS, default=["reference", "auto", "draft"])
    arguments = parser.parse_args()
    lines = make_lines(arguments.sentences)
    pipeline = Pipeline.load(DEMO_FOLDER, LoadOptions(device="cpu"))
    expected = list(pipeline.speak(lines[:COMPARED], CONVERGED))
    ear, lengths = Ear(DEMO_FOLDER), None
    styles = {line.voice.name: style_of(ear, line.voice.audio.samples, line.voice.audio.sample_rate) for line in lines}
    for solver in arguments.solvers:
        start = time.process_time()
        takes = list(pipeline.speak(lines, SpeakOptions(flow_solver=solver)))
        spent = time.process_time() - start
        lengths = lengths or [take.waveform.shape for take in takes]
        if lengths != [take.waveform.shape for take in takes]:
            raise Refused(f"{solver}: lines of other lengths than {arguments.solvers[0]}'s")
        report(solver, pipeline, takes, expected, ear, styles, spent)


def make_lines(sentences: int) -> list[Line]:
    """Every sentence by either speaker; a line's seed is its number."""
    voices = [Voice(name, read_audio(DEMO_FOLDER / "voices" / f"{name}.flac"), boost=True) for name in SPEAKERS]
    said = product(held_out_sentences()[:sentences], voices)
    return [Line(n, voice.name, text, n + 1, voice, seed=n) for n, (text, voice) in enumerate(said)]


def report(
    solver: str,
    pipeline: Pipeline,
    takes: Sequence[Take],
    expected: Sequence[Take],
    ear: Ear,
    styles: dict[str, torch.Tensor],
    spent: float,
) -> None:
    heard = [(words_of(take.line.text), listen(take)) for take in takes]
    likeness = [style_of(ear, take.waveform, take.sample_rate) @ styles[take.line.voice.name] for take in takes]
    pairs = zip(takes, expected, strict=False)
    distances = [log_spectral_distance(take.waveform, right.waveform) for take, right in pairs]
    figures = {
        "word-error-rate": (100 * word_error_rate(heard), "%"),
        "speaker-similarity": (float(torch.stack(likeness).mean()), "cosine"),
        "log-spectral-distance": (sum(distances) / len(distances), "dB"),
    }
    about = {
        "lines": len(takes),
        "words": sum(len(wanted) for wanted, _ in heard),
        "schedule": pipeline.report().flow_schedule,
        "process_s": round(spent, 2),
        "flow_s": round(pipeline.report().seconds["s2mel"], 2),
    }
    for name, (value, unit) in figures.items():
        emit("flow_quality", f"{solver}-{name}", value, unit, "float32", **about)


RECOGNISER = Recogniser()


def listen(take: Take) -> list[str]:
    return RECOGNISER.words(to16(take.waveform[0].numpy(), take.sample_rate))


def style_of(ear: Ear, samples: torch.Tensor, rate: int) -> torch.Tensor:
    """samples [1, N]."""
    return ear.style(to16(samples[0].numpy(), rate))


if __name__ == "__main__":
    main()
