"""Golden figures of seeded models of any size: `INDEXTTS_GOLDENS` names a folder (default: the small ones, one of each
version).

A test's module says by `VERSIONS` which versions it is for; without it, for all. A file that is not there skips the
tests that want it, and test_every_file.py sees to it that no file is left out.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.seeded import normal, seeded_state

COMMITTED = Path(__file__).parents[1] / "goldens"
ALL_VERSIONS = ("2.0", "2.5")
THINNED = 7
"""Wide arrays may hold every so many-th channel alone."""


class Goldens:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))

        self.version = "2.5" if "codec" in self.manifest else "2.0"

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


def list_folders() -> list[Path]:
    named = os.environ.get("INDEXTTS_GOLDENS")
    return [Path(named)] if named else [COMMITTED / "small", COMMITTED / "small-2.5"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "goldens" in metafunc.fixturenames:
        wanted = getattr(metafunc.module, "VERSIONS", ALL_VERSIONS)
        folders = [folder for folder in map(Goldens, list_folders()) if folder.version in wanted]
        metafunc.parametrize("goldens", folders, ids=[g.version for g in folders], scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a version that no folder is of are not there, rather than skipped."""
    items[:] = [item for item in items if not _lacks_goldens(item)]


def _lacks_goldens(item: pytest.Item) -> bool:
    params = getattr(getattr(item, "callspec", None), "params", {})
    return "goldens" in params and not isinstance(params["goldens"], Goldens)


@pytest.fixture(scope="session")
def close():
    """`close(actual, expected, tolerance)`: max abs error relative to the figure's max."""

    def check(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
        if actual.shape[-1] != expected.shape[-1] and actual[..., ::THINNED].shape == expected.shape:
            actual = actual[..., ::THINNED]
        assert tuple(actual.shape) == tuple(expected.shape), (
            f"shape {tuple(actual.shape)}, golden {tuple(expected.shape)}"
        )
        assert torch.isfinite(actual).all(), "not finite"
        error = ((actual.double() - expected.double()).abs().max() / expected.double().abs().max()).item()
        assert error <= tolerance, f"relative error {error:.2e} > {tolerance:.0e}"

    return check
