"""Weights anyone can make again from a tensor's name and shape, so that golden figures need no checkpoint."""

import math
import os
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch


def normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal float32 array that depends on `name` and `shape` only."""
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode("utf-8"))))
    return generator.standard_normal(shape, dtype=np.float32)


def seeded_tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """One checkpoint tensor by its full name, scaled so that activations neither vanish nor explode."""
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    x = normal(name, shape)
    if leaf == "running_var":
        x = np.exp(0.1 * x)
    elif leaf in ("weight_g", "original0"):
        x = 1.0 + 0.1 * x
    elif len(shape) >= 2:
        x = x / np.float32(math.sqrt(math.prod(shape[1:])))
    elif leaf in ("weight", "gamma"):
        x = 1.0 + 0.1 * x
    else:
        x = 0.1 * x
    return torch.from_numpy(np.asarray(x, dtype=np.float32))


def seeded_tensors(shapes: Mapping[str, Sequence[int]]) -> dict[str, torch.Tensor]:
    """`seeded_tensor` of every name, on all processors: drawing a full-size model's billion numbers takes a while."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(seeded_tensor, shapes, (tuple(shape) for shape in shapes.values()))
        return dict(zip(shapes, drawn, strict=True))


CONSTANT_LEAVES = ("filter", "pe", "freqs", "input_pos", "num_batches_tracked")
"""Tensors that are constants of the architecture: listed in a manifest, never seeded."""


def seeded_state(prefix: str, shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    """A state dict for one manifest section, e.g. prefix "gpt"; constants are left out."""
    drawn = [name for name in shapes if name.rsplit(".", 1)[-1] not in CONSTANT_LEAVES]
    tensors = seeded_tensors({f"{prefix}.{name}": shapes[name] for name in drawn})
    return dict(zip(drawn, tensors.values(), strict=True))
