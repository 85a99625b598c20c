"""Low-memory mode on a machine without a second device: `meta` stands in for it."""

from dataclasses import replace

import torch
from indextts2_multitalk.indextts.memory_budget import MARGIN_BYTES
from indextts2_multitalk.indextts.memory_costs import estimate_run_bytes
from indextts2_multitalk.indextts.offload import ENCODERS, GENERATORS, Alternate, count_resident_bytes
from indextts2_multitalk.indextts.options import LoadOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from torch import nn

DEVICE = torch.device("meta")
ALWAYS = ("codec", "emotions", "s2mel")


def names_on_device(modules: nn.Module) -> set[str]:
    return {name for name, module in modules.named_children() if next(module.parameters()).device == DEVICE}


class Models(nn.Module):
    """A module for every part, all of them tiny."""

    def __init__(self) -> None:
        super().__init__()
        for name in (*ENCODERS, *GENERATORS, *ALWAYS):
            setattr(self, name, nn.Linear(2, 2))


def test_what_both_groups_need_stays_and_the_groups_take_turns():
    modules = Models()
    left: list[set[str]] = []
    offload = Alternate(modules, DEVICE, lambda: left.append(names_on_device(modules)))
    assert names_on_device(modules) == set(ALWAYS)
    for parameter in (p for name in (*ENCODERS, *GENERATORS) for p in getattr(modules, name).parameters()):
        assert parameter.device.type == "cpu"
    offload.load_encoders()
    assert names_on_device(modules) == {*ALWAYS, *ENCODERS}
    offload.load_encoders()
    assert len(left) == 1


def test_low_memory_says_the_same(released_folder, lines, options):
    said = []
    for low_memory in (False, True):
        pipeline = Pipeline.load(released_folder, LoadOptions(device="cpu", low_memory=low_memory))
        said.append([take.waveform for take in pipeline.speak(lines, replace(options, flow_batch=2))])
    for usual, low in zip(*said, strict=True):
        torch.testing.assert_close(low, usual, atol=1e-4, rtol=0)


def test_in_low_memory_mode_the_cache_is_gone_before_the_last_lines_are_rendered(released_folder, lines, options):
    pipeline = Pipeline.load(released_folder, LoadOptions(device="cpu", low_memory=True))
    held, flow = [], pipeline.modules.s2mel.generate_mels
    pool = pipeline._get_decoding(pipeline.report()).decoder._pool

    def generate(*arguments):
        held.append(pool.cache_bytes)
        return flow(*arguments)

    pipeline.modules.s2mel.generate_mels = generate
    assert len(list(pipeline.speak(lines, replace(options, flow_batch=2)))) == 3
    assert held[0] > 0
    assert held[-1] == 0


def test_a_run_asks_for_what_it_takes_in_the_room_there_is(released_folder, lines, options, monkeypatch):
    """Also while the weights wait elsewhere, and in low-memory mode beside those that are there at once."""
    for low_memory in (False, True):
        pipeline = Pipeline.load(released_folder, LoadOptions(device="cpu", low_memory=low_memory))
        weights = count_resident_bytes(pipeline.modules, low_memory)
        needed = estimate_run_bytes(pipeline._budget.costs, lines * 40, options)
        memory = pipeline._budget.memory
        assert pipeline.memory_required(lines * 40, options) == needed.whole
        monkeypatch.setattr(type(memory), "total_bytes", weights + MARGIN_BYTES + 10 * needed.whole)
        for free, asked in (
            (2 * needed.whole, needed.whole),
            (needed.whole - 1, needed.whole - 1),
            (needed.batch // 2, needed.batch),
        ):
            monkeypatch.setattr(type(memory), "free_bytes", MARGIN_BYTES + free)
            assert pipeline.memory_required(lines * 40, options) == asked
        pipeline.modules.to("meta")
        monkeypatch.setattr(type(memory), "free_bytes", weights + MARGIN_BYTES + needed.whole - 1)
        assert pipeline.memory_required(lines * 40, options) == needed.whole - 1, "weights that come take room"
        monkeypatch.setattr(type(memory), "total_bytes", weights + MARGIN_BYTES + 5)
        assert pipeline.memory_required(lines * 40, options) == 5, "never more than the whole card has"
        assert memory.device.type == "cpu", "where they will run counts, not where they wait"
        monkeypatch.undo()


def test_in_low_memory_mode_the_smaller_group_is_elsewhere():
    sizes = {"gpt": 8, "vocoder": 1, "semantic": 4, "voice_encoder": 1, "campplus": 1, "s2mel": 2}
    models = nn.ModuleDict({name: nn.Linear(size, 1, bias=False) for name, size in sizes.items()})
    assert count_resident_bytes(models, low_memory=False) == 4 * 17
    assert count_resident_bytes(models, low_memory=True) == 4 * 11
