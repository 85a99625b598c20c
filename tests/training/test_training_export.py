"""All stages train for a moment; what they trained becomes a folder that the pack speaks with."""

import functools
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line, Voice
from indextts2_multitalk.s2mel.weights import rename_s2mel_weights
from indextts2_multitalk.training.export import export, s2mel_names
from indextts2_multitalk.training.flow_stage import FlowLengths
from indextts2_multitalk.training.gpt_stage import Manner
from indextts2_multitalk.training.known_voices import WINDOW_CODES, KnownVoices
from indextts2_multitalk.training.parts import pack, unpack
from indextts2_multitalk.training.plan import LANES, TOY
from indextts2_multitalk.training.references import Roles
from indextts2_multitalk.training.report import write_report
from indextts2_multitalk.training.resume import resume
from indextts2_multitalk.training.sizes import CONFIG_FILE, demo_config, new_s2mel
from indextts2_multitalk.training.speakers import NEUTRAL
from indextts2_multitalk.training.stage import (
    UNEXPORTED,
    Budget,
    begin_again,
    is_done,
    restore,
    run_stage,
)
from indextts2_multitalk.training.workshop import Workshop

STEPS = {"semantic": 12, "codec": 16, "style": 2, "gpt": 12, "flow": 6, "vocoder": 5}
BATCHES = {"semantic": 400, "codec": 800, "style": 240, "gpt": 400, "flow": 80, "vocoder": 1}
PLAN = replace(
    TOY,
    bpe_texts=300,
    budgets={name: Budget(math.inf, steps) for name, steps in STEPS.items()},
    batches=BATCHES,
    flow=FlowLengths(prompt=(20, 40), style=(20, 30)),
)


@pytest.fixture(scope="module")
def trained(hums):
    """Every stage on hums, a few updates each."""
    workshop = Workshop(hums, PLAN, torch.device("cpu"), math.inf)
    torch.manual_seed(0)
    for name in (*LANES[0][:3], *LANES[1], LANES[0][3]):
        assert run_stage(workshop.stage(name), hums, PLAN.budgets[name], math.inf), name
    return hums


@pytest.fixture(scope="module")
def stages(trained):
    """Each stage by its name, as another process would take it up."""
    return functools.cache(Workshop(trained, PLAN, torch.device("cpu"), 0.0).stage)


@pytest.mark.parametrize("name", STEPS)
def test_every_stage_says_how_it_went(trained, stages, name):
    figures = restore(stages(name), trained).figures
    assert figures["steps"] == STEPS[name]
    assert all(np.isfinite(value) for value in figures.values())


@pytest.mark.parametrize(("name", "column"), [("semantic", "loss"), ("codec", "phone"), ("gpt", "code")])
def test_losses_fall(trained, name, column):
    first, *_, last = (json.loads(line) for line in (trained / f"{name}.jsonl").read_text().splitlines())
    assert last[column] < first[column]


def test_the_exported_folder_speaks_through_the_packs_own_path(trained, tmp_path):
    size = export(trained, tmp_path / "voice", PLAN.config_file, PLAN.vocoder)
    assert size < 40e6
    pipeline = Pipeline.load(tmp_path / "voice", LoadOptions(device="cpu"))
    with np.load(trained / "unheard" / "unheard_0000.npz") as shard:
        wav = torch.from_numpy(shard["wav22"][: 2 * 22050].astype(np.float32) / 2**15)[None]
    line = Line(0, "Ann", "Good morning.", 1, Voice("Ann", Audio(wav, 22050)))
    take = next(iter(pipeline.speak([line], SpeakOptions(max_codes=12, steps=2, temperature=1.5, top_p=1.0, top_k=0))))
    assert torch.isfinite(take.waveform).all()


def test_training_goes_on_from_the_exported_folder(trained, tmp_path):
    export(trained, tmp_path / "voice", PLAN.config_file, PLAN.vocoder)
    resume(tmp_path / "voice", tmp_path / "work")
    for name in STEPS:
        assert is_done(tmp_path / "work", name)
        states = [torch.load(folder / f"{name}.pt")["modules"] for folder in (tmp_path / "work", trained)]
        assert all(key.startswith(UNEXPORTED) for key in states[0].keys() ^ states[1].keys())
        for key in states[0].keys() & states[1].keys():
            torch.testing.assert_close(states[0][key], states[1][key].float(), rtol=2e-3, atol=2e-3)
    there = Workshop(tmp_path / "work", replace(PLAN, speakers=4), torch.device("cpu"), math.inf)
    for folder in ("speech", "unheard"):
        (tmp_path / "work" / folder).symlink_to(trained / folder)
    assert run_stage(there.stage("gpt"), tmp_path / "work", Budget(math.inf, 1), math.inf)


