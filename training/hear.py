"""A quick look on the training machine: does the voice say what it should? The trained w2v-bert is the listener.

Unheard speakers say unheard sentences through the pack's own path; phones heard are compared with the phones that
flite said. No judgement (the listener knows these voices well), but a word within a minute on whether to go on.

    python -m training.hear --work output/training
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Voice
from torch import nn

from .acoustics import Acoustics, semantic_input
from .corpus import Corpus, load_corpus
from .export import export
from .listening import delivery_of, to16
from .plan import PLANS, Plan
from .recognise import edits
from .sizes import Listener
from .speakers import NEUTRAL
from .stage import load_part
from .synthesize import PHONES

RATE = 22050
REFERENCE_CODES = 200


class PhoneListener:
    """The semantic stage's encoder with its phone head, on the CPU."""

    def __init__(self, work: Path, plan: Plan) -> None:
        width = plan.config.semantic_codec.hidden_size
        self._encoder = load_part(work, "semantic", "encoder", Listener(plan.config))
        self._head = load_part(work, "semantic", "heads.phone", nn.Linear(width, len(PHONES)))
        self._acoustics = Acoustics()

    @torch.no_grad()
    def phones(self, wav16: np.ndarray) -> list[int]:
        """Phones heard in float32 samples [N], repeats and silence left out."""
        codes = len(wav16) // 320 - 1
        if codes < 2:
            return []
        clip = torch.from_numpy(wav16[: codes * 320 + 240])[None]
        hidden = self._encoder.model(input_features=semantic_input(self._acoustics.energies(clip))).last_hidden_state
        return spoken(self._head(hidden)[0].argmax(-1).tolist())


def spoken(phones: Sequence[int]) -> list[int]:
    """One entry a phone, silence left out."""
    return [phone for phone, _ in groupby(phones) if phone != 0]


def listen(work: Path, plan: Plan, device: str, lines: int) -> dict[str, float]:
    """Phone error rates of the voice and of flite itself, and how pitch and length compare with flite's."""
    folder = work / "exported"
    export(work, folder, plan.config_file, plan.vocoder)
    corpus = load_corpus(work / "unheard", torch.device("cpu"))
    chosen = (corpus.emotions == NEUTRAL).nonzero()[:, 0][:lines].tolist()
    voices = {speaker: _reference(corpus, speaker) for speaker in corpus.speakers[chosen].unique().tolist()}
    said = [
        Line(place, str(number), corpus.texts[number], 1, voices[int(corpus.speakers[number])], seed=place)
        for place, number in enumerate(chosen)
    ]
    takes = list(Pipeline.load(folder, LoadOptions(device=device)).speak(said, SpeakOptions()))
    listener = PhoneListener(work, plan)
    wavs = [to16(take.waveform[0].numpy(), RATE) for take in takes]
    real = [_utterance(corpus, number) for number in chosen]
    wanted = [spoken(corpus.phones[_codes(corpus, number)].tolist()) for number in chosen]
    pitches = [(delivery_of(a).pitch_hz, delivery_of(b).pitch_hz) for a, b in zip(wavs, real, strict=True)]
    return {
        "phone_error_rate": _error_rate(wanted, [listener.phones(wav) for wav in wavs]),
        "flite_phone_error_rate": _error_rate(wanted, [listener.phones(wav) for wav in real]),
        "length_over_flite": float(np.median([len(a) / len(b) for a, b in zip(wavs, real, strict=True)])),
        "semitones_off": float(np.nanmedian([abs(12 * np.log2(a / b)) for a, b in pitches])),
        "cut_off": sum(bool(take.notes) for take in takes),
        "lines": len(takes),
    }


def _error_rate(wanted: Sequence[list[int]], found: Sequence[list[int]]) -> float:
    wrong = sum(edits(a, b) for a, b in zip(wanted, found, strict=True))
    return wrong / max(1, sum(map(len, wanted)))


def _codes(corpus: Corpus, number: int) -> slice:
    start = int(corpus.starts[number])
    return slice(start, start + int(corpus.lengths[number]))


def _utterance(corpus: Corpus, number: int) -> np.ndarray:
    codes = _codes(corpus, number)
    return corpus.wav16[codes.start * 320 : codes.stop * 320].float().numpy() / 2**15


def _reference(corpus: Corpus, speaker: int) -> Voice:
    """The last neutral seconds of a speaker."""
    start, end = corpus.blocks()[speaker, NEUTRAL]
    wav = corpus.wav22[max(start, end - REFERENCE_CODES) * 441 : end * 441].float() / 2**15
    return Voice(str(speaker), Audio(wav[None], RATE))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--plan", choices=sorted(PLANS), default="full")
    parser.add_argument("--lines", type=int, default=24)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    figures = listen(options.work, PLANS[options.plan], options.device, options.lines)
    (options.work / "hear.json").write_text(json.dumps(figures), encoding="utf-8")
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
