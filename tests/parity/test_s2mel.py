"""Content, length regulator, velocity and flow equal the golden figures."""

import pytest
import torch
from indextts2_multitalk.indextts.model_version import V2_5
from indextts2_multitalk.indextts.records import Codes
from indextts2_multitalk.indextts.segments import count_mel_frames
from indextts2_multitalk.s2mel.config import S2MelConfig
from indextts2_multitalk.s2mel.model import FlowLine, S2Mel
from indextts2_multitalk.s2mel.packing import pack_lines
from indextts2_multitalk.s2mel.solver import uniform_schedule
from indextts2_multitalk.s2mel.weights import rename_s2mel_weights

FEATURES = 80
"""Of IndexTTS-2.5's golden run."""


@pytest.fixture(scope="module")
def model(goldens) -> S2Mel:
    config = S2MelConfig.model_validate(goldens.config["s2mel"])
    sections = goldens.manifest["s2mel"]
    state = {f"{part}.{name}": t for part in sections for name, t in goldens.state(f"s2mel.{part}").items()}
    latent_width = goldens.shapes("s2mel.gpt_layer")["0.weight"][1] if "gpt_layer" in sections else None
    with torch.device("meta"):
        model = S2Mel(config, latent_width)
    model.load_state_dict(rename_s2mel_weights(state), strict=True, assign=True)
    return model.eval()


@pytest.fixture(scope="module")
def figures(goldens) -> dict[str, torch.Tensor]:
    return goldens.npz("s2mel")


@pytest.fixture(scope="module")
def content(goldens, figures, model) -> torch.Tensor:
    width = model.length_regulator.content_in_proj.in_features
    if goldens.version == "2.5":
        return 0.3 * goldens.input("semantic", (1, FEATURES, width))[0]
    codes = figures["gpt_layer"].shape[1]
    latents = goldens.input("gpt_latent", (1, codes, model.gpt_layer[0].in_features))
    with torch.inference_mode():
        return model.add_latents(0.3 * goldens.input("semantic", (1, codes, width))[0], latents[0])


@pytest.fixture(scope="module")
def line(goldens, figures, model, content) -> FlowLine:
    reference = 0.3 * goldens.input("s_ref", (1, 30, model.length_regulator.content_in_proj.in_features))
    with torch.inference_mode():
        prompt = model.length_regulator(reference, figures["prompt_condition"].shape[1])[0]
        condition = model.length_regulator(content[None], figures["regulated"].shape[1])[0]
    bands = goldens.config["s2mel"]["DiT"]["in_channels"]
    style = goldens.config["s2mel"]["style_encoder"]["dim"]
    prompt_mel = goldens.input("ref_mel", (1, bands, prompt.shape[0]))[0]
    return FlowLine(prompt, condition, prompt_mel, goldens.input("style", (1, style))[0], seed=0)


@pytest.fixture(scope="module")
def noise(goldens, line) -> torch.Tensor:
    return goldens.input("noise", (1, line.prompt_mel.shape[0], line.prompt_frames + line.frames))[0]


@torch.inference_mode()
def test_gpt_layer(goldens, figures, model, close):
    if goldens.version == "2.5":
        assert "gpt_layer" not in figures
        return
    latents = goldens.input("gpt_latent", (1, figures["gpt_layer"].shape[1], model.gpt_layer[0].in_features))
    close(model.gpt_layer(latents), figures["gpt_layer"], 1e-4)


@torch.inference_mode()
def test_regulated(figures, model, content, close):
    close(model.length_regulator(content[None], figures["regulated"].shape[1]), figures["regulated"], 1e-4)


@pytest.mark.parametrize("factor", [1.0, 0.8, 1.3])
@torch.inference_mode()
def test_slower_and_faster(goldens, figures, model, line, close, factor):
    """IndexTTS-2.5's duration factor is a speed of 1 over it; it acts on the number of frames alone."""
    if goldens.version == "2.0":
        assert not [name for name in figures if name.startswith("frames")]
        return
    name = "" if factor == 1.0 else f"_{factor:g}"
    codes = Codes(torch.zeros(FEATURES // V2_5.features_per_code, dtype=torch.int64))
    frames = count_mel_frames(codes, V2_5.frames_per_code, 1 / factor)
    assert frames == int(figures[f"frames{name}"])
    width = model.length_regulator.content_in_proj.in_features
    content = 0.3 * goldens.input("semantic", (1, FEATURES, width))
    regulated = model.length_regulator(content, frames)
    close(regulated, figures[f"regulated{name}"], 1e-4)
    line = line._replace(condition=regulated[0])
    noise = goldens.input("noise", (1, line.prompt_mel.shape[0], line.prompt_frames + frames))[0]
    (mel,) = model.solve_flow([line], [noise[:, line.prompt_frames :]], uniform_schedule(4))
    close(mel[None], figures[f"mel_4_steps{name}"], 1e-3)


@torch.inference_mode()
def test_prompt_condition(goldens, figures, model, close):
    reference = 0.3 * goldens.input("s_ref", (1, 30, model.length_regulator.content_in_proj.in_features))
    frames = figures["prompt_condition"].shape[1]
    close(model.length_regulator(reference, frames), figures["prompt_condition"], 1e-4)


@torch.inference_mode()
def test_velocity(figures, model, line, noise, close):
    estimator = model.cfm.estimator
    packing = pack_lines([noise.shape[-1]], 1, torch.device("cpu"))
    condition = torch.cat([line.prompt_condition, line.condition])
    prompt = torch.nn.functional.pad(line.prompt_mel, (0, line.frames)).T
    constants = estimator.project_conditions(condition, prompt, line.style[None], packing)
    step = estimator.step_tables([0.36])[0]
    velocity = estimator(noise.T.contiguous(), constants, step, packing)
    close(velocity.transpose(1, 2), figures["velocity"], 1e-4)


@pytest.mark.parametrize("steps", [4, 25])
@torch.inference_mode()
def test_flow(figures, model, line, noise, close, steps):
    (mel,) = model.solve_flow([line], [noise[:, line.prompt_frames :]], uniform_schedule(steps))
    close(mel[None], figures[f"mel_{steps}_steps"], 1e-3)
