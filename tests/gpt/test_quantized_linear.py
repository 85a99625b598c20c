"""The GPT in 8 bits: one copy of its layers for every path, and nearly the same codes."""

import copy

import pytest
import torch
from helpers.tiny_gpt import random_prompt, tiny_voice
from indextts2_multitalk.accel import quantization
from indextts2_multitalk.accel.engine import Engine
from indextts2_multitalk.accel.quantization import dequantize_rows, linear_int8, quantize_rows
from indextts2_multitalk.accel.request import Request
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder
from indextts2_multitalk.indextts.gpt.quantized_linear import QuantizedLinear, count_saved_bytes, quantize_layers
from indextts2_multitalk.indextts.offload import move_weights


def halves(model: UnifiedVoice) -> tuple[UnifiedVoice, UnifiedVoice]:
    """The model, and a copy in 8 bits."""
    small = copy.deepcopy(model)
    quantize_layers(small)
    return model, small


def test_a_row_is_its_numbers_times_its_scale():
    weight = torch.randn(5, 48, generator=torch.Generator().manual_seed(0))
    weight[3] = 0
    small, scales = quantize_rows(weight)
    assert small.dtype is torch.int8
    assert small.abs().amax(dim=1).tolist() == [127, 127, 127, 0, 127]
    for dtype in (torch.float32, torch.float16):
        apart = (dequantize_rows(small, scales, dtype).float() - weight).abs()
        assert bool((apart <= scales[:, None] * 0.51 + 1e-6 + (0 if dtype is torch.float32 else 2e-3)).all())


@pytest.mark.parametrize("rows", [(1,), (3,), (2, 7)])
@torch.inference_mode()
def test_whole_numbers_are_the_same_products(rows, monkeypatch):
    """Through torch's own loop where the processor has no faster one."""
    x, bias = torch.randn(*rows, 1280, generator=torch.Generator().manual_seed(0)), torch.randn(24)
    x[0] *= 50
    x.view(-1, 1280)[-1, 5] = 40
    weight, scales = quantize_rows(torch.randn(24, 1280, generator=torch.Generator().manual_seed(1)))
    monkeypatch.setattr(quantization, "multiplies_int8", lambda: True)
    found = linear_int8(x, weight, scales, bias)
    expected = torch.nn.functional.linear(x, dequantize_rows(weight, scales, torch.float32), bias)
    assert found.shape == expected.shape
    assert ((found - expected).norm() / expected.norm()).item() < 1e-4
    for row, one in zip(x.view(-1, 1280), found.view(-1, 24), strict=True):
        assert torch.equal(linear_int8(row[None], weight, scales, bias)[0], one), "whatever else is multiplied"
    assert torch.equal(linear_int8(torch.zeros(1, 1280), weight, scales, bias)[0], bias)


def test_all_matrices_of_the_layers_and_nothing_else():
    _, model = halves(tiny_voice())
    found = {name for name, module in model.named_modules() if isinstance(module, QuantizedLinear)}
    layers = range(model.config.layers)
    parts = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    assert found == {f"gpt.h.{layer}.{part}" for layer in layers for part in parts}
    assert model.mel_head.weight.is_floating_point()
    weights = model.decoder_weights()
    assert weights.quantized
    assert weights.layers[0].qkv_weight is model.gpt.h[0].attn.c_attn.weight
    assert weights.layers[0].proj_scales is model.gpt.h[0].mlp.c_proj.scales


def test_they_move_with_the_model_and_are_counted():
    model, small = halves(tiny_voice())
    whole, less = (sum(p.nbytes for p in each.parameters()) for each in (model, small))
    assert whole - less == count_saved_bytes(model.config, itemsize=4)
    kept = {name: tensor.clone() for name, tensor in small.state_dict().items()}
    assert {kept[f"gpt.h.0.attn.c_attn.{part}"].dtype for part in ("weight", "scales")} == {torch.int8, torch.float32}
    move_weights(small, torch.device("meta"))
    assert all(tensor.is_meta for tensor in small.state_dict().values())


@pytest.mark.parametrize("beams", [1, 3])
def test_engine_and_plain_loop_draw_the_same(beams):
    _, model = halves(tiny_voice())
    sampling = SamplingParams(num_beams=beams)
    todo = [Request(random_prompt(model, 6 + i, i), i, sampling, 30) for i in range(2)]
    engine, plain = (
        {answer.index: answer.tokens.tolist() for answer in decoder.generate(todo)}
        for decoder in (Engine(model.decoder_weights()), PlainDecoder(model))
    )
    assert engine == plain


def test_seeded_weights_stay_near():
    """As wide as the demonstration voice, its size of weights; the bar of the released size, too."""
    model, small = halves(
        tiny_voice(
            scale=0.02,
            model_dim=192,
            heads=3,
            layers=4,
            number_mel_codes=300,
            start_mel_token=298,
            stop_mel_token=299,
            max_mel_tokens=500,
        )
    )
    codes = torch.randint(0, 298, (400,), generator=torch.Generator().manual_seed(1))
    exact, near = (logits(each, random_prompt(each, 20, 0), codes) for each in (model, small))
    assert ((near - exact).norm() / exact.norm()).item() <= 3e-2
    assert (near.argmax(-1) == exact.argmax(-1)).float().mean().item() >= 0.95


def logits(model: UnifiedVoice, prompt: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    """Teacher-forced [T, V]."""
    with torch.inference_mode():
        return model.mel_head(latent_pass(model, [prompt], [codes])[0])
