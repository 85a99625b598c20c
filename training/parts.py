"""Weights on their way between machines: half precision, without optimizers, in parts of at most 15 MB.

python -m training.parts pack --work output/training --parts output/parts
python -m training.parts unpack --work output/training --parts output/parts
"""

import argparse
import io
import logging
import tarfile
from collections.abc import Sequence
from pathlib import Path

import torch

logger = logging.getLogger(__name__)

PART_BYTES = 15_000_000
DROPPED = ("acoustics.", "spectra.")
"""Constants that every stage computes anew."""
LOGS = ("*.jsonl", "bpe.model", "tables.pt")


def pack(work: Path, parts: Path) -> list[Path]:
    """Checkpoints, logs and tables of `work` as a handful of files `weights.00`, `weights.01`, …"""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:xz", preset=1) as tar:
        for file in sorted(file for pattern in LOGS for file in work.glob(pattern)):
            tar.add(file, file.name)
        for file in sorted(set(work.glob("*.pt")) - {work / "tables.pt"}):
            _add(tar, file.name, _halved(file))
    data = archive.getvalue()
    parts.mkdir(parents=True, exist_ok=True)
    files = []
    for number, start in enumerate(range(0, len(data), PART_BYTES)):
        files.append(parts / f"weights.{number:02d}")
        files[-1].write_bytes(data[start : start + PART_BYTES])
    logger.info("%.1f MB in %d parts", len(data) / 1e6, len(files))
    return files


def unpack(parts: Path, work: Path) -> None:
    """The reverse. Raises FileNotFoundError where there are no parts."""
    files = sorted(parts.glob("weights.[0-9][0-9]"))
    if not files:
        raise FileNotFoundError(f"{parts}: no weights.00; pack them first")
    work.mkdir(parents=True, exist_ok=True)
    data = io.BytesIO(b"".join(file.read_bytes() for file in files))
    with tarfile.open(fileobj=data, mode="r:xz") as tar:
        tar.extractall(work, filter="data")


def _halved(file: Path) -> bytes:
    state = torch.load(file, map_location="cpu", weights_only=True)
    modules = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in state["modules"].items()
        if not name.startswith(DROPPED)
    }
    written = io.BytesIO()
    torch.save({"modules": modules, "progress": state["progress"]}, written)
    return written.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("pack", "unpack"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--parts", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.action == "pack":
        pack(options.work, options.parts)
    else:
        unpack(options.parts, options.work)


if __name__ == "__main__":
    main()
