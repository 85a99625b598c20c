"""How well the exported voice speaks: understood by pocketsphinx, compared with its references by CAMPPlus and pitch.

Fifty sentences written by hand, speakers that training never heard, the pack's own path and default options.

    python -m training.evaluate --model checkpoints/demo --out output/evaluation
"""

import argparse
import json
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import EMOTIONS, Audio, Emotion, Line, Voice

from .flite import Flite
from .listening import Delivery, Ear, delivery_of, to16
from .recognise import Recogniser, right_counts, word_error_rate, words_of
from .sentences import held_out_sentences, held_out_texts
from .speakers import NEUTRAL, Speaker, speaker
from .style_stage import four_way
from .synthesize import render

logger = logging.getLogger(__name__)

RATE = 22050
REFERENCE_WORDS = range(9, 12)


@dataclass(frozen=True, eq=False)
class Saying:
    """One spoken line. place: of its voice. wav16: float32 [N]."""

    text: str
    place: int
    wav16: np.ndarray
    emotion: int = NEUTRAL


class Studio:
    """Unheard speakers, their references and flite's own reading of what the model is asked to say."""

    def __init__(self, voices: int, flite: Path | None) -> None:
        self.flite = Flite(flite)
        self.speakers = [speaker(number, held_out=True) for number in range(voices)]
        self.references = [self._reference(number, who) for number, who in enumerate(self.speakers)]

    def voice(self, place: int) -> Voice:
        return Voice(self.speakers[place].name, Audio(torch.from_numpy(self.references[place])[None], RATE))

    def read(self, text: str, place: int) -> Saying:
        """The synthesizer's own reading, the yardstick of what the recogniser can do."""
        said = render(self.flite, self.speakers[place], NEUTRAL, text, random.Random(text))
        return Saying(text, place, said.wav16.astype(np.float32) / 2**15)

    def _reference(self, number: int, who: Speaker) -> np.ndarray:
        """Three to four seconds of a sentence that nothing else here says."""
        text = next(text for text in held_out_texts(5000 + number) if len(text.split()) in REFERENCE_WORDS)
        return render(self.flite, who, NEUTRAL, text, random.Random(number)).wav22.astype(np.float32) / 2**15


def speak(pipeline: Pipeline, studio: Studio, texts: Sequence[str], emotion: int = NEUTRAL) -> list[Saying]:
    """Each text by the next voice in turn, all as one script with the default options."""
    places = [place for _, place in zip(texts, cycle(range(len(studio.speakers))), strict=False)]
    voices = [studio.voice(place) for place in range(len(studio.speakers))]
    wanted = None if emotion == NEUTRAL else Emotion("vector", vector=tuple(float(e == emotion) for e in range(8)))
    lines = [
        Line(number, voices[place].name, text, number + 1, voices[place], wanted, seed=number)
        for number, (text, place) in enumerate(zip(texts, places, strict=True))
    ]
    takes = pipeline.speak(lines, SpeakOptions())
    return [
        Saying(text, place, to16(take.waveform[0].numpy(), RATE), emotion)
        for text, place, take in zip(texts, places, takes, strict=True)
    ]


def understood(sayings: Sequence[Saying]) -> dict[str, Any]:
    """Word error rate, and lines with the right number of words give or take one."""
    recogniser = Recogniser()
    pairs = [(words_of(saying.text), recogniser.words(saying.wav16)) for saying in sayings]
    worst = sorted(pairs, key=lambda pair: -word_error_rate([pair]))[:5]
    return {
        "word_error_rate": word_error_rate(pairs),
        "right_counts": right_counts(pairs),
        "lines": len(pairs),
        "worst": [{"said": " ".join(wanted), "heard": " ".join(found)} for wanted, found in worst],
    }


