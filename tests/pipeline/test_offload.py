"""Low-memory mode on a machine without a second device: `meta` stands in for it."""

from dataclasses import replace

import torch
from indextts2_multitalk.indextts.offload import ENCODERS, GENERATORS, Alternate
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
