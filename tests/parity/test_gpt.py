"""The plain decoder against the golden figures, on a model of whatever size the folder holds."""

import pytest
import torch
from helpers.golden_gpt import (
    HEAD_GAIN,
    LONG_CUT,
    LONG_SEARCHES,
    SEARCHES,
    check_codes,
    golden_prompt,
    golden_request,
    golden_voice,
)
from helpers.golden_voice import golden_style, golden_table, whole_figures
from indextts2_multitalk.accel.engine import Engine
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder

LANGUAGE_ROWS = {"en": 0, "ja": 7, "es": 3, "ar": 13, "zhen": 105}
"""In the table of released languages; what is not in it is the common row."""


@pytest.fixture(scope="module")
def figures(goldens):
    return whole_figures(goldens, goldens.npz("gpt"))


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


@pytest.mark.parametrize("language", LANGUAGE_ROWS)
def test_prefill_logits_in_other_languages(goldens, loud_model, figures, close, language):
    if goldens.version == "2.0":
        assert f"prefill_logits_{language}" not in figures
        return
    hidden = loud_model(golden_prompt(loud_model, figures, LANGUAGE_ROWS[language])[None])
    close(loud_model.mel_head(hidden)[:, -1], figures[f"prefill_logits_{language}"], 1e-4)


def test_prefill_logits_with_an_emotion_of_eight_weights(goldens, loud_model, figures, close):
    if goldens.version == "2.0":
        assert "prefill_logits_mixed_emotion" not in figures
        return
    weights, table = goldens.npz("emotion")["weights"].tolist(), golden_table(goldens)
    emotion = table.blend_emotions(tuple(weights), golden_style(goldens)[0], figures["emovec_merged"][0])
    hidden = loud_model(golden_prompt(loud_model, figures, emotion=emotion)[None])
    close(loud_model.mel_head(hidden)[:, -1], figures["prefill_logits_mixed_emotion"], 1e-4)


@pytest.mark.parametrize("name", SEARCHES)
def test_codes(name, loud_model, figures):
    (answer,) = PlainDecoder(loud_model).generate([golden_request(name, loud_model, figures)])
    check_codes(answer, figures[name][0], loud_model.config.stop_mel_token)


@pytest.mark.parametrize("name", LONG_SEARCHES)
def test_long_codes(goldens, name, figures):
    if goldens.version == "2.0":
        assert name not in figures
        return
    model = golden_voice(goldens, HEAD_GAIN, LONG_CUT)
    requests = [golden_request(name, model, figures)] * 2
    for decoder in (PlainDecoder(model), Engine(model.decoder_weights())):
        for answer in decoder.generate(requests):
            check_codes(answer, figures[name][0], model.config.stop_mel_token)


def test_latents(goldens, model, figures, close):
    if goldens.version == "2.5":
        assert "latent" not in figures
        return
    codes = figures["greedy"][0, : figures["latent"].shape[1]]
    (latents,) = latent_pass(model, [golden_prompt(model, figures)], [codes])
    close(latents[None], figures["latent"], 1e-4)
