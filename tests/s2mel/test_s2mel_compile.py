"""torch.compile on the flow: compiled once for all lengths, kept, and never in the way where it fails."""

import functools
import logging

import pytest
import torch
from helpers.s2mel import line, small_model
from indextts2_multitalk.s2mel import compile as flow_compile
from indextts2_multitalk.s2mel import stages
from indextts2_multitalk.s2mel.compile_gain import COMPILE_GAIN, why_not_compile
from indextts2_multitalk.s2mel.solver import uniform_schedule
from torch._inductor import config as inductor


class Counting:
    """A compiler that runs what it is given as it stands, and counts."""

    def __init__(self) -> None:
        self.graphs = 0
        self.processes: set[int | None] = set()

    def __call__(self, graph, inputs):
        self.graphs += 1
        self.processes.add(inductor.compile_threads)
        return graph.forward


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """No test sees what another one has compiled, and compiling on a CPU is worth it."""
    monkeypatch.setitem(COMPILE_GAIN, "on a CPU", 0.5)
    flow_compile._compile_stage.cache_clear()
    torch.compiler.reset()
    yield
    flow_compile._compile_stage.cache_clear()
    torch.compiler.reset()


@pytest.fixture
def counting(monkeypatch):
    compiler = Counting()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=compiler))
    return compiler


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual - expected).abs().max() / expected.abs().max()).item()


@torch.inference_mode()
def test_compiled_once_for_all_lengths_and_layers(counting, caplog, monkeypatch):
    monkeypatch.setattr(stages, "MIDDLE_BYTES", 1 << 12)  # feed-forward in parts, as at full size
    model = small_model()
    lines = [line("a", 11, 37, seed=1), line("b", 5, 8, seed=2)]
    expected = model.generate_mels(lines, uniform_schedule(2))
    model.compile_flow()
    assert model.compile_state == "asked for"
    with caplog.at_level(logging.INFO):
        actual = model.generate_mels(lines, uniform_schedule(2))
    said = [record.getMessage() for record in caplog.records]
    first, last = "Compiling CFM model with torch.compile", "CFM model compiled successfully"
    assert said.index(first) < said.index(last)
    assert model.compile_state == "compiled"
    assert all(relative(a, e) <= 1e-5 for a, e in zip(actual, expected, strict=True))
    graphs = counting.graphs
    assert graphs <= 12
    for frames in (9, 33, 100):
        model.generate_mels([line("c", 10, frames)], uniform_schedule(1))
        model.generate_mels([line("c", 10, frames)], uniform_schedule(1, 0.0))
    assert counting.graphs == graphs


@torch.inference_mode()
def test_no_other_process_compiles(counting):
    before = inductor.compile_threads
    model = small_model()
    model.compile_flow()
    assert model.flow_choice.compile_state == "compiled"
    assert counting.processes == {1}
    assert inductor.compile_threads == before


@torch.inference_mode()
def test_many_kinds_of_models_in_one_process(counting):
    said = [line("a", 11, 37, seed=1)]

    def compiled(dtype: torch.dtype) -> int:
        """Graphs there are after one more model has spoken, with guidance and without."""
        model = small_model().to(dtype)
        model.compile_flow()
        for guidance in (0.7, 0.0):
            model.generate_mels(said, uniform_schedule(1, guidance))
        assert model.compile_state == "compiled"
        return counting.graphs

    kinds = [compiled(dtype) for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64)]
    assert kinds == sorted(set(kinds))
    assert compiled(torch.float16) == kinds[-1]


@torch.inference_mode()
def test_a_compiler_that_fails_costs_only_the_speed(monkeypatch, caplog):
    def broken(*_args, **_options):
        raise RuntimeError("no working compiler\nand a long trace")

    monkeypatch.setattr(torch, "compile", broken)
    model, lines = small_model(), [line("a", 11, 37, seed=1)]
    expected = model.generate_mels(lines, uniform_schedule(2))
    model.compile_flow()
    with caplog.at_level(logging.WARNING):
        actual = model.generate_mels(lines, uniform_schedule(2))
    assert torch.equal(actual[0], expected[0])
    assert model.compile_state == "failed: RuntimeError: no working compiler"
    assert "torch.compile failed: RuntimeError: no working compiler" in model.flow_choice.description
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no working compiler" in warnings[0]
    assert "uncompiled" in warnings[0]


@torch.inference_mode()
def test_compiled_code_is_kept_in_the_folder(counting, monkeypatch, tmp_path):
    loaded = []
    monkeypatch.setattr(torch.compiler, "save_cache_artifacts", lambda: (b"compiled", None))
    monkeypatch.setattr(torch.compiler, "load_cache_artifacts", lambda data: loaded.append(data) or object())
    for _ in range(2):
        model = small_model()
        model.compile_flow(cache_folder=tmp_path / "compiled")
        model.generate_mels([line("a", 6, 9)], uniform_schedule(1))
    (kept,) = (tmp_path / "compiled").iterdir()
    assert kept.read_bytes() == b"compiled"
    assert loaded == [b"compiled"]


def test_a_damaged_file_means_compiling_anew(tmp_path, caplog):
    damaged = tmp_path / "flow.bin"
    damaged.write_bytes(b"not what it should be")
    assert flow_compile._load_artifacts(damaged) is False
    assert "compiling anew" in caplog.text
    assert flow_compile._load_artifacts(tmp_path / "absent.bin") is False


@torch.inference_mode()
@pytest.mark.parametrize("gain", [-0.4, 0.09])
def test_what_gains_nothing_is_not_compiled_and_says_so(monkeypatch, gain):
    monkeypatch.setitem(COMPILE_GAIN, "on a CPU", gain)
    monkeypatch.setattr(torch, "compile", None)
    model = small_model()
    model.compile_flow()
    words = "torch.compile not used: on a CPU the flow gains less than 10% by it"
    assert model.flow_choice.description.endswith(words)
    assert model.compile_state == words.removeprefix("torch.compile ")


@pytest.mark.parametrize(
    ("dtype", "has_kernels", "why_not"),
    [
        (torch.float16, True, "with Triton kernels in CUDA graphs"),
        (torch.float32, False, "in float32 on a GPU"),
        (torch.float16, False, None),
        (torch.bfloat16, False, None),
    ],
)
def test_a_gpu_compiles_only_half_precision_without_kernels(dtype, has_kernels, why_not):
    reason = why_not_compile(torch.device("cuda"), dtype, has_kernels)
    assert reason is None if why_not is None else why_not in (reason or "")
