"""Requests and engine options for random schedules over the tiny decoder."""

from dataclasses import replace

from helpers.tiny_decoder import random_prompt, tiny_weights
from hypothesis import strategies as st
from indextts2_multitalk.accel.engine import EngineOptions
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.sampling.params import SamplingParams

LIMIT = tiny_weights().max_tokens
SAMPLED = SamplingParams(num_beams=1, temperature=1.0, top_k=8, top_p=0.9, repetition_penalty=1.2)
SETTINGS = [
    SAMPLED,
    replace(SAMPLED, do_sample=False),
    replace(SAMPLED, num_beams=3),
    replace(SAMPLED, num_beams=2, do_sample=False, length_penalty=1.0),
]


def build(rows: int, seed: int, tokens: int, sampling: SamplingParams) -> Request:
    return Request(random_prompt(rows, seed), seed, sampling, tokens, history=(1, 2))


requests = st.lists(
    st.builds(build, st.integers(1, 11), st.integers(0, 5), st.integers(1, LIMIT), st.sampled_from(SETTINGS)),
    min_size=1,
    max_size=7,
)
options = st.builds(
    EngineOptions,
    max_lanes=st.integers(1, 5),
    expected_tokens=st.sampled_from([None, 1, 10]),
    page_size=st.sampled_from([2, 4, 16]),
    poll_steps=st.integers(1, 5),
    readbacks_behind=st.integers(0, 2),
    prompt_rows=st.sampled_from([1, 12, 1000]),
)