def test_voices_may_stay_as_they_are_while_the_decoder_learns(trained, tmp_path):
    for file in trained.iterdir():
        (tmp_path / file.name).symlink_to(file) if file.is_dir() else shutil.copyfile(file, tmp_path / file.name)
    there = Workshop(tmp_path, replace(PLAN, decoder=Manner(fixed_voices=True)), torch.device("cpu"), 0.0)
    with pytest.raises(ValueError, match="--again gpt"):
        there.stage("gpt")
    begin_again(tmp_path, "gpt")
    stage = there.stage("gpt")
    before = {name: tensor.clone() for name, tensor in stage.modules.state_dict().items()}
    assert run_stage(stage, tmp_path, Budget(math.inf, 2), math.inf)
    after = stage.modules.state_dict()
    assert {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])} == {"gpt", "heads"}


def test_known_voices_are_what_the_encoder_hears(stages):
    stage = stages("gpt")
    heard, windows = stage.heard, stage.windows
    known = KnownVoices(stage.modules["voice"], heard, windows)
    speakers = windows.speakers[:2]
    neutral = np.full(2, NEUTRAL)
    found = {tuple(known.prompt(Roles(speakers, neutral, speakers, neutral), np.random.default_rng(n))[0, 0].tolist())
             for n in range(200)}  # fmt: skip
    assert len(found) == len(WINDOW_CODES) ** 2
    *_, starts = windows.of_everyone(WINDOW_CODES[0], np.random.default_rng(0))
    clip = heard.corpus.take(heard.features, starts[NEUTRAL : NEUTRAL + 1], WINDOW_CODES[0]).float()
    encoder = stage.modules["voice"].eval()
    with torch.no_grad():
        prompt = (encoder.voice_latents(clip) + encoder.emotion_vector(clip)[:, None])[0, 0]
    assert any(np.allclose(row, prompt.numpy(), atol=1e-4) for row in found)


def test_weights_travel_in_parts(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("indextts2_multitalk.training.parts.PART_BYTES", 400_000)
    some = tmp_path / "work"  # all but the largest, which takes long to compress
    shutil.copytree(trained, some, ignore=shutil.ignore_patterns("style.*", "speech", "unheard"))
    files = pack(some, tmp_path / "parts")
    assert len(files) > 2
    assert max(file.stat().st_size for file in files) <= 400_000
    unpack(tmp_path / "parts", tmp_path / "elsewhere")
    for name in STEPS.keys() - {"style"}:
        assert is_done(tmp_path / "elsewhere", name)
    there = Workshop(tmp_path / "elsewhere", PLAN, torch.device("cpu"), 0.0)
    assert torch.isfinite(next(there.codec.parameters())).all()


def test_the_report_has_every_stage(trained, tmp_path):
    text = write_report(trained, tmp_path, {"voice": {"word_error_rate": 0.1}}).read_text()
    assert all(f"| {name} |" in text and (tmp_path / f"{name}.svg").is_file() for name in STEPS)
    assert "| word error rate | 0.1 | at most 0.12 |" in text


def test_the_packs_names_come_back_from_the_released_ones():
    torch.manual_seed(0)
    state = new_s2mel(demo_config(), torch.zeros(80)).state_dict()
    again = rename_s2mel_weights(s2mel_names(state))
    assert again.keys() == state.keys()
    for name, tensor in state.items():
        torch.testing.assert_close(again[name], tensor)


def test_the_demonstration_voice_has_room_for_its_names():
    config = demo_config()
    assert config.gpt.number_mel_codes == config.semantic_codec.codebook_size + 2
    assert CONFIG_FILE.name == "demo.yaml"


def test_the_flow_is_told_of_every_utterance_and_delivery(stages):
    flow = stages("flow")
    told, corpus = flow.conditions, flow.gpt.heard.corpus
    assert told.latents.shape == (corpus.codes, PLAN.config.gpt.model_dim)
    assert (told.latents != 0).any(dim=1).all()
    assert (told.styles[corpus.speakers.unique()] != 0).any(dim=-1).all()
