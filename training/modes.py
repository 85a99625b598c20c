"""The same sentences in every mode of the pack: half precision, a compiled flow and the plain loop change nothing.

Where there is a GPU, every mode speaks them; where pocketsphinx is, they are listened to.

    python -m training.modes speak --model checkpoints/demo --out output/modes
    python -m training.modes listen --out output/modes
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline

from .evaluate import Saying, Studio, speak, understood
from .sentences import held_out_sentences

logger = logging.getLogger(__name__)

MODES = {
    "float32": LoadOptions(use_accel=False),
    "accel": LoadOptions(),
    "compiled": LoadOptions(use_torch_compile=True),
    "half": LoadOptions(use_fp16=True),
    "half-compiled": LoadOptions(use_fp16=True, use_torch_compile=True),
}
"""The first is what the others are compared with."""


def record(model: Path, out: Path, studio: Studio, texts: Sequence[str]) -> None:
    """Every mode's lines, 16 kHz, as `MODE.npz`."""
    for name, mode in MODES.items():
        pipeline = Pipeline.load(model, mode)
        sayings = speak(pipeline, studio, texts)
        waves: dict[str, Any] = {
            f"{number:03d}": (saying.wav16 * 2**15).astype(np.int16) for number, saying in enumerate(sayings)
        }
        np.savez_compressed(out / f"{name}.npz", **waves)
        logger.info("%s:\n%s", name, pipeline.report().to_text())
        pipeline.release()


def listen(out: Path, texts: Sequence[str]) -> dict[str, Any]:
    """Word error rates, and how much longer or shorter than the plain mode's all lines of a mode are together."""
    figures: dict[str, Any] = {}
    plain = 0
    for name in MODES:
        with np.load(out / f"{name}.npz") as waves:
            sayings = [
                Saying(text, 0, waves[key].astype(np.float32) / 2**15)
                for text, key in zip(texts, sorted(waves.files), strict=True)
            ]
        samples = sum(len(saying.wav16) for saying in sayings)
        plain = plain or samples
        figures[name] = {**understood(sayings), "length": samples / plain - 1}
    return figures


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("speak", "listen"))
    parser.add_argument("--out", type=Path, required=True, help="for recordings and modes.json")
    parser.add_argument("--model", type=Path, default=Path("checkpoints/demo"), help="the exported folder")
    parser.add_argument("--sentences", type=int, default=50)
    parser.add_argument("--voices", type=int, default=10)
    parser.add_argument("--flite", type=Path, help="folder of flite's libraries, where they are not installed")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    texts = held_out_sentences()[: options.sentences]
    if options.action == "speak":
        record(options.model, options.out, Studio(options.voices, options.flite), texts)
    else:
        figures = listen(options.out, texts)
        (options.out / "modes.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
        logger.info("%s", json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
