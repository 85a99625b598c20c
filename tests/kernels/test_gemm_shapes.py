"""How tiles are cut: weights are held where compiler and chip have room for them, and streamed everywhere else."""

import pytest
import torch

triton = pytest.importorskip("triton")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from indextts2_multitalk.accel.kernels.linear import gemm_shapes  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm_shapes import (  # noqa: E402
    choose_gemm_shape,
    stationary_shape,
    streaming_shape,
)

HOPPER, SMALLER = 232448, 101376
"""Bytes of shared memory of a program."""


@pytest.fixture
def chip(monkeypatch):
    def pretend(version: str, room: int) -> None:
        monkeypatch.setattr(triton, "__version__", version)
        monkeypatch.setattr(gemm_shapes, "supports_pdl", lambda device: True)
        monkeypatch.setattr(gemm_shapes, "max_smem_bytes", lambda device: room)
        gemm_shapes._has_eager_smem.cache_clear()

    yield pretend
    gemm_shapes._has_eager_smem.cache_clear()


def holds(outputs: int, rows: int = 16, dtype: torch.dtype = torch.float16) -> bool:
    return choose_gemm_shape(1280, outputs, rows, dtype, torch.device("cpu")).stages == 0


@pytest.mark.parametrize(("version", "held"), [("3.4.0", False), ("3.5.1", True), ("3.8.0", True), ("3.9.0", False)])
def test_only_a_compiler_that_places_weights_early_holds_them(chip, caplog, version, held):
    chip(version, HOPPER)
    with caplog.at_level("INFO"):
        assert holds(3840) == held
    assert (f"Triton {version}" in caplog.text) != held


def test_what_has_no_room_is_streamed(chip):
    chip("3.6.0", SMALLER)
    assert not holds(3840)
    assert holds(1280)


def test_only_half_precision_is_held(chip):
    chip("3.6.0", HOPPER)
    assert holds(1280, dtype=torch.bfloat16)
    assert not holds(1280, dtype=torch.float32)


def test_many_rows_are_streamed_but_through_small_layers(chip):
    chip("3.6.0", HOPPER)
    assert not holds(5120, rows=64)
    assert holds(1280, rows=64)


def test_without_overlap_nothing_is_held():
    assert not holds(1280)


@given(st.integers(1, 80).map(lambda n: 16 * n), st.integers(1, 9000), st.integers(5, 200))
def test_inputs_come_in_whole_blocks_and_slices(inputs, outputs, rows):
    held, streamed = stationary_shape(inputs, outputs, rows), streaming_shape(inputs, outputs, rows, 2)
    assert held is None or held.block_count(inputs) * held.block * held.slices == inputs
    assert inputs % streamed.slices == 0
    assert streamed.slices == 1 or outputs <= 2048
