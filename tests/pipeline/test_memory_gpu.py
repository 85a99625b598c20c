"""Memory of the released sizes on a GPU: what stages take is what is estimated, and runs fit what a balloon leaves."""

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from helpers.balloon import Balloon
from helpers.released_folder import write_released_folder
from helpers.tones import tone
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.memory_costs import (
    DECODE_BYTES,
    RELEASED,
    RELEASED_WEIGHT_BYTES,
)
from indextts2_multitalk.indextts.offload import count_resident_bytes
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Take, Voice
from indextts2_multitalk.indextts.seeds import seed_lines
from indextts2_multitalk.indextts.vocoder.vocoder import LONGEST_CHUNK
from indextts2_multitalk.runtime.device_memory import gather_memory
from indextts2_multitalk.s2mel.model import FlowLine
from indextts2_multitalk.s2mel.solver import uniform_schedule

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]

GIB = 2**30
OFF = 0.15
"""By how much an estimate may be off."""
SEGMENT = 20 * 2**20
"""What PyTorch reserves at least for a tensor of more than 1 MiB."""
W2V_BERT = {"layers": 24, "heads": 16, "expansion": 4}
PROMPT_ROWS, REFERENCE_SECONDS = 67, 10.0
TEXT = "We walked along the river until the lights of the town were far behind us and nobody spoke a word."


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = json.loads((Path(__file__).parents[1] / "goldens" / "full_config.json").read_text(encoding="utf-8"))
    return write_released_folder(tmp_path_factory.mktemp("full"), config, w2v_bert=W2V_BERT)


@pytest.fixture(scope="module")
def balloon() -> Iterator[Balloon]:
    with Balloon() as balloon:
        yield balloon


@pytest.fixture(scope="module")
def full(released: Path, balloon: Balloon) -> Pipeline:
    """Entered after the balloon, which counts all that this takes; no line ends by itself. It has spoken: what stays
    for good lies where it stays."""
    pipeline = load(released, low_memory=False)
    speak(pipeline, 1, 1)
    pipeline.release()
    settle()
    return pipeline


def load(folder: Path, low_memory: bool) -> Pipeline:
    pipeline = Pipeline.load(find_checkpoint([folder]), LoadOptions("cuda", use_fp16=True, low_memory=low_memory))
    pipeline.modules.gpt.mel_head.bias.data[pipeline.modules.config.gpt.stop_mel_token] = -1e4
    return pipeline


def settle() -> None:
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


@torch.inference_mode()
def check_estimate(estimated: int, work: Callable[[], object], arena: bool = True, least: float = 1 - OFF) -> None:
    """What `work` takes beyond what is held before, kernels and plans being there: what it allocates, and what the
    allocator reserves for it. arena: where a stage finds its memory in one piece. least: share of it that is used."""
    work()
    settle()
    held = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
    gather_memory(torch.device("cuda"), estimated if arena else 0)
    torch.cuda.reset_peak_memory_stats()
    work()
    allocated, reserved = torch.cuda.max_memory_allocated() - held[0], torch.cuda.max_memory_reserved() - held[1]
    found = f"estimated {estimated >> 20} MiB, allocated {allocated >> 20}, reserved {reserved >> 20}"
    assert least * estimated <= allocated <= (1 + OFF) * estimated, found
    assert reserved <= (1 + OFF) * estimated + SEGMENT, found  # less where something idle was held already


def prompts_of(pipeline: Pipeline, count: int) -> list[torch.Tensor]:
    weight = pipeline.modules.gpt.mel_head.weight
    return [torch.full((PROMPT_ROWS, weight.shape[1]), 0.01, dtype=weight.dtype, device="cuda") for _ in range(count)]


def test_weights_take_what_is_said_of_the_released_model(full):
    weights = count_resident_bytes(full.modules, low_memory=False)
    assert abs(RELEASED_WEIGHT_BYTES / weights - 1) <= 0.01, weights
    assert full._budget.costs == RELEASED


@pytest.mark.parametrize(("count", "codes"), [(1, 500), (8, 500), (8, 1500)])
def test_latent_pass(full, count, codes):
    drawn = [torch.arange(codes) % 1000 for _ in range(count)]
    prompts = prompts_of(full, count)
    estimated = RELEASED.latent_pass([PROMPT_ROWS + codes] * count)
    check_estimate(estimated, lambda: latent_pass(full.modules.gpt, prompts, drawn))


