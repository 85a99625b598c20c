"""Weight files made to do harm: no code runs, nothing is unpacked or made that is not in the file."""

import contextlib
import io
import json
import os
import pickle
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading.pickle_scan import ScanError, scan_pickles
from indextts2_multitalk.indextts.loading.read import read_state_dict
from indextts2_multitalk.indextts.loading.strict import load_strict
from torch import nn

STATE = {"weight": torch.arange(12.0).reshape(3, 4), "bias": torch.ones(3)}
MEGABYTE = 1 << 20


class Code:
    """Makes a folder where it is unpickled as it asks to be."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def write_raw(data: Any, file: Path, protocol: int) -> None:
    file.write_bytes(pickle.dumps(data, protocol=protocol))


def write_legacy(data: Any, file: Path, protocol: int) -> None:
    torch.save(data, file, pickle_protocol=protocol, _use_new_zipfile_serialization=False)


def write_zip(data: Any, file: Path, protocol: int) -> None:
    torch.save(data, file, pickle_protocol=protocol)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("write", [write_raw, write_legacy, write_zip])
def test_code_is_named_and_not_run(tmp_path: Path, write: Callable[[Any, Path, int], None], protocol: int) -> None:
    file, target = tmp_path / "gpt.pth", tmp_path / "ran"
    for data in ({"model": {"deep": [Code(target)]}, "more": 1}, Code(target), [Code(target)], {Code(target): 1}):
        write(data, file, protocol)
        with pytest.raises(CheckpointError, match=r"gpt.pth: got pickled code \(\w+\.mkdir\), expected tensors alone"):
            read_state_dict(file, "model")
    assert not target.exists()


def test_what_weights_hold_is_read_in_every_protocol_that_torch_reads(tmp_path: Path) -> None:
    file = tmp_path / "gpt.pth"
    notes = {"epoch": 3, "lr": 1e-4, "betas": (0.9, 0.95), "names": ["a"], "on": True, "none": None, "bytes": b"x"}
    for write in (write_legacy, write_zip):
        for kind in (torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.float64):
            write({"model": {"a": torch.ones(3).to(kind), "b": nn.Parameter(torch.ones(2))}, **notes}, file, 2)
            assert read_state_dict(file, "model")["a"].dtype == kind


def grow(make: Callable[[Any], Any], levels: int, seed: Any) -> Any:
    for _ in range(levels):
        seed = make(seed)
    return seed


def test_what_holds_itself_is_refused(tmp_path: Path) -> None:
    circle: dict[str, Any] = {"a": torch.ones(2)}
    circle["again"] = circle
    twice = grow(lambda inner: {"a": inner, "b": inner}, 60, {"t": torch.ones(1)})
    deep = grow(lambda inner: {"a": inner}, 300, {"t": torch.ones(1)})
    for data in (circle, {"model": circle}, twice, deep):
        for write in (write_legacy, write_zip):
            write(data, tmp_path / "gpt.pth", 2)
            with pytest.raises(CheckpointError, match=r"hold one another"):
                read_state_dict(tmp_path / "gpt.pth", "model")


def test_a_key_that_doubles_is_refused(tmp_path: Path) -> None:
    """Its hash, which nobody could interrupt, takes twice as long at each level."""
    growing = b"\x80\x02}(" + b"K\x01" + b"\x85" + b"".join(b"q%ch%c\x86" % (n, n) for n in range(200)) + b"K\x01u."
    with pytest.raises(ScanError, match="grows without end"):
        scan_pickles(io.BytesIO(growing))
    (tmp_path / "gpt.pth").write_bytes(growing)
    with pytest.raises(CheckpointError, match="grows without end"):
        read_state_dict(tmp_path / "gpt.pth")


def repack(source: Path, target: Path, compression: int, change: Callable[[str, bytes], bytes]) -> None:
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w", compression) as packed:
        for name in whole.namelist():
            packed.writestr(name, change(name, whole.read(name)))


def test_an_archive_larger_than_its_file_is_not_unpacked(tmp_path: Path) -> None:
    whole, bomb = tmp_path / "whole.pth", tmp_path / "bomb.pth"
    torch.save(STATE, whole)
    repack(whole, bomb, zipfile.ZIP_DEFLATED, lambda name, data: data + bytes(("data.pkl" in name) * 50 * MEGABYTE))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match=r"archive is compressed, to 524\d+ bytes unpacked"):
        read_state_dict(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * 1024


def test_an_archive_that_declares_more_than_it_has_or_says_it_twice(tmp_path: Path) -> None:
    whole, bad = tmp_path / "whole.pth", tmp_path / "bad.pth"
    torch.save(STATE, whole)
    data = bytearray(whole.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 20 : entry + 28] = struct.pack("<II", 3_000_000_000, 3_000_000_000)
    bad.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"bad\.pth"):
        read_state_dict(bad)
    repack(whole, bad, zipfile.ZIP_STORED, lambda name, content: content)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(archive.namelist()[0], b"other")
    with pytest.raises(CheckpointError, match="a name twice"):
        read_state_dict(bad)


def test_a_directory_of_an_archive_with_any_byte_changed(tmp_path: Path) -> None:
    """Python's reader fails on some in ways of its own: BadZipFile before it reads, EOFError, NotImplementedError."""
    whole, bad = tmp_path / "whole.pth", tmp_path / "bad.pth"
    torch.save(STATE, whole)
    data = whole.read_bytes()
    for place in range(data.index(b"PK\x01\x02"), len(data), 4):
        bad.write_bytes(data[:place] + bytes([data[place] ^ 0x87]) + data[place + 1 :])
        with contextlib.suppress(CheckpointError):
            assert read_state_dict(bad).keys() == STATE.keys()


