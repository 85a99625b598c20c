"""The plain decoder against the golden figures, on a model of whatever size the folder holds."""

import pytest
import torch
from indextts2_multitalk.accel.sampling import SamplingParams
from indextts2_multitalk.accel.sequence import Request
from indextts2_multitalk.indextts.config import GPTConfig
from indextts2_multitalk.indextts.gpt.decode import PlainDecoder
from indextts2_multitalk.indextts.gpt.latents import latent_pass
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice, rename
from indextts2_multitalk.indextts.gpt.prompt import build_prompt, penalised_from_the_start

HEAD_GAIN = 4
"""The golden run multiplied the head's weight by this before it generated, so that choices have clear margins."""

GREEDY = {"do_sample": False, "num_beams": 1}
SEARCHES = {
    "greedy": {**GREEDY, "repetition_penalty": 1.0},
    "greedy_repetition_penalty": {**GREEDY, "repetition_penalty": 10.0},
    "beam3": {"do_sample": False, "num_beams": 3, "repetition_penalty": 10.0},
}


@pytest.fixture(scope="module")
def figures(goldens):
    return goldens.npz("gpt")


@pytest.fixture(scope="module")
def model(goldens) -> UnifiedVoice:
    config = GPTConfig.model_validate(goldens.config["gpt"])
    with torch.device("meta"):
        model = UnifiedVoice(config)
    model.load_state_dict(rename(goldens.state("gpt")), strict=True, assign=True)
    return model.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def loud_model(goldens, model) -> UnifiedVoice:
    state = model.state_dict()
    with torch.device("meta"):
        loud = UnifiedVoice(model.config)
    loud.load_state_dict({**state, "mel_head.weight": state["mel_head.weight"] * HEAD_GAIN}, strict=True, assign=True)
    return loud.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def prompt(model, figures) -> torch.Tensor:
    return build_prompt(model, figures["conditioning"][0], figures["emovec_merged"][0], figures["text"][0].tolist())


def test_prompt(prompt, model, figures, close):
    close(prompt[None, :-1], figures["prompt_embeds"], 1e-4)
    start = torch.tensor(model.config.start_mel_token)
    close(prompt[-1], model.embed_codes(start, torch.tensor(0)), 0)


def test_prefill_logits(prompt, loud_model, figures, close):
    close(loud_model.mel_head(loud_model(prompt[None]))[:, -1], figures["prefill_logits"], 1e-4)


@pytest.mark.parametrize("name", SEARCHES)
def test_codes(name, prompt, loud_model, figures):
    expected = figures[name][0]
    request = Request(
        prompt, 0, SamplingParams(**SEARCHES[name]), len(expected), penalised_from_the_start(loud_model.config)
    )
    (answer,) = PlainDecoder(loud_model).generate([request])
    stop = (expected == loud_model.config.stop_mel_token).nonzero()
    assert answer.tokens.tolist() == expected[: int(stop[0]) if len(stop) else None].tolist()
    assert answer.finished == bool(len(stop))


def test_latents(prompt, model, figures, close):
    codes = figures["greedy"][0, : figures["latent"].shape[1]]
    (latents,) = latent_pass(model, [prompt], [codes])
    close(latents[None], figures["latent"], 1e-4)
