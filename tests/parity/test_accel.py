"""The engine against the golden figures and against the plain decoder, in float32, whoever else is in the batch."""

import copy

import pytest
import torch
from helpers.golden_gpt import HEAD_GAIN, SEARCHES, check_codes, golden_prompt, golden_request, golden_voice
from helpers.golden_voice import whole_figures
from indextts2_multitalk.accel.attention.sdpa import SdpaAttention
from indextts2_multitalk.accel.cache.paged_cache import PagedCache
from indextts2_multitalk.accel.engine import Engine, EngineOptions
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.runners.torch_runner import TorchRunner
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.accel.weights import DecoderWeights
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder
from indextts2_multitalk.indextts.gpt.prompt import initial_penalty_tokens

SAMPLED = SamplingParams(num_beams=1)
BEAM_SAMPLED = SamplingParams(num_beams=3)
DRAWS = 48


@pytest.fixture(scope="module")
def figures(goldens):
    return whole_figures(goldens, goldens.npz("gpt"))


@pytest.fixture(scope="module")
def model(goldens):
    return golden_voice(goldens, HEAD_GAIN)


@pytest.fixture(scope="module")
def engine(model):
    return Engine(model.decoder_weights())


def in_order(decoder, requests):
    return [answer.tokens.tolist() for answer in sorted(decoder.generate(requests), key=lambda a: a.index)]


@pytest.fixture(scope="module")
def neighbours(model, figures):
    """Six other lines: other prompts and lengths, other seeds."""
    prompt = golden_prompt(model, figures)
    history = initial_penalty_tokens(model.config)

    def build(sampling: SamplingParams) -> list[Request]:
        return [Request(prompt[i + 1 :], 100 + i, sampling, DRAWS - 7 * i, history) for i in range(6)]

    return build


@pytest.mark.parametrize("name", SEARCHES)
def test_golden_codes(name, engine, model, figures):
    (answer,) = engine.generate([golden_request(name, model, figures)])
    check_codes(answer, figures[name][0], model.config.stop_mel_token)


@pytest.mark.parametrize("name", SEARCHES)
def test_golden_codes_among_others(name, model, figures, neighbours):
    """The golden line stands last and joins when a lane is free."""
    requests = [*neighbours(SEARCHES[name]), golden_request(name, model, figures)]
    engine = Engine(model.decoder_weights(), EngineOptions(max_lanes=3, page_size=16, poll_steps=4))
    (answer,) = (a for a in engine.generate(requests) if a.index == len(requests) - 1)
    check_codes(answer, figures[name][0], model.config.stop_mel_token)


@pytest.mark.parametrize("sampling", [SAMPLED, BEAM_SAMPLED])
def test_sampled_lines_equal_the_plain_decoder_alone_together_and_late(sampling, engine, model, figures, neighbours):
    line = Request(golden_prompt(model, figures), 7, sampling, DRAWS, initial_penalty_tokens(model.config))
    requests = [line, *neighbours(sampling)]
    expected = in_order(PlainDecoder(model), requests)
    assert in_order(engine, requests) == expected
    assert in_order(engine, [line]) == expected[:1]
    assert in_order(engine, requests[::-1]) == expected[::-1]
    narrow = Engine(model.decoder_weights(), EngineOptions(max_lanes=2, page_size=16, poll_steps=3))
    assert in_order(narrow, requests[::-1]) == expected[::-1]


def test_weights_are_the_models_own(engine, model):
    weights = model.decoder_weights()
    assert weights.head_weight is model.mel_head.weight
    assert weights.layers[0].qkv_weight is model.gpt.h[0].attn.c_attn.weight


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits_stay_close(dtype, model, figures):
    """Teacher-forced: the engine's logits after ever longer parts of the golden codes, against float32."""
    codes = figures["greedy"][0]
    fed = torch.cat((golden_prompt(model, figures), model.embed_codes(codes, torch.arange(2, 2 + len(codes)))))
    prefixes = [fed[: len(fed) - cut] for cut in range(0, len(codes), 5)]
    logits = [_prefill(model.decoder_weights(), prefixes)]
    half = copy.deepcopy(model).to(dtype)
    logits.append(_prefill(half.decoder_weights(), [prefix.to(dtype) for prefix in prefixes]))
    assert (logits[1] - logits[0]).norm() <= 1e-2 * logits[0].norm()


def _prefill(weights: DecoderWeights, prompts: list[torch.Tensor]) -> torch.Tensor:
    """Logits [n, V] after each prompt."""
    rows = sum(map(len, prompts))
    cache = PagedCache.allocate(
        len(weights.layers), rows // 16 + 2, 16, weights.heads, weights.head_dim, weights.dtype, weights.device
    )
    with torch.inference_mode():
        return TorchRunner(weights, cache, SdpaAttention()).prefill(prompts, torch.arange(16, 16 + rows))