@pytest.mark.parametrize("elements", [2**31 - 1, -5])
@pytest.mark.parametrize("write", [write_legacy, write_zip])
def test_declared_sizes_are_held_against_the_file(
    tmp_path: Path, write: Callable[[Any, Path, int], None], elements: int
) -> None:
    file = tmp_path / "gpt.pth"
    write({"a": torch.zeros(77_777)}, file, 2)
    old, new = struct.pack("<i", 77_777), struct.pack("<i", elements)
    if write is write_legacy:
        file.write_bytes(file.read_bytes().replace(old, new))
    else:
        repack(file, file.with_suffix(".pt"), zipfile.ZIP_STORED, lambda name, data: data.replace(old, new))
        file = file.with_suffix(".pt")
    with pytest.raises(CheckpointError, match=r"declares values of 8589934588 bytes|something else than a storage"):
        read_state_dict(file)


def safetensors_file(file: Path, header: bytes, body: bytes = b"", declared: int | None = None) -> Path:
    file.write_bytes(struct.pack("<Q", len(header) if declared is None else declared) + header + body)
    return file


def describe(shape: list[int], *offsets: int, kind: str = "F32") -> bytes:
    return json.dumps({"a": {"dtype": kind, "shape": shape, "data_offsets": offsets}}).encode()


@pytest.mark.parametrize(
    ("header", "declared"),
    [
        (describe([10**6, 10**6], 0, 4 * 10**12), None),
        (describe([2**62, 4], 0, 0), None),
        (describe([4], 0, 2**63), None),
        (describe([2], 8, 0), None),
        (describe([-2], 0, 8), None),
        (describe([2], 0, 8, kind="F99"), None),
        (b"{}", 2**60),
        (b'{"a":' + b"[" * 50_000, None),
        (describe([2], 0, 8).replace(b"}}", b"}, ") + describe([2], 0, 8).replace(b'{"a"', b'"b"'), None),
        (b"\xff" * 50, None),
        (b"", None),
        (b"[]", None),
    ],
)
def test_safetensors_headers(tmp_path: Path, header: bytes, declared: int | None) -> None:
    file = safetensors_file(tmp_path / "gpt.safetensors", header, bytes(8), declared)
    with pytest.raises(CheckpointError, match=r"gpt\.safetensors: got \d+ bytes that are no complete weight file"):
        read_state_dict(file)


def load_linear(state: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> nn.Linear:
    return load_strict(lambda: nn.Linear(4, 3), state, file=Path("gpt.pth"), dtype=dtype)


def test_shapes_over_fewer_values_allocate_nothing(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(3, 4), "bias": torch.ones(3)}, tmp_path / "gpt.pth")
    with pytest.raises(CheckpointError, match=r"weight: got \[3, 4\] over 4 bytes"):
        load_linear(read_state_dict(tmp_path / "gpt.pth"))
    shared = torch.ones(12)
    state = {f"layers.{n}": shared.view(3, 4) for n in range(9)}
    with pytest.raises(CheckpointError, match=r"tensors of 432 bytes over 48 bytes in the file"):
        load_strict(nn.Module, state, file=Path("gpt.pth"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_values_that_are_no_numbers_are_named(value: float, dtype: torch.dtype) -> None:
    state = {name: tensor.clone() for name, tensor in STATE.items()}
    state["weight"][1, 2] = value
    with pytest.raises(CheckpointError, match=r"gpt.pth: weight: got 1 of 12 values that are NaN or infinite"):
        load_linear(state, dtype)


def test_values_too_large_for_half_precision_are_named() -> None:
    large = STATE | {"bias": torch.full((3,), 1e6)}
    assert bool((load_linear(dict(large)).bias == 1e6).all())
    with pytest.raises(CheckpointError, match=r"bias: got 3 of 3 values .*turn use_fp16 off"):
        load_linear(dict(large), torch.float16)


@settings(max_examples=150)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_scanned_or_refused(data: bytes) -> None:
    with contextlib.suppress(ScanError):
        scan_pickles(io.BytesIO(data))


@settings(max_examples=60)
@given(position=st.integers(0, 10**6), byte=st.integers(0, 255), protocol=st.integers(0, 5))
def test_any_changed_byte_is_scanned_or_refused(position: int, byte: int, protocol: int) -> None:
    data = bytearray(pickle.dumps({"model": {"a": [1, (2, "x"), {3}]}, "b": OPTIONS}, protocol=protocol))
    data[position % len(data)] = byte
    with contextlib.suppress(ScanError):
        scan_pickles(io.BytesIO(bytes(data)))


OPTIONS = {"lr": 1e-3, "names": frozenset("ab"), "nested": [[], {}, ()]}
