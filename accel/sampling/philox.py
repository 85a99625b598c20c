"""Random numbers as a pure function of (seed, step, index): Philox4x32-10 in integer tensor operations.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). A draw depends on nothing but its own three
numbers, so batch order, batch size and device do not change it.

Mapping, the same as Triton's `tl.philox` with 32-bit counters:

    key      k0 = seed & 0xffffffff, k1 = seed >> 32 (the seed as 64 bits)
    counter  c0 = index, c1 = step, c2 = c3 = 0
    output   word 0; as int32 x: u = float32(x if x >= 0 else ~x) * float32(4.6566127342e-10), in [0, 1)

In a kernel: `w, _, _, _ = tl.philox(seed, index_u32, step_u32, zero_u32, zero_u32)` and then `uint_to_uniform_float(w)`
of `triton.language.random`. `index` is the token's id, or beam * vocabulary + id where beams compete.
"""

import numpy as np
import torch

_MASK = 0xFFFFFFFF
_ROUND_A, _ROUND_B = 0xD2511F53, 0xCD9E8D57
_KEY_A, _KEY_B = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_SCALE = 4.6566127342e-10
_KEY_STEPS = np.arange(_ROUNDS, dtype=np.int64)[:, None] * np.array((_KEY_B, _KEY_A), dtype=np.int64)
SMALLEST_UNIFORM = 2.0**-32
"""What a uniform of exactly 0 counts as, so that its logarithm stays finite."""

Words = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def signed_seed(seed: int) -> int:
    """The 64 bits of `seed` as a number that fits int64. Raises `ValueError` outside -2**63..2**64-1."""
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed {seed} does not fit 64 bits; use a seed from 0 to {2**64 - 1}")
    return seed - 2**64 if seed >= 2**63 else seed


def philox(counter: Words, key: tuple[torch.Tensor, torch.Tensor]) -> Words:
    """Ten rounds of Philox4x32. All words are int64 tensors holding 0..2**32-1, broadcast against each other."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for number in range(_ROUNDS):
        # int64 products wrap around modulo 2**64; the shift is arithmetic, so the mask removes the sign's copies.
        a, b = c0 * _ROUND_A, c2 * _ROUND_B
        key_0, key_1 = (k0 + number * _KEY_A) & _MASK, (k1 + number * _KEY_B) & _MASK
        c0, c1 = ((b >> 32) & _MASK) ^ c1 ^ key_0, b & _MASK
        c2, c3 = ((a >> 32) & _MASK) ^ c3 ^ key_1, a & _MASK
    return c0, c1, c2, c3


def first_word(seeds: np.ndarray, steps: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Word 0 of `philox` in numpy, whose small operations take a third of torch's time. int64 arrays that broadcast.

    Words 0 and 2 lie in one array, 1 and 3 in another, so that a round is one product and what follows.
    """
    shape = np.broadcast_shapes(seeds.shape, steps.shape, indices.shape)
    even, odd = np.zeros((2, 2, *shape), dtype=np.int64)
    even[0], odd[1] = indices, steps
    ones = [1] * len(shape)
    factors = np.array((_ROUND_A, _ROUND_B), dtype=np.int64).reshape(2, *ones)
    seeds = seeds.reshape(ones[seeds.ndim :] + list(seeds.shape))
    for key in np.stack((seeds >> 32, seeds)) + _KEY_STEPS.reshape(_ROUNDS, 2, *ones):
        product = even * factors
        # What lies above 32 bits of keys and odd words goes here.
        even, odd = (((product >> 32) ^ odd ^ key) & _MASK)[::-1], product
    word: np.ndarray = even[0]
    return word


def uniform_numbers(seeds: torch.Tensor, steps: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """float32 in [0, 1) for each (seed, step, index): int64 tensors of any shapes that broadcast."""
    if indices.device.type == "cpu":
        word = torch.from_numpy(first_word(seeds.numpy(), steps.numpy(), indices.numpy()))
    else:
        zero = torch.zeros_like(indices)
        word = philox((indices, steps, zero, zero), (seeds & _MASK, (seeds >> 32) & _MASK))[0]
    return torch.minimum(word, _MASK - word).to(torch.float32) * _SCALE


def gumbel_noise(seeds: torch.Tensor, steps: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Standard Gumbel noise, float32: -log(-log(u)). Adding it to log-probabilities and taking the largest samples."""
    return uniform_numbers(seeds, steps, indices).clamp_min_(SMALLEST_UNIFORM).log_().neg_().log_().neg_()
