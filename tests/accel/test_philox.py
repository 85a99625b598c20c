"""The counter-based stream: known answers, Triton's own generator, and no dependence on shapes."""

import os
import subprocess
import sys

import pytest
import torch
from indextts2_multitalk.accel.sampling.philox import first_word, gumbel_noise, philox, signed_seed, uniform_numbers

PI = ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0))
KNOWN = [
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (*PI, (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]
"""Counter, key and output of Philox4x32-10 as the Random123 library's known-answer file has them."""


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_known_answers(counter, key, expected):
    words = philox(tuple(torch.tensor([c]) for c in counter), tuple(torch.tensor([k]) for k in key))
    assert tuple(int(word) for word in words) == expected


SCRIPT = """
import torch, triton, triton.language as tl
from triton.language.random import uint_to_uniform_float

@triton.jit
def kernel(out, seed, step, first, N: tl.constexpr):
    place = tl.arange(0, N)
    index = (place + first).to(tl.uint32)
    zero = index * 0
    word, _, _, _ = tl.philox(seed, index, zero + step.to(tl.uint32), zero, zero)
    tl.store(out + place, uint_to_uniform_float(word))

from indextts2_multitalk.accel.sampling.philox import signed_seed, uniform_numbers
for seed, step, first in [(0, 0, 0), (1234567890123456789, 1799, 8000), (2**64 - 1, 5, 24500), (2**33 + 7, 2**20, 0)]:
    out = torch.full((256,), float("nan"))
    kernel[(1,)](out, signed_seed(seed), step, first, N=256)
    ours = uniform_numbers(torch.tensor([signed_seed(seed)]), torch.tensor([step]), torch.arange(first, first + 256))
    assert torch.equal(out, ours), (seed, step, first)
"""


def test_equals_tritons_generator():
    pytest.importorskip("triton")
    run = [sys.executable, "-c", SCRIPT]
    interpreted = {**os.environ, "TRITON_INTERPRET": "1"}
    result = subprocess.run(run, env=interpreted, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]


def test_a_cpus_way_gives_the_same_words():
    seeds = torch.tensor([[signed_seed(s)] for s in (0, 7, 2**40 + 5, 2**64 - 3)])
    steps, indices = torch.tensor([[0], [1], [1799], [2**31]]), torch.tensor([0, 1, 8193, 24581, 2**32 - 1])
    zero = torch.zeros_like(indices)
    expected = philox((indices, steps, zero, zero), (seeds & 0xFFFFFFFF, (seeds >> 32) & 0xFFFFFFFF))[0]
    assert torch.equal(torch.from_numpy(first_word(seeds.numpy(), steps.numpy(), indices.numpy())), expected)


def test_a_number_depends_on_seed_step_and_index_alone():
    seeds, steps, indices = torch.tensor([[3], [4]]), torch.tensor([[9], [9]]), torch.arange(100)
    together = uniform_numbers(seeds, steps, indices.expand(2, -1))
    assert torch.equal(together[1, 40:50], uniform_numbers(torch.tensor([4]), torch.tensor([9]), indices[40:50]))
    assert not torch.equal(together[0], together[1])


def test_uniforms_are_uniform_and_never_one():
    draws = uniform_numbers(torch.tensor([5]), torch.tensor([0]), torch.arange(200_000))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert (draws.histc(50, 0, 1) / len(draws) - 0.02).abs().max() < 0.002


def test_gumbel_noise_is_finite_even_at_the_ends():
    assert torch.isfinite(gumbel_noise(torch.tensor([5]), torch.tensor([0]), torch.arange(200_000))).all()


def test_seeds_are_64_bits():
    assert [signed_seed(s) for s in (0, 2**63 - 1, 2**63, 2**64 - 1, -1)] == [0, 2**63 - 1, -(2**63), -1, -1]
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="does not fit 64 bits"):
            signed_seed(seed)
