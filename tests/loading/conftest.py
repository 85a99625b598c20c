"""A small model in the released layout, written once; tests that spoil files work on a copy."""

import shutil
from pathlib import Path

import pytest
from helpers.released_folder import write_released_folder


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released_folder(tmp_path_factory.mktemp("released"))


@pytest.fixture
def spoilable(released: Path, tmp_path: Path) -> Path:
    """A copy whose files may be changed; large ones are linked until they are replaced."""
    return Path(shutil.copytree(released, tmp_path / "model", copy_function=_link))


def _link(source: str, target: str) -> str:
    Path(target).hardlink_to(source)
    return target
