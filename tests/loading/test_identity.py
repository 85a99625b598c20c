"""A stamp of a model's files changes with each of them, wherever in it, and with a folder's weights."""

import os
from pathlib import Path

from indextts2_multitalk.indextts.loading.identity import files_stamp


def test_every_file_and_time_counts(tmp_path: Path) -> None:
    one, folder = tmp_path / "gpt.pth", tmp_path / "w2v"
    folder.mkdir()
    one.write_bytes(b"weights")
    (folder / "model.safetensors").write_bytes(b"more")
    (folder / "README.md").write_text("words")
    stamps = [files_stamp([one, folder])]
    assert stamps[0] == files_stamp([one, folder])
    (folder / "README.md").write_text("other words")
    assert stamps[0] == files_stamp([one, folder]), "no weights"
    one.write_bytes(b"Weights")
    stamps.append(files_stamp([one, folder]))
    os.utime(one, ns=(1, 1))
    stamps.append(files_stamp([one, folder]))
    (folder / "model.safetensors").write_bytes(b"MORE")
    stamps.append(files_stamp([one, folder]))
    one.unlink()
    stamps.append(files_stamp([one, folder]))
    assert len(set(stamps)) == 5
