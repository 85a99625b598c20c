"""Decoders with their layers' matrices in 8 bits: the benchmarks'."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from decode_model import quantized

__all__ = ["quantized"]
