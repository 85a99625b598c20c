"""How long fuzzers look: a few seconds each in every test run; `INDEXTTS_FUZZ=hour pytest tests/fuzz` by hand.

What a fuzzer finds becomes a case beside the other tests of what it found it in.
"""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

settings.register_profile(
    "fuzz-ci",
    max_examples=200,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)
settings.register_profile("fuzz-hour", settings.get_profile("fuzz-ci"), max_examples=50_000, derandomize=False)

PROFILE = settings.get_profile(f"fuzz-{os.environ.get('INDEXTTS_FUZZ', 'ci')}")

ODD = (
    *"[](){}<>:|#*_`&=-–—♪【】（）：「」『』\\@,.!?;…。，！？\"'“”/~^$%+",
    *" \t\n\r\v\f\x00\x07\x1c\x85\u00a0\u200b\u200d\u2028\u2029\u202e\u2060\u3000\ufeff\ufdd0\ufffe\ud83d\udcff\u0301",
    *"aAéß１２½²Ⅻ零一百好é́ñ日本가ا😀",
)
"""Letters and signs that parsers stumble over."""


def fuzz(examples: float = 1.0) -> Callable[[Any], Any]:
    """A decorator for a fuzzer; `examples`: how many of the profile's it takes."""
    return settings(PROFILE, max_examples=max(1, round(PROFILE.max_examples * examples)))


def texts(*pieces: str, most: int = 30) -> st.SearchStrategy[str]:
    """Texts of `pieces`, of odd letters and of any others."""
    piece = st.one_of(st.sampled_from(pieces), st.sampled_from(ODD), st.text(max_size=5), st.integers().map(str))
    return st.lists(piece, max_size=most).map("".join)


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with some bytes changed, left out or put in."""
    result = bytearray(data)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(result)))
        kind = draw(st.sampled_from(("change", "leave out", "put in", "cut")))
        if kind == "put in":
            result[place:place] = draw(st.binary(max_size=8))
        elif kind == "cut":
            del result[place:]
        elif kind == "leave out":
            del result[place : place + draw(st.integers(1, 8))]
        else:
            result[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
    return bytes(result)
