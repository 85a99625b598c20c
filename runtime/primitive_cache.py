"""oneDNN's cache of compiled products and convolutions on a CPU: one for each shape, kept for the process's life."""

import os

NAME = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
CAPACITY = "128"
"""Of 1024. A waveform of a new length is some 60 new shapes, 0.3 MB each; a flow's steps share theirs, so that a line
needs fewer at a time than are kept. 50 lines of different lengths: 300 MB less."""


def bound_primitive_cache() -> None:
    """Have oneDNN keep fewer, where nobody has chosen a number and it has not begun. It has no other switch."""
    os.environ.setdefault(NAME, CAPACITY)
