"""The plain decoder against the golden figures, on a model of whatever size the folder holds."""

import pytest
import torch
from helpers.golden_gpt import HEAD_GAIN, SEARCHES, check_codes, golden_prompt, golden_request, golden_voice
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder


@pytest.fixture(scope="module")
def figures(goldens):
    return goldens.npz("gpt")


@pytest.fixture(scope="module")
def model(goldens) -> UnifiedVoice:
    return golden_voice(goldens)


@pytest.fixture(scope="module")
def loud_model(goldens) -> UnifiedVoice:
    return golden_voice(goldens, HEAD_GAIN)


def test_prompt(model, figures, close):
    prompt = golden_prompt(model, figures)
    close(prompt[None, :-1], figures["prompt_embeds"], 1e-4)
    start = torch.tensor(model.config.start_mel_token)
    close(prompt[-1], model.embed_codes(start, torch.tensor(0)), 1e-6)


def test_prefill_logits(loud_model, figures, close):
    hidden = loud_model(golden_prompt(loud_model, figures)[None])
    close(loud_model.mel_head(hidden)[:, -1], figures["prefill_logits"], 1e-4)


@pytest.mark.parametrize("name", SEARCHES)
def test_codes(name, loud_model, figures):
    (answer,) = PlainDecoder(loud_model).generate([golden_request(name, loud_model, figures)])
    check_codes(answer, figures[name][0], loud_model.config.stop_mel_token)


def test_latents(model, figures, close):
    codes = figures["greedy"][0, : figures["latent"].shape[1]]
    (latents,) = latent_pass(model, [golden_prompt(model, figures)], [codes])
    close(latents[None], figures["latent"], 1e-4)
