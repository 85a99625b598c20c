"""The doctor's checks that run something: each returns what it saw, or raises what is wrong."""

import time
from dataclasses import replace

import torch

from ...accel.attention import choose_attention
from ...accel.request import Request
from ...accel.sampling.params import SamplingParams
from ...s2mel.choice import CompileRequest, choose_flow
from ...s2mel.config import S2MelConfig
from ...s2mel.model import S2Mel
from ..config import ConformerConfig, GPTConfig, load_model_config, load_vocoder_config
from ..decoding import choose_decoder
from ..gpt.model import UnifiedVoice
from ..loading.find import Survey
from ..loading.layouts import DEMO_FOLDER, PACK
from ..loading.models import load_models
from ..memory_budget import what_fits
from ..memory_costs import RELEASED, RELEASED_INT8_BYTES
from ..options import LoadOptions
from ..vocoder.bigvgan import BigVGAN

CODES = 12

LINES, BEAMS = 16, 3
"""The dialogue that the doctor asks room for."""
RELEASED_HEAD = 64
"""Width of the released GPT's attention heads."""


def acceleration_imports() -> str:
    """The engine and the attention backend that it would choose here."""
    on_gpu = torch.cuda.is_available()
    device, dtype = torch.device("cuda" if on_gpu else "cpu"), torch.float16 if on_gpu else torch.float32
    return f"engine, {choose_attention(device, dtype, RELEASED_HEAD).description}"


def lines_that_fit(survey: Survey) -> str:
    """How much of a dialogue runs at once in the memory that is free now; `RuntimeError` where not one line does."""
    if not torch.cuda.is_available():
        return "speech is made in the system's memory, no GPU's is a limit"
    free, _ = torch.cuda.mem_get_info()
    version = survey.version
    weights, costs = version.weight_bytes, replace(RELEASED, version=version)
    fit, small = (
        what_fits(free, LINES, BEAMS, weight_bytes=size, costs=costs)
        for size in (weights, weights - RELEASED_INT8_BYTES)
    )
    found = f"{fit} in the {free / 2**30:.1f} GiB that are free"
    if small.lines_at_once > fit.lines_at_once:
        found += f", {small} with --int8"
    if survey.folder == DEMO_FOLDER:
        return f"the demonstration voice fits anywhere; of the released model, {found}"
    if not fit.flow_batch:
        raise RuntimeError(found)
    return f"{found}, in half precision"


def model_initialises(survey: Survey) -> str:
    """Where the files are complete, every tensor in them fits; else the modules can be built at the released size."""
    if survey.is_complete and survey.folder is not None:
        models = load_models(survey.files, LoadOptions(device="meta"))
        count = sum(parameter.numel() for parameter in models.parameters())
        return f"all files fit, {count / 1e6:.0f} million parameters"
    build_released_size()
    return "at the released size, without weights"


def build_released_size() -> None:
    """Build the large modules on the meta device, which takes no memory."""
    config = load_model_config(PACK / "configs" / "indextts2.yaml", strict=True)
    vocoder = load_vocoder_config(PACK / "configs" / "bigvgan.yaml")
    with torch.device("meta"):
        UnifiedVoice(config.gpt)
        S2Mel(config.s2mel, config.gpt.model_dim)
        BigVGAN(vocoder)


def options_agree(on_gpu: bool) -> str:
    """`use_accel` on and off say the same codes on a small model.

    on_gpu: on a GPU where there is one, for which kernels are compiled first.
    """
    device = "cuda" if on_gpu and torch.cuda.is_available() else "cpu"
    model = _small_gpt().to(device)
    prompt = torch.randn(7, model.config.model_dim, generator=torch.Generator().manual_seed(1)).to(device)
    sampling = SamplingParams(num_beams=1, do_sample=False)
    codes = []
    for use_accel in (True, False):
        decoder = choose_decoder(model, use_accel).decoder
        request = Request(prompt, 0, sampling, CODES, (1, model.config.start_mel_token))
        codes.append(next(iter(decoder.generate([request], None))).tokens.tolist())
    if codes[0] != codes[1]:
        raise RuntimeError(f"use_accel on says {codes[0]}, off says {codes[1]}")
    return f"use_accel on and off say the same {len(codes[0])} codes on {device}"


def s2mel_compiles() -> str:
    """A small S2Mel under torch.compile: it needs Triton on a GPU and a C++ compiler on a CPU."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    estimator = _small_s2mel().to(device).cfm.estimator
    start = time.perf_counter()
    state = choose_flow(estimator, CompileRequest()).compile_state
    if state.startswith("not used"):
        return f"torch.compile is {state}"
    if state != "compiled":
        raise RuntimeError(state)
    return f"torch.compile works on {device}, {time.perf_counter() - start:.1f} s for a small model"


def _small_gpt() -> UnifiedVoice:
    conformer = ConformerConfig(output_size=16, linear_units=16, attention_heads=1, num_blocks=1)
    config = GPTConfig(
        model_dim=64,
        heads=2,
        layers=2,
        max_mel_tokens=40,
        max_text_tokens=20,
        number_text_tokens=30,
        number_mel_codes=34,
        start_mel_token=32,
        stop_mel_token=33,
        condition_module=conformer,
        emo_condition_module=conformer,
    )
    model = UnifiedVoice(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) / 8)
    return model


def _small_s2mel() -> S2Mel:
    sizes = {
        "length_regulator": {"channels": 64, "in_channels": 64},
        "DiT": {"hidden_dim": 64, "num_heads": 1, "depth": 3, "content_dim": 64},
        "wavenet": {"hidden_dim": 64, "num_layers": 2, "kernel_size": 5},
    }
    return S2Mel(S2MelConfig.model_validate(sizes), 64).eval().requires_grad_(False)