def cloned(sayings: Sequence[Saying], studio: Studio, ear: Ear) -> dict[str, float]:
    """Cosine with the right and the wrong references, choices among four, and whether pitch follows the reference."""
    references = [to16(reference, RATE) for reference in studio.references]
    wanted = torch.stack([ear.style(reference) for reference in references])
    found = torch.stack([ear.style(saying.wav16) for saying in sayings])
    cosine, right = (found @ wanted.T).numpy(), np.array([saying.place for saying in sayings])
    own = cosine[np.arange(len(sayings)), right]
    others = (cosine.sum(axis=1) - own) / (cosine.shape[1] - 1)
    pitches = np.array([delivery_of(saying.wav16).pitch_hz for saying in sayings])
    by_voice = np.array([np.nanmedian(pitches[right == place]) for place in range(len(references))])
    asked = np.array([delivery_of(reference).pitch_hz for reference in references])
    return {
        "cosine_right": float(own.mean()),
        "cosine_wrong": float(others.mean()),
        "margin": float((own - others).mean()),
        "pitch_correlation": float(np.corrcoef(np.log2(asked), np.log2(by_voice))[0, 1]),
        **four_way_by_line(cosine, right),
    }


def four_way_by_line(cosine: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """`four_way` of every line: its own reference among it and three others."""
    voices = cosine.shape[1]
    rounds = [four_way(cosine[[int(np.flatnonzero(right == place)[turn]) for place in range(voices)]])
              for turn in range(np.bincount(right, minlength=voices).min())]  # fmt: skip
    return {name: float(np.mean([found[name] for found in rounds])) for name in rounds[0]} if rounds else {}


def delivered(pipeline: Pipeline, studio: Studio, texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """What each emotion changes against the same lines without: semitones, factors on span and length, decibels."""
    plain = [delivery_of(saying.wav16) for saying in speak(pipeline, studio, texts)]
    changes = {}
    for number, name in enumerate(EMOTIONS):
        moved = [delivery_of(saying.wav16) for saying in speak(pipeline, studio, texts, number)]
        changes[name] = _change(plain, moved)
    return changes


def _change(plain: Sequence[Delivery], moved: Sequence[Delivery]) -> dict[str, float]:
    pairs = list(zip(plain, moved, strict=True))
    return {
        "semitones": float(np.nanmedian([12 * np.log2(b.pitch_hz / a.pitch_hz) for a, b in pairs])),
        "span": float(np.nanmedian([b.span_octaves / a.span_octaves for a, b in pairs])),
        "length": float(np.nanmedian([b.seconds / max(a.seconds, 0.02) for a, b in pairs])),
        "decibels": float(np.nanmedian([b.decibels - a.decibels for a, b in pairs])),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the exported folder")
    parser.add_argument("--out", type=Path, required=True, help="for evaluation.json and recordings")
    parser.add_argument("--sentences", type=int, default=50)
    parser.add_argument("--voices", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--flite", type=Path, help="folder of flite's libraries, where they are not installed")
    parser.add_argument("--no-emotions", action="store_true")
    parser.add_argument("--no-plain-loop", action="store_true", help="leave out the comparison with use_accel off")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    figures = evaluate(options)
    (options.out / "evaluation.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    logger.info("%s", json.dumps(figures, indent=1))


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """All figures; every line is kept as a recording."""
    studio, texts = Studio(options.voices, options.flite), held_out_sentences()[: options.sentences]
    pipeline = Pipeline.load(options.model, LoadOptions(device=options.device))
    speak(pipeline, studio, texts[: options.voices])  # voices are cached and code is warm from here on
    sayings = speak(pipeline, studio, texts)
    report = pipeline.report()
    figures = {
        "flite": understood([studio.read(saying.text, saying.place) for saying in sayings]),
        "voice": understood(sayings),
        "cloning": cloned(sayings, studio, Ear(options.model)),
        "real_time_factor": report.real_time_factor,
        "seconds": report.seconds,
        "threads": options.threads,
    }
    for number, saying in enumerate(sayings):
        soundfile.write(options.out / f"{number:02d}_{studio.speakers[saying.place].name}.flac", saying.wav16, 16000)
    if not options.no_plain_loop:
        plain = speak(Pipeline.load(options.model, LoadOptions(device=options.device, use_accel=False)), studio, texts)
        same = [len(a.wav16) == len(b.wav16) for a, b in zip(sayings, plain, strict=True)]
        figures["plain_loop"] = understood(plain) | {"lines_of_same_length": sum(same)}
    if not options.no_emotions:
        figures["emotions"] = delivered(pipeline, studio, texts[: options.voices])
    return figures


if __name__ == "__main__":
    main()
