"""What training computes in a form of its own is what the pack computes."""

import pytest
import torch
from indextts2_multitalk.indextts.conditioning.features import (
    KaldiFilterBank,
    MelSpectrogram,
    log_energies,
    seamless_features,
    subtract_mean,
)
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.prompt import build_prompt
from indextts2_multitalk.indextts.vocoder.snake import snake_torch as pack_snake
from indextts2_multitalk.s2mel.packing import pack_lines
from indextts2_multitalk.training.acoustics import EDGE22, Acoustics, pitch, semantic_input, style_input
from indextts2_multitalk.training.convolution import as_products
from indextts2_multitalk.training.plan import TOY
from indextts2_multitalk.training.sequence import run_decoder
from indextts2_multitalk.training.sizes import new_gpt, new_s2mel
from indextts2_multitalk.training.snake import snake
from indextts2_multitalk.training.velocity import velocity
from torch import nn

CODES = 60


@pytest.fixture
def noise():
    torch.manual_seed(0)
    return 0.1 * torch.randn(2, CODES * 320 + 240)


def scrambled(module, scale=0.1):
    torch.manual_seed(1)
    for parameter in module.parameters():
        parameter.data = scale * torch.randn_like(parameter)
    return module.eval().requires_grad_(False)


def test_filter_bank_features_of_a_batch(noise):
    energies = Acoustics().energies(noise)
    for row, wav in zip(energies, noise, strict=True):
        alone = KaldiFilterBank()(wav)
        torch.testing.assert_close(row, alone)
        torch.testing.assert_close(semantic_input(row[None]), seamless_features(alone)[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(style_input(row[None])[0], subtract_mean(log_energies(alone)), atol=1e-5, rtol=0)


def test_mel_of_a_batch():
    torch.manual_seed(0)
    wav = 0.1 * torch.randn(40 * 256)
    mirrored = torch.nn.functional.pad(wav[None], (EDGE22, EDGE22), mode="reflect")
    torch.testing.assert_close(Acoustics().mel(mirrored)[0], MelSpectrogram()(wav), atol=1e-5, rtol=0)


@pytest.mark.parametrize("hz", [80.0, 123.0, 250.0, 380.0])
def test_pitch_of_a_harmonic_tone(hz):
    time = torch.arange(CODES * 320 + 240) / 16000
    tone = sum(torch.sin(2 * torch.pi * hz * k * time) / k for k in range(1, 8))
    found, voiced = pitch(0.1 * tone[None])
    assert voiced[0, 2:-2].all()
    torch.testing.assert_close(found[0, 2:-2], torch.full((CODES - 4,), hz), rtol=0.01, atol=0)


def test_noise_has_no_pitch(noise):
    assert pitch(noise)[1].float().mean() < 0.1


def test_snake_and_its_gradients():
    torch.manual_seed(0)
    x, alpha, inverse_beta = torch.randn(2, 5, 37), torch.rand(5) + 0.5, torch.rand(5) + 0.5
    torch.testing.assert_close(snake(x, alpha, inverse_beta), pack_snake(x, alpha, inverse_beta), atol=1e-5, rtol=0)
    inputs = tuple(t.double().requires_grad_() for t in (x[:1, :, :9], alpha, inverse_beta))
    assert torch.autograd.gradcheck(lambda *given: snake(*given).double(), inputs, eps=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv1d(4, 6, 3, padding=1),
        nn.Conv1d(4, 6, 1, bias=False),
        nn.Conv1d(4, 6, 3, dilation=2),
        nn.Conv1d(4, 4, 5, padding=2, groups=4),
    ],
)
def test_convolutions_as_products(layer):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 19)
    theirs = layer(x)
    as_products(layer)
    torch.testing.assert_close(layer(x), theirs)


def test_velocity_of_the_packs_estimator():
    estimator = scrambled(new_s2mel(TOY.config, torch.zeros(80))).cfm.estimator
    frames, width = 40, TOY.config.s2mel.dit.content_dim
    x, prompt = torch.randn(1, frames, 80), torch.randn(1, frames, 80)
    condition, style = torch.randn(1, frames, width), torch.randn(1, 192)
    packing = pack_lines([frames], 2, torch.device("cpu"))
    step = estimator.step_tables([0.36])[0]
    theirs = estimator(x[0], estimator.project_conditions(condition[0], prompt[0], style, packing), step, packing)
    time = torch.tensor([0.36])
    known = velocity(estimator, x, time, condition, prompt, style)
    unknown = velocity(estimator, x, time, 0 * condition, 0 * prompt, 0 * style)
    torch.testing.assert_close(torch.cat((known, unknown)), theirs, atol=1e-4, rtol=1e-4)


def test_hidden_states_of_the_packs_decoder():
    model = scrambled(new_gpt(TOY.config))
    width = TOY.config.gpt.model_dim
    latents, emotion = torch.randn(2, 32, width), torch.randn(2, width)
    texts = [[5, 6, 7], [8, 9, 10, 11, 12]]
    codes = torch.randint(0, 60, (2, 11))
    prompts = [build_prompt(model, latents[i], emotion[i], texts[i]) for i in range(2)]
    theirs = latent_pass(model, prompts, list(codes))
    padded = torch.tensor([[0, 5, 6, 7, 1, 0, 0], [0, 8, 9, 10, 11, 12, 1]])
    ours = run_decoder(model, latents + emotion[:, None], padded, torch.tensor([5, 7]), codes, 1)
    torch.testing.assert_close(ours.codes[:, :-1], torch.stack(theirs), atol=1e-4, rtol=1e-4)
