"""How tiles are cut: weights are held where compiler and chip have room for them, and streamed everywhere else."""

from dataclasses import replace

import pytest

triton = pytest.importorskip("triton")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from indextts2_multitalk.accel.kernels import pdl  # noqa: E402
from indextts2_multitalk.accel.kernels.linear import gemm_shapes  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm_shapes import (  # noqa: E402
    GemmSize,
    gemm_rule,
    stationary_shape,
    streaming_shape,
)
from indextts2_multitalk.runtime.card import Card  # noqa: E402

HOPPER = Card("a Hopper", (9, 0), 132, 232448, 4.8e12)
SMALLER = replace(HOPPER, smem_bytes=101376)


@pytest.fixture(autouse=True)
def _no_compiler_of_before():
    gemm_shapes._has_eager_smem.cache_clear()
    yield
    gemm_shapes._has_eager_smem.cache_clear()


@pytest.fixture
def compiler(monkeypatch):
    def pretend(version: str) -> None:
        monkeypatch.setattr(triton, "__version__", version)
        monkeypatch.setattr(pdl, "TRITON_HAS_PDL", True)

    return pretend


def holds(outputs: int, card: Card = HOPPER, rows: int = 16, itemsize: int = 2) -> bool:
    return gemm_rule(GemmSize(1280, outputs, rows, itemsize, itemsize, outputs == 1280), card).stages == 0


@pytest.mark.parametrize(("version", "held"), [("3.4.0", False), ("3.5.1", True), ("3.8.0", True), ("3.9.0", False)])
def test_only_a_compiler_that_places_weights_early_holds_them(compiler, caplog, version, held):
    compiler(version)
    with caplog.at_level("INFO"):
        assert holds(3840) == held
    assert (f"Triton {version}" in caplog.text) != held


def test_what_has_no_room_is_streamed(compiler):
    compiler("3.6.0")
    assert not holds(3840, SMALLER)
    assert holds(1280, SMALLER)


def test_only_half_precision_is_held(compiler):
    compiler("3.6.0")
    assert holds(1280)
    assert not holds(1280, itemsize=4)
    assert not holds(1280, itemsize=1)


def test_many_rows_are_streamed_but_through_small_layers(compiler):
    compiler("3.6.0")
    assert not holds(5120, rows=64)
    assert holds(1280, rows=64)


def test_without_overlap_nothing_is_held(compiler):
    compiler("3.6.0")
    assert not holds(1280, replace(HOPPER, capability=(8, 9)))


@given(st.integers(1, 80).map(lambda n: 16 * n), st.integers(1, 9000), st.sampled_from([16, 32, 64]), st.booleans())
def test_inputs_come_in_whole_blocks_and_slices(inputs, outputs, rows, residual):
    size = GemmSize(inputs, outputs, rows, 2, 2, residual)
    held, streamed = stationary_shape(size), streaming_shape(size)
    assert held is None or held.block_count(inputs) * held.block * held.slices == inputs
    assert inputs % streamed.slices == 0
    assert streamed.slices == 1 or (outputs <= 2048 and residual)
