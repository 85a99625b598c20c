"""A stage runs, stops, resumes and ends."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from indextts2_multitalk.training.gpt_stage import Loudness
from indextts2_multitalk.training.optimizing import optimizer
from indextts2_multitalk.training.plan import TOY
from indextts2_multitalk.training.sizes import demo_config, new_voice_encoder
from indextts2_multitalk.training.stage import (
    Budget,
    Stage,
    begin_again,
    is_done,
    restore,
    run_stage,
)
from torch import nn


class Line1D(Stage):
    """Fits one number to 3."""

    name = "line"

    def __init__(self):
        super().__init__({"number": nn.Linear(1, 1)}, torch.device("cpu"), rate=0.1)

    def update(self, rng, share):
        loss = (self.modules["number"](torch.ones(1, 1)) - 3).square().mean()
        return {"loss": loss.detach(), "norm": self.step(loss)}

    def finish(self):
        return {"found": np.float64(self.modules["number"](torch.ones(1, 1)).item())}


def test_a_stage_ends_annealed_and_is_not_run_again(tmp_path):
    stage = Line1D()
    assert run_stage(stage, tmp_path, Budget(math.inf, 200), math.inf)
    assert stage.optimizers[0].param_groups[0]["lr"] < 0.005
    progress = restore(Line1D(), tmp_path)
    assert progress.steps == 200
    assert abs(progress.figures["found"] - 3) < 0.1
    assert run_stage(Line1D(), tmp_path, Budget(math.inf, 200), 0.0)
    assert run_stage(Line1D(), tmp_path, Budget(math.inf, 250), math.inf)
    assert restore(Line1D(), tmp_path).steps == 250


def test_paced_layers_of_many_inputs_learn_slowly():
    narrow, wide = nn.Linear(192, 4), nn.Linear(1920, 4)
    made = optimizer([*narrow.parameters(), *wide.parameters()], 1e-3, 0.0, paced=True)
    peaks = {id(p): group["peak"] for group in made.param_groups for p in group["params"]}
    assert peaks[id(narrow.weight)] == peaks[id(narrow.bias)] == peaks[id(wide.bias)] == 1e-3
    assert peaks[id(wide.weight)] == pytest.approx(1e-4)


def test_loudness_is_of_what_was_heard_last_and_pulls_at_the_perceivers():
    torch.manual_seed(0)
    config = demo_config(TOY.config_file)
    voice = new_voice_encoder(config)
    loudness = Loudness(voice)
    semantic = torch.randn(2, 20, config.semantic_codec.hidden_size)
    voice.voice_latents(semantic), voice.emotion_vector(semantic)
    quiet = loudness.last()
    for name, parameter in voice.named_parameters():
        if name.endswith(("to_q.weight", "to_kv.weight")):
            parameter.data.mul_(10)
    voice.voice_latents(semantic), voice.emotion_vector(semantic)
    assert loudness.last() > 50 * quiet
    loudness.last().backward()
    assert voice.emo_perceiver_encoder.layers[1][0].to_q.weight.grad.abs().sum() > 0


def test_a_stage_stops_at_the_deadline_and_goes_on(tmp_path):
    ticking = itertools.count().__next__  # a second passes with every look at the clock
    assert not run_stage(Line1D(), tmp_path, Budget(600, 40), 30, clock=ticking)
    assert not is_done(tmp_path, "line")
    before = restore(Line1D(), tmp_path)
    assert 0 < before.steps < 40
    assert run_stage(Line1D(), tmp_path, Budget(math.inf, 40), math.inf)
    assert is_done(tmp_path, "line")
    assert json.loads((tmp_path / "line.jsonl").read_text().splitlines()[-1])["step"] == 40


def test_a_stage_begins_again_from_its_weights(tmp_path):
    assert run_stage(Line1D(), tmp_path, Budget(math.inf, 200), math.inf)
    begin_again(tmp_path, "line")
    assert not is_done(tmp_path, "line")
    stage = Line1D()
    assert restore(stage, tmp_path).steps == 0
    assert abs(stage.finish()["found"] - 3) < 0.1
    assert run_stage(stage, tmp_path, Budget(math.inf, 5), math.inf)
    assert json.loads((tmp_path / "line.jsonl").read_text().splitlines()[-1])["step"] == 5
    assert (tmp_path / "line_until_200.jsonl").is_file()


def test_weights_of_another_model_are_refused(tmp_path):
    torch.save({"modules": {"other.weight": torch.ones(1)}, "progress": {}}, tmp_path / "line.pt")
    with pytest.raises(ValueError, match="other"):
        restore(Line1D(), tmp_path)


def test_gradients_that_are_not_finite_change_nothing(tmp_path):
    stage = Line1D()
    before = stage.modules["number"].weight.clone()
    stage.step(stage.modules["number"](torch.full((1, 1), float("nan"))).sum())
    torch.testing.assert_close(stage.modules["number"].weight, before)


def test_a_stage_that_no_longer_learns_says_so(tmp_path):
    class Torn(Line1D):
        def update(self, rng, share):
            loss = self.modules["number"](torch.full((1, 1), float("inf"))).sum()
            return {"norm": self.step(loss)}

    with pytest.raises(FloatingPointError, match=r"no finite gradients at update 80 .*number\.weight"):
        run_stage(Torn(), tmp_path, Budget(math.inf, 1000), math.inf)
