"""Estimates of the released sizes against what the stages allocate, traced on the meta device; no GPU is needed."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.allocations import reserve, trace_allocations
from helpers.released_names import LANGUAGES
from indextts2_multitalk.indextts.conditioning import campplus, codec, semantic, voice_encoder
from indextts2_multitalk.indextts.conditioning.reference_encoders import ReferenceEncoders, encode_reference
from indextts2_multitalk.indextts.config import BigVGANConfig, ModelConfig
from indextts2_multitalk.indextts.gpt.latent_pass import latent_pass
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.memory_costs import RELEASED
from indextts2_multitalk.indextts.model_version import V2_0, V2_5
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN
from indextts2_multitalk.runtime.cuda_graphs import weights_address_key
from indextts2_multitalk.s2mel.calibration import multistep_schedule
from indextts2_multitalk.s2mel.choice import FlowChoice
from indextts2_multitalk.s2mel.model import FlowLine, S2Mel
from indextts2_multitalk.s2mel.runners import EagerFlowRunner
from indextts2_multitalk.s2mel.stages import EstimatorStages
from torch import nn

pytest.importorskip("triton")

OFF, SEGMENTS = 0.15, 22 * 2**20
"""By how much an estimate may be off, and the smallest segments beside the arena."""
PROMPT_ROWS, REFERENCE_FRAMES = 67, 861


@pytest.fixture(scope="module")
def configs() -> SimpleNamespace:
    sections = json.loads((Path(__file__).parents[1] / "goldens" / "full_config.json").read_text(encoding="utf-8"))
    vocoder = BigVGANConfig.model_validate(sections.pop("bigvgan"))
    return SimpleNamespace(vocoder=vocoder, model=ModelConfig.model_validate(sections))


def test_the_versions_weights_differ_by_what_they_do_not_share(configs):
    """test_memory_gpu.py holds the first against a GPU's; the second is that, with other parts."""
    model, width = configs.model, configs.model.semantic_codec.hidden_size
    larger = model.gpt.model_copy(update={"number_text_tokens": V2_5.number_text_tokens})
    parts = {
        V2_0: (
            lambda: UnifiedVoice(model.gpt),
            lambda: voice_encoder.VoiceEncoder(model.gpt, width),
            lambda: S2Mel(model.s2mel, model.gpt.model_dim),
        ),
        V2_5: (
            lambda: UnifiedVoice(larger, LANGUAGES),
            lambda: voice_encoder.StyleVoiceEncoder(larger, width, model.s2mel.style_encoder.dim),
            lambda: S2Mel(model.s2mel, None),
        ),
    }
    codecs = {V2_0: codec.SemanticCodec, V2_5: codec.HalvedCodec}
    sizes = {
        version: sum(t.nbytes for t in weights_of(*map(on_meta, builds)))
        + sum(t.nbytes for t in weights_of(on_meta(lambda v=version: codecs[v](model.semantic_codec), torch.float32)))
        for version, builds in parts.items()
    }
    assert abs((sizes[V2_5] - sizes[V2_0]) - (V2_5.weight_bytes - V2_0.weight_bytes)) < 2**20


def on_meta(build: Callable[[], nn.Module], dtype: torch.dtype = torch.float16) -> nn.Module:
    with torch.device("meta"):
        return build().to(dtype).eval()


def zeros(*shape: int, dtype: torch.dtype = torch.float16) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype, device="meta")


def weights_of(*modules: nn.Module) -> list[torch.Tensor]:
    return [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]


def check_estimate(estimated: int, events: list[tuple[int, int]]) -> None:
    allocated, _ = reserve(events)
    _, reserved = reserve(events, arena=estimated)
    found = f"estimated {estimated >> 20} MiB, allocated {allocated >> 20}, reserved {reserved >> 20}"
    assert (1 - OFF) * estimated <= allocated <= estimated, found
    assert reserved <= 1.03 * estimated + SEGMENTS, found


@pytest.mark.parametrize(("count", "codes"), [(1, 500), (8, 500), (8, 1500)])
def test_latent_pass(configs, count, codes, monkeypatch):
    gpt = on_meta(lambda: UnifiedVoice(configs.model.gpt))
    prompts = [zeros(PROMPT_ROWS, configs.model.gpt.model_dim) for _ in range(count)]
    drawn = [torch.zeros(codes, dtype=torch.int64)] * count
    events = trace_allocations(lambda: latent_pass(gpt, prompts, drawn), [*weights_of(gpt), *prompts], monkeypatch)
    check_estimate(RELEASED.latent_pass([PROMPT_ROWS + codes] * count), events)


@pytest.mark.parametrize(("count", "frames"), [(1, 860), (3, 1200), (8, 860), (8, 2580)])
def test_flow(configs, count, frames, monkeypatch):
    from indextts2_multitalk.s2mel.triton_ops import TRITON_OPS

    s2mel = on_meta(lambda: S2Mel(configs.model.s2mel, configs.model.gpt.model_dim))
    estimator = s2mel.cfm.estimator
    runner = EagerFlowRunner(estimator, EstimatorStages(TRITON_OPS))
    s2mel._choice = FlowChoice(runner, runner, TRITON_OPS, "", "off", weights_address_key(estimator))
    width = configs.model.s2mel.dit.content_dim
    prompt, mel = zeros(REFERENCE_FRAMES, width), zeros(80, REFERENCE_FRAMES, dtype=torch.float32)
    lines = [FlowLine(prompt, zeros(frames, width), mel, zeros(192), seed) for seed in range(count)]
    given = [tensor for line in lines for tensor in line[:4]]
    events = trace_allocations(
        lambda: s2mel.generate_mels(lines, multistep_schedule(4)), [*weights_of(s2mel), *given], monkeypatch
    )
    check_estimate(RELEASED.flow([REFERENCE_FRAMES + frames] * count), events)


@pytest.mark.parametrize(("count", "frames"), [(1, 896), (8, 1024)])
def test_vocoder(configs, count, frames, monkeypatch):
    from indextts2_multitalk.indextts.vocoder.channels_last import ChannelsLastBigVGAN

    model = on_meta(lambda: BigVGAN(configs.vocoder))
    run = ChannelsLastBigVGAN(model)
    mel, lengths = zeros(count, frames, 80), zeros(count, dtype=torch.int32)
    events = trace_allocations(lambda: run(mel, lengths), [*weights_of(model), mel, lengths], monkeypatch)
    check_estimate(count * frames * RELEASED.vocoder_frame, events)


def test_reference_encoders(configs, monkeypatch):
    w2v_bert = {
        "model_type": "wav2vec2-bert",
        "hidden_size": 1024,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    }
    models = ReferenceEncoders(
        semantic=on_meta(lambda: semantic.SemanticEncoder(w2v_bert, {}, configs.model.semantic_layer)),
        codec=on_meta(lambda: codec.SemanticCodec(configs.model.semantic_codec), torch.float32),
        campplus=on_meta(campplus.CAMPPlus, torch.float32),
        voice=on_meta(lambda: voice_encoder.VoiceEncoder(configs.model.gpt, configs.model.semantic_codec.hidden_size)),
    )
    energies, padding = zeros(1536, 80, dtype=torch.float32), zeros(1536, dtype=torch.bool)
    known = [*weights_of(*models.modules), energies, padding]
    events = trace_allocations(lambda: encode_reference(models, energies, padding), known, monkeypatch)
    check_estimate(RELEASED.reference, events)
