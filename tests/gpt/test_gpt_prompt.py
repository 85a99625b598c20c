"""Prompt assembly: order, positions, what is left out and what is refused."""

import pytest
import torch
from helpers.tiny_gpt import tiny_voice
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.prompt import build_prompt, initial_penalty_tokens


@pytest.fixture(scope="module")
def model():
    return tiny_voice()


def voice(model) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(32, model.config.model_dim), torch.full((model.config.model_dim,), 0.5)


def test_rows_in_order(model):
    prompt = build_prompt(model, *voice(model), [5, 6, 7])
    assert prompt.shape == (32 + 2 + 5 + 1, model.config.model_dim)
    assert torch.equal(prompt[:32], torch.full_like(prompt[:32], 1.5))
    assert torch.equal(prompt[32:34], model.speed_emb.weight[[1, 0]])
    text = model.text_embedding.weight[[0, 5, 6, 7, 1]] + model.text_pos_embedding.emb.weight[:5]
    assert torch.equal(prompt[34:39], text)
    assert torch.equal(prompt[39], model.mel_embedding.weight[38] + model.mel_pos_embedding.emb.weight[0])


def test_start_and_stop_ids_inside_the_text_are_left_out(model):
    assert torch.equal(build_prompt(model, *voice(model), [0, 5, 1, 6]), build_prompt(model, *voice(model), [5, 6]))


def test_too_much_text_says_the_limit(model):
    limit = model.config.max_text_tokens
    assert len(build_prompt(model, *voice(model), [5] * limit)) == 32 + 2 + limit + 2 + 1
    with pytest.raises(ValueError, match=f"got {limit + 1} text tokens, expected at most {limit}"):
        build_prompt(model, *voice(model), [5] * (limit + 1))


def test_a_token_that_the_model_has_not_is_another_models(model):
    most = model.config.number_text_tokens
    build_prompt(model, *voice(model), [most])
    with pytest.raises(
        CheckpointError, match=f"got the text token {most + 1}, expected at most {most}: the vocabulary"
    ):
        build_prompt(model, *voice(model), [most + 1])


def test_several_languages_mark_the_text_alone():
    model = tiny_voice()
    several = UnifiedVoice(model.config, language_rows=3)
    speaker, emotion = torch.ones(1, model.config.model_dim), torch.full((model.config.model_dim,), 0.5)
    first, last = (build_prompt(several, speaker, emotion, [5, 6], row) for row in (0, 2))
    assert not first[1:3].any()
    marks = several.lang_embedding.weight[2] - several.lang_embedding.weight[0]
    difference = torch.zeros_like(first)
    difference[3:7] = marks
    assert torch.allclose(last - first, difference, atol=1e-6)
    for given, row in ((several, None), (several, 3), (several, -1), (model, 0)):
        with pytest.raises(ValueError, match="the language row"):
            build_prompt(given, speaker, emotion, [5], row)


def test_history_is_what_the_released_prompt_stands_for(model):
    assert initial_penalty_tokens(model.config) == (1, model.config.start_mel_token)
