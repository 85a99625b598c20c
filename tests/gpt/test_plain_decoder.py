"""The plain decoder: it is checked against a decoder without any cache, which cannot mix rows up."""

from pathlib import Path

import pytest
import torch
from helpers.tiny_gpt import random_prompt, tiny_voice
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.sampling.params import SamplingParams, SamplingTable
from indextts2_multitalk.accel.sampling.sampler import sample_tokens
from indextts2_multitalk.indextts.gpt.model import IGNORED, UnifiedVoice, rename_gpt_weights
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder
from indextts2_multitalk.indextts.loading.strict import load_strict

SAMPLED = SamplingParams(num_beams=1, temperature=1.2, top_k=10, top_p=0.9, repetition_penalty=1.5)
BEAMS = SamplingParams(num_beams=3, temperature=1.2, top_k=10, top_p=0.9, repetition_penalty=1.5)


@pytest.fixture(scope="module")
def model():
    return tiny_voice(scale=0.3)


def without_cache(model, request):
    """Codes of a line without beams, everything computed again for each."""
    table = SamplingTable.from_params([request.sampling], model.config.number_mel_codes, torch.device("cpu"))
    codes: list[int] = []
    for step in range(request.max_tokens):
        rows = model.embed_codes(torch.tensor(codes, dtype=torch.int64), torch.arange(2, 2 + len(codes)))
        logits = model.mel_head(model(torch.cat((request.prompt, rows))[None])[:, -1])
        seen = torch.zeros_like(logits, dtype=torch.bool)
        seen[:, [*request.history, *codes]] = True
        code = int(sample_tokens(logits, seen, table, torch.tensor([request.seed]), torch.tensor([step])))
        if code == model.config.stop_mel_token:
            break
        codes.append(code)
    return codes


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_decoder_without_a_cache(model, seed):
    request = Request(random_prompt(model, 6, seed), seed, SAMPLED, 25, history=(1, 38))
    (answer,) = PlainDecoder(model).generate([request])
    assert answer.tokens.tolist() == without_cache(model, request)


@pytest.mark.parametrize("sampling", [SAMPLED, BEAMS])
def test_a_line_depends_on_its_seed_and_on_nothing_that_ran_before(model, sampling):
    requests = [Request(random_prompt(model, 6, 0), seed, sampling, 20) for seed in (1, 2, 1)]
    first, other, again = (answer.tokens.tolist() for answer in PlainDecoder(model).generate(requests))
    assert first == again
    assert first != other


@pytest.mark.parametrize("sampling", [SAMPLED, BEAMS, SamplingParams(num_beams=3, do_sample=False)])
def test_runs_to_the_last_position(model, sampling):
    stopless = tiny_voice(scale=0.3)
    stopless.mel_head.bias[stopless.config.stop_mel_token] = -1e4
    limit = stopless.decoder_weights().max_tokens
    assert limit >= stopless.config.max_mel_tokens
    (answer,) = PlainDecoder(stopless).generate([Request(random_prompt(model, 4, 0), 0, sampling, limit)])
    assert (len(answer.tokens), answer.finished) == (limit, False)
    with pytest.raises(ValueError, match=f"max_tokens is {limit + 1}, expected 1..{limit}"):
        next(PlainDecoder(stopless).generate([Request(random_prompt(model, 4, 0), 0, sampling, limit + 1)]))


def test_poll_counts_every_draw_and_can_cancel(model):
    request = Request(random_prompt(model, 4, 0), 0, SAMPLED, 20)
    seen: list[int] = []
    answers = list(PlainDecoder(model).generate([request, request], seen.append))
    drawn = sum(len(answer.tokens) + answer.finished for answer in answers)
    assert seen == list(range(1, drawn + 1))

    def cancel(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(PlainDecoder(model).generate([request], cancel))


def test_caller_is_not_left_in_inference_mode(model):
    answers = PlainDecoder(model).generate([Request(random_prompt(model, 4, 0), 0, SAMPLED, 3)] * 2)
    next(answers)
    assert not torch.is_inference_mode_enabled()


def test_released_blocks_are_transposed_and_unused_tensors_skipped(model):
    released = {
        name: t.t() if name.startswith("gpt.h.") and t.dim() == 2 else t for name, t in model.state_dict().items()
    }
    extras = dict.fromkeys(("text_head.weight", "gpt.wte.weight", "gpt.h.0.attn.bias"), torch.zeros(1))
    loaded = load_strict(
        lambda: UnifiedVoice(model.config),
        released | extras,
        file=Path("gpt.pth"),
        ignored=IGNORED,
        rename=rename_gpt_weights,
    ).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in model.state_dict().items())
    assert all(tensor.is_contiguous() for tensor in loaded.values())
