"""A waveform that is no sound is told with its line."""

from types import SimpleNamespace

import pytest
import torch
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.records import Codes, Line
from indextts2_multitalk.indextts.take_assembler import TakeAssembler


@pytest.mark.parametrize("sample", [float("nan"), float("inf")])
def test_samples_that_are_no_numbers(sample: float) -> None:
    text = SimpleNamespace(segments=[[1]], unknown=(), normalized="hi")
    assembler = TakeAssembler([Line(0, "Anna", "hi", source_line=3)], [text], 0.2)
    wave = torch.zeros(1, 100)
    wave[0, 7] = sample
    with pytest.raises(CheckpointError, match=r"line 3 \(Anna\): got 1 of 100 samples that are NaN or infinite"):
        assembler.put(0, 0, wave, Codes(torch.zeros(4, dtype=torch.int64), torch.zeros(4, 8)))