@pytest.mark.parametrize(("count", "frames"), [(1, 860), (8, 860), (4, 2580)])
def test_flow(full, count, frames):
    s2mel = full.modules.s2mel
    with torch.inference_mode():
        voice = full._conditioning.encode_voice(Audio(tone(110.0, REFERENCE_SECONDS, 22050), 22050))
    prompt = voice.prompt_condition
    lines = [
        FlowLine(prompt, prompt.new_zeros(frames, prompt.shape[1]), voice.prompt_mel, voice.style, n)
        for n in range(count)
    ]
    estimated = RELEASED.flow([len(prompt) + frames] * count)
    check_estimate(estimated, lambda: s2mel.generate_mels(lines, uniform_schedule(2), graphs=False))


@pytest.mark.parametrize("count", [1, 8])
def test_vocoder(full, count):
    mels = [torch.zeros(80, LONGEST_CHUNK, device="cuda") for _ in range(count)]
    vocoder = full._renderer._vocoder
    estimated = count * LONGEST_CHUNK * RELEASED.vocoder_frame
    check_estimate(estimated, lambda: vocoder.generate_waveforms(mels, graphs=False))


def test_reference_encoders(full):
    full._budget.short = True  # no graphs
    check_estimate(RELEASED.reference, lambda: (full._conditioning.cache.clear(), hear(full, 15.0)))
    full._budget.begin_run()


def hear(pipeline: Pipeline, seconds: float) -> object:
    return pipeline._conditioning.encode_voice(Audio(tone(130.0, seconds, 22050), 22050))


@pytest.mark.parametrize(("count", "beams"), [(16, 1), (64, 3)])
def test_decoder(full, count, beams):
    """Without limits: the cache as it is expected, what the engine takes beside it, and the prefill."""
    engine, sampling = full._get_decoding(full.report()).decoder, SpeakOptions(num_beams=beams).sampling
    requests = [Request(prompt, n, sampling, 500, (1,)) for n, prompt in enumerate(prompts_of(full, count))]

    def decode() -> None:
        with pytest.raises(Enough):
            list(engine.generate(requests, stop_soon))
        engine.close()

    prefill = count * PROMPT_ROWS * RELEASED.position
    estimated = engine.cache_demand(requests).expected + DECODE_BYTES + prefill
    engine.close()
    check_estimate(estimated, decode, arena=False, least=0.7)


class Enough(Exception):
    """Of decoding."""


def stop_soon(drawn: int) -> None:
    if drawn > 1000:
        raise Enough


def speak(pipeline: Pipeline, count: int, beams: int, hz: float = 110.0) -> list[Take]:
    cast = [Voice(f"S{n}", Audio(tone(hz + 40 * n, REFERENCE_SECONDS, 22050), 22050)) for n in range(2)]
    lines = seed_lines([Line(n, f"S{n % 2}", TEXT, n + 1, cast[n % 2]) for n in range(count)], seed=1)
    return list(pipeline.speak(lines, SpeakOptions(max_codes=250, num_beams=beams)))


def codes_of(takes: list[Take]) -> list[list[int]]:
    return [part.tolist() for take in takes for part in take.codes]


@pytest.fixture(scope="module")
def expected(full: Pipeline) -> list[list[int]]:
    """The codes of a dialogue without limits."""
    return codes_of(speak(full, 16, 3))


@pytest.mark.parametrize("gib", [8, 6, 4])
def test_a_dialogue_fits_and_says_the_same(full, balloon, expected, gib):
    full.release()
    settle()
    balloon.leave(gib * GIB)
    check_dialogue(full, expected, gib)
    balloon.leave(None)


def test_a_dialogue_in_low_memory_mode_fits_3_gib(full, released, balloon, expected):
    """Loaded inside them. The whole pipeline is gone before: this test is the last."""
    full.release()
    full.modules.to("cpu")
    settle()
    balloon.leave(3 * GIB)
    check_dialogue(load(released, low_memory=True), expected, 3)


def check_dialogue(pipeline: Pipeline, expected: list[list[int]], gib: int) -> None:
    """And a voice is heard that was not heard before, beside the dialogue's cache."""
    assert codes_of(speak(pipeline, 16, 3)) == expected
    assert len(speak(pipeline, 1, 1, hz=300.0 + gib)) == 1
    assert torch.cuda.max_memory_reserved() <= gib * GIB
