"""Content, length regulator, velocity and flow equal the golden figures."""

import pytest
import torch
from indextts2_multitalk.s2mel.config import S2MelConfig
from indextts2_multitalk.s2mel.model import FlowLine, S2Mel
from indextts2_multitalk.s2mel.packing import pack_lines
from indextts2_multitalk.s2mel.solver import uniform_schedule
from indextts2_multitalk.s2mel.weights import rename_s2mel_weights


@pytest.fixture(scope="module")
def model(goldens) -> S2Mel:
    config = S2MelConfig.model_validate(goldens.config["s2mel"])
    sections = ("cfm", "length_regulator", "gpt_layer")
    state = {f"{part}.{name}": t for part in sections for name, t in goldens.state(f"s2mel.{part}").items()}
    with torch.device("meta"):
        model = S2Mel(config, latent_width=goldens.shapes("s2mel.gpt_layer")["0.weight"][1])
    model.load_state_dict(rename_s2mel_weights(state), strict=True, assign=True)
    return model.eval()


@pytest.fixture(scope="module")
def figures(goldens) -> dict[str, torch.Tensor]:
    return goldens.npz("s2mel")


@pytest.fixture(scope="module")
def content(goldens, figures, model) -> torch.Tensor:
    codes = figures["gpt_layer"].shape[1]
    latents = goldens.input("gpt_latent", (1, codes, model.gpt_layer[0].in_features))
    semantic = 0.3 * goldens.input("semantic", tuple(figures["gpt_layer"].shape))
    with torch.inference_mode():
        return model.add_latents(semantic[0], latents[0])


@pytest.fixture(scope="module")
def line(goldens, figures) -> FlowLine:
    prompt, condition = figures["prompt_condition"][0], figures["regulated"][0]
    bands = goldens.config["s2mel"]["DiT"]["in_channels"]
    style = goldens.config["s2mel"]["style_encoder"]["dim"]
    prompt_mel = goldens.input("ref_mel", (1, bands, prompt.shape[0]))[0]
    return FlowLine(prompt, condition, prompt_mel, goldens.input("style", (1, style))[0], seed=0)


@pytest.fixture(scope="module")
def noise(goldens, line) -> torch.Tensor:
    return goldens.input("noise", (1, line.prompt_mel.shape[0], line.prompt_frames + line.frames))[0]


@torch.inference_mode()
def test_gpt_layer(goldens, figures, model, close):
    latents = goldens.input("gpt_latent", (1, figures["gpt_layer"].shape[1], model.gpt_layer[0].in_features))
    close(model.gpt_layer(latents), figures["gpt_layer"], 1e-4)


@torch.inference_mode()
def test_regulated(figures, model, content, close):
    close(model.length_regulator(content[None], figures["regulated"].shape[1]), figures["regulated"], 1e-4)


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
