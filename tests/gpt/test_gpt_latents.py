"""The latent pass: positions, and lines of a batch that do not influence each other."""

import pytest
import torch
from helpers.graphs import stand_in_for_graphs
from helpers.tiny_gpt import random_prompt, tiny_voice
from indextts2_multitalk.indextts.gpt import latent_graphs
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass


def test_a_batch_equals_line_by_line():
    model = tiny_voice()
    prompts = [random_prompt(model, length, length) for length in (3, 9, 5)]
    codes = [torch.arange(n) % 38 for n in (7, 1, 20)]
    together = latent_pass(model, prompts, codes)
    for latents, prompt, line in zip(together, prompts, codes, strict=True):
        (alone,) = latent_pass(model, [prompt], [line])
        assert latents.shape == (len(line), model.config.model_dim)
        torch.testing.assert_close(latents, alone, rtol=1e-5, atol=1e-5)


def test_row_i_sees_codes_before_i_at_positions_without_a_gap():
    model = tiny_voice()
    prompt = random_prompt(model, 4, 0)
    codes = torch.tensor([3, 1, 4, 1, 5])
    (latents,) = latent_pass(model, [prompt], [codes])
    for i in range(len(codes)):
        fed = torch.cat((prompt, model.embed_codes(codes[:i], torch.arange(1, i + 1))))
        torch.testing.assert_close(latents[i], model(fed[None])[0, -1], rtol=1e-5, atol=1e-5)


def test_no_codes_give_no_latents():
    model = tiny_voice()
    assert latent_pass(model, [random_prompt(model, 4, 0)], [torch.zeros(0, dtype=torch.int64)])[0].shape == (0, 32)


def test_the_longest_line_has_positions():
    model = tiny_voice()
    codes = torch.zeros(model.config.max_mel_tokens, dtype=torch.int64)
    assert torch.isfinite(latent_pass(model, [random_prompt(model, 4, 0)], [codes])[0]).all()


@torch.inference_mode()
def test_graphs_serve_all_lengths_of_a_padded_size(monkeypatch):
    """Without a GPU, a "graph" is the work itself."""
    stand_in_for_graphs(monkeypatch)
    monkeypatch.setattr(latent_graphs, "ROUND_POSITIONS", 16)
    model = tiny_voice()
    graphs = latent_graphs.LatentGraphs(model)
    for sizes in ((20,), (7,), (9, 3, 17), (22,), (2, 8)):
        prompts = [random_prompt(model, 4, size) for size in sizes]
        codes = [torch.arange(size) % 38 for size in sizes]
        replayed = latent_pass(model, prompts, codes, graphs.replay)
        for got, expected in zip(replayed, latent_pass(model, prompts, codes), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    assert sorted(graphs._graphs) == [(1, 32), (2, 16), (4, 32)], "a larger one takes the place of those before"
    graphs.release()
    assert not graphs._graphs


def test_on_a_cpu_the_model_runs_eagerly():
    model = tiny_voice()
    embeddings = torch.randn(1, 9, model.config.model_dim)
    torch.testing.assert_close(latent_graphs.LatentGraphs(model)(embeddings), model(embeddings))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@torch.inference_mode()
def test_graphs_agree_with_the_model_on_a_gpu():
    model = tiny_voice().cuda()
    graphs = latent_graphs.LatentGraphs(model)
    for sizes in ((20,), (7,), (9, 3, 17), (20,)):
        prompts = [random_prompt(model, 4, size).cuda() for size in sizes]
        codes = [torch.arange(size) % 38 for size in sizes]
        captured = latent_pass(model, prompts, codes, graphs)
        for got, expected in zip(captured, latent_pass(model, prompts, codes), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
    assert sorted(graphs._graphs) == [(1, 128), (4, 128)]
