"""The recordings that come with the demonstration voice: two speakers that training never heard, one of them moved too.

python -m training.voices --out checkpoints/demo/voices
"""

import argparse
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
from indextts2_multitalk.indextts.records import EMOTIONS

from .flite import Flite
from .speakers import NEUTRAL, speaker
from .synthesize import render

logger = logging.getLogger(__name__)

RATE = 22050


@dataclass(frozen=True)
class Recording:
    """speaker: number of a held-out one. emotion: as `render` takes it."""

    name: str
    speaker: int
    text: str
    emotion: int = NEUTRAL


RECORDINGS = (
    Recording("anna", 20, "Every Sunday my mother reads the children a long story."),
    Recording("ben", 21, "In the evening we sit by the fireplace and read the newspaper."),
    Recording(
        "anna_happy", 20, "I cannot believe that we won the contest, what a wonderful day!", EMOTIONS.index("happy")
    ),
)
"""A woman's and a man's, far from each other in pitch. Short: the flow computes a reference along with every line."""


def record(flite: Flite, recording: Recording, folder: Path) -> Path:
    """NAME.flac: mono, 16 bit, the same samples at every call."""
    who = speaker(recording.speaker, held_out=True)
    said = render(flite, who, recording.emotion, recording.text, random.Random(recording.name))
    file = folder / f"{recording.name}.flac"
    soundfile.write(file, said.wav22, RATE)
    logger.info("%s: %.1f s, %.0f kB", file, len(said.wav22) / RATE, file.stat().st_size / 1e3)
    return file


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--flite", type=Path, help="folder of flite's libraries, where they are not installed")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    flite = Flite(options.flite)
    for recording in RECORDINGS:
        record(flite, recording, options.out)


if __name__ == "__main__":
    main()
