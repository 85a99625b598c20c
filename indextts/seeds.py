"""Where each line's random numbers come from: its own text and the user's seed, never its neighbors."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .records import Line

SEED_BITS = 63


def seed_lines(lines: Sequence[Line], seed: int) -> list[Line]:
    """Give every line a seed from (seed, speaker, text, how often that was said before).

    Inserting, deleting or editing a line leaves the others' seeds, and so their takes, as they were. A line with a
    `fixed_seed` has the same seed wherever it stands, whatever `seed` is.
    """
    said: Counter[tuple[str, str]] = Counter()
    seeded = []
    for line in lines:
        occurrence = said[line.speaker, line.text]
        said[line.speaker, line.text] += 1
        parts = (seed, line.speaker, line.text, occurrence) if line.fixed_seed is None else (line.fixed_seed,)
        seeded.append(replace(line, seed=mix_seed(*parts)))
    return seeded


def mix_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on every part and on nothing else."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> (64 - SEED_BITS)
