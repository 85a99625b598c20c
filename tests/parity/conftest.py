"""Golden figures of a seeded model of any size: `INDEXTTS_GOLDENS` names the folder (default: the small one)."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.seeded import normal, seeded_state

DEFAULT = Path(__file__).parents[1] / "goldens" / "small"


class Goldens:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

    def npz(self, name: str) -> dict[str, torch.Tensor]:
        """Every array of `name`.npz as a tensor; skips the test where the folder has no such file."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            pytest.skip(f"{self.folder} has no {name}.npz")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays}

    def shapes(self, section: str) -> dict[str, list[int]]:
        """Tensor names and shapes of a manifest section; "s2mel.cfm" reaches into a nested one."""
        node: Any = self.manifest
        for key in section.split("."):
            node = node[key]
        return node

    def state(self, section: str) -> dict[str, torch.Tensor]:
        """Seeded weights of a manifest section."""
        return seeded_state(section, self.shapes(section))

    def input(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """A golden run's input, float32."""
        return torch.from_numpy(normal(f"input:{name}", shape))


@pytest.fixture(scope="session")
def goldens() -> Goldens:
    return Goldens(Path(os.environ.get("INDEXTTS_GOLDENS", DEFAULT)))


@pytest.fixture(scope="session")
def close():
    """`close(actual, expected, tolerance)`: max abs error relative to the figure's max."""

    def check(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
        assert tuple(actual.shape) == tuple(expected.shape), (
            f"shape {tuple(actual.shape)}, golden {tuple(expected.shape)}"
        )
        assert torch.isfinite(actual).all(), "not finite"
        error = ((actual.double() - expected.double()).abs().max() / expected.double().abs().max()).item()
        assert error <= tolerance, f"relative error {error:.2e} > {tolerance:.0e}"

    return check
