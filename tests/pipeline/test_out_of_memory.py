"""A device that refuses memory, wherever and however often: the takes are the same, and nothing is left behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.engine import RunLimits
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner
from indextts2_multitalk.accel.state import DecodeState
from indextts2_multitalk.indextts import rendering
from indextts2_multitalk.indextts.errors import OutOfMemory
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Emotion

SITES: dict[str, tuple[Callable[[Pipeline], Any], str]] = {
    "a voice": (lambda pipeline: pipeline.modules.semantic, "encode_features"),
    "the cache": (lambda _: PagedCache, "allocate"),
    "the state": (lambda _: DecodeState, "allocate"),
    "a prefill": (lambda _: TorchRunner, "prefill"),
    "a step": (lambda _: TorchRunner, "run_steps"),
    "the latent pass": (lambda _: rendering, "latent_pass"),
    "the flow": (lambda pipeline: pipeline.modules.s2mel, "solve_flow"),
    "the vocoder": (lambda pipeline: pipeline._renderer._vocoder, "generate_waveforms"),
}
RETRIED = ("the latent pass", "the flow", "the vocoder")


@contextmanager
def refusing(pipeline: Pipeline, site: str, refuse: Callable[[int], bool]) -> Iterator[list[int]]:
    """The calls of `site` that `refuse` says so of raise; calls are counted from 0."""
    find, name = SITES[site]
    holder, calls = find(pipeline), []
    real = getattr(holder, name)

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(len(calls))
        if refuse(calls[-1]):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate a test")
        return real(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holder, name, staticmethod(call) if isinstance(holder, type) and name == "allocate" else call)
        yield calls


@pytest.fixture(scope="module")
def engine_pipeline(released_folder) -> Pipeline:
    return Pipeline.load(released_folder, LoadOptions(device="cpu", use_accel=True))


def speak(pipeline: Pipeline, lines, options) -> list:
    """From nothing: no voice is known, no cache is there."""
    pipeline.release()
    return list(pipeline.speak(lines, options))


def check_same(takes, expected) -> None:
    assert [take.line.index for take in takes] == [take.line.index for take in expected]
    for take, other in zip(takes, expected, strict=True):
        assert [c.tolist() for c in take.codes] == [c.tolist() for c in other.codes]
        torch.testing.assert_close(take.waveform, other.waveform, atol=2e-3, rtol=0)


def check_clean(pipeline: Pipeline) -> None:
    decoder = pipeline._get_decoding(pipeline.report()).decoder
    allocator = decoder._pool.allocator
    assert allocator.free_pages == allocator.total_pages
    assert not decoder._busy


@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize("site", SITES)
def test_refused_once_anywhere_the_takes_are_the_same(engine_pipeline, lines, options, site, call):
    expected = speak(engine_pipeline, lines, options)
    with refusing(engine_pipeline, site, lambda number: number == call) as calls:
        takes = speak(engine_pipeline, lines, options)
    check_same(takes, expected)
    check_clean(engine_pipeline)
    if len(calls) > call:
        assert engine_pipeline.report().cuts
        assert "cut to the memory there is" in engine_pipeline.report().to_text()
    check_same(list(engine_pipeline.speak(lines, options)), expected)
    assert not engine_pipeline.report().cuts, "the next run is not short of anything"


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("site", RETRIED[:2])
def test_batches_of_one_or_two_say_the_same(engine_pipeline, lines, options, site, most, monkeypatch):
    expected = speak(engine_pipeline, lines, options)
    find, name = SITES[site]
    holder = find(engine_pipeline)
    real, sizes = getattr(holder, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        sizes.append(len(arguments[1] if site == "the latent pass" else arguments[0]))
        if sizes[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*arguments, **named)

    monkeypatch.setattr(holder, name, call)
    check_same(speak(engine_pipeline, lines, options), expected)
    assert max(sizes) == 3 and sizes[-1] <= most


@pytest.mark.parametrize("site", SITES)
def test_refused_forever_the_error_says_what_to_lower_and_the_engine_lives(engine_pipeline, lines, options, site):
    expected = speak(engine_pipeline, lines, options)
    with refusing(engine_pipeline, site, lambda _: True), pytest.raises(OutOfMemory, match="speak fewer or shorter"):
        speak(engine_pipeline, lines, options)
    check_clean(engine_pipeline)
    check_same(speak(engine_pipeline, lines, options), expected)


def test_lines_spoken_before_memory_ran_out_are_not_lost(engine_pipeline, lines, options):
    engine_pipeline.release()
    takes = engine_pipeline.speak(lines, replace(options, flow_batch=1))
    got = []
    with refusing(engine_pipeline, "the flow", lambda number: number >= 2), pytest.raises(OutOfMemory):
        got += collect(takes, got)
    assert [take.line.index for take in got] == list(range(len(got))), "in order, as far as they were ready"
    check_clean(engine_pipeline)


def collect(takes: Iterator[Any], got: list[Any]) -> list[Any]:
    """What `takes` still gives; `got` has it also where it raises."""
    for take in takes:
        got.append(take)
    return []


def test_where_the_flow_finds_no_room_the_decoder_gives_up_its_own(engine_pipeline, lines, options, monkeypatch):
    """What is ready is rendered; lines that were being decoded are decoded anew, to the same codes."""
    one_by_one = replace(options, flow_batch=1)
    expected = speak(engine_pipeline, lines, one_by_one)
    solve, refused = engine_pipeline.modules.s2mel.solve_flow, []

    def solve_without_cache(*arguments: Any, **named: Any) -> Any:
        decoding = engine_pipeline._decoding
        if decoding is not None and decoding.decoder.cache_bytes:
            refused.append(decoding)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return solve(*arguments, **named)

    monkeypatch.setattr(engine_pipeline.modules.s2mel, "solve_flow", solve_without_cache)
    check_same(speak(engine_pipeline, lines, one_by_one), expected)
    assert len(refused) > 3, "the first segment is refused with graphs too, every one beside the cache"
    assert any("decoded anew" in cut for cut in engine_pipeline.report().cuts)


def test_the_plain_loop_starts_over_where_it_was_interrupted(released_folder, lines, options):
    pipeline = Pipeline.load(released_folder, LoadOptions(device="cpu", use_accel=False))
    expected = speak(pipeline, lines, options)
    generate, asked = PlainDecoder.generate, []

    def generate_then_fail(decoder: PlainDecoder, requests: Any, on_poll: Any = None) -> Any:
        asked.append(len(requests))
        for number, answer in enumerate(generate(decoder, requests, on_poll)):
            if len(asked) == 1 and number == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainDecoder, "generate", generate_then_fail)
        check_same(speak(pipeline, lines, options), expected)
    assert asked == [3, 2], "what was answered is not decoded again"


def test_emotions_are_read_on_the_cpu_where_the_reader_does_not_fit(engine_pipeline, lines, options, monkeypatch):
    reader = engine_pipeline.modules.text_emotion
    monkeypatch.setattr(reader, "device", torch.device("meta"))
    monkeypatch.setattr(reader, "_home", torch.device("meta"))

    def ask(text: str) -> str:
        reader._asked = True
        if reader.device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return '{"高兴": 0.6}'

    monkeypatch.setattr(reader, "_ask_model", ask)
    glad = [replace(line, emotion=Emotion("text", text=line.text)) for line in lines]
    assert len(speak(engine_pipeline, glad, options)) == len(lines)
    assert "emotions are read from text on the CPU" in engine_pipeline.report().to_text()


@pytest.mark.parametrize("words", ["CUBLAS_STATUS_ALLOC_FAILED", "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"])
def test_what_a_library_says_reaches_nobody_raw(engine_pipeline, lines, options, words, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(words)

    monkeypatch.setattr(engine_pipeline.modules.s2mel, "solve_flow", fail)
    with pytest.raises(OutOfMemory, match=f"{words}.*speak fewer"):
        speak(engine_pipeline, lines, options)


def test_encoders_leave_where_too_few_lines_would_be_decoded_at_once(engine_pipeline, lines, options, monkeypatch):
    expected, asked, turns = speak(engine_pipeline, lines, options), [], []

    def limit_to_one_line(*arguments: Any) -> RunLimits:
        asked.append(arguments)
        return RunLimits(max_lanes=1)

    monkeypatch.setattr(engine_pipeline._budget, "limit_decoding", limit_to_one_line)
    monkeypatch.setattr(engine_pipeline, "_take_turns", lambda: turns.append("taken") is None)
    check_same(speak(engine_pipeline, lines, options), expected)
    assert turns == ["taken"] and len(asked) == 2, "asked again once there is more room"
