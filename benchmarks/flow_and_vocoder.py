"""The flow and the vocoder alone: ten seconds of speech behind ten seconds of prompt, on seeded weights.

The flow is solved as `auto` solves it for the demonstration voice; figures name the schedule.

    python benchmarks/flow_and_vocoder.py [--small] [--dtype float16] [--no-kernels] [--compile]

--compile measures torch.compile as well, also where s2mel/compile_gain.py leaves it out; its figures go there.

Prints one JSON line a figure. Refuses where half precision, the kernels or the compiler change mel or waveform by more
than their tolerance against float32 in plain torch, TF32 off.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from flow_schedule import demo_schedule
from indextts2_multitalk.indextts.config import BigVGANConfig
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.vocoder import bigvgan
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN
from indextts2_multitalk.indextts.vocoder.vocoder import Vocoder
from indextts2_multitalk.s2mel import FlowLine, S2Mel, S2MelConfig, choice, rename_s2mel_weights
from indextts2_multitalk.s2mel.model import draw_noise
from measure import Refused, case_name, emit, seconds

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from helpers.released_names import s2mel_shapes
from helpers.released_names_audio import bigvgan_shapes
from helpers.seeded import normal, seeded_state

CUDA = torch.cuda.is_available()
FRAMES = 861 if CUDA else 40
"""Ten seconds of mel at 22050 / 256 frames a second; without a GPU only enough to see that everything runs."""
LINES, REPEATS = (16, 20) if CUDA else (2, 1)
BATCH = SpeakOptions().flow_batch
"""Lines that the product puts into one flow."""
SCHEDULE = demo_schedule()
MEL_TOLERANCE, LOG_SPECTRAL_TOLERANCE, COMPILED_TOLERANCE = 1e-2, 0.5, 1e-3
LATENT_WIDTH = 1280


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny seeded weights: does the benchmark itself run?")
    parser.add_argument("--dtype", default="float16", choices=["float16", "bfloat16", "float32"])
    parser.add_argument("--compile", action="store_true", help="measure torch.compile wherever it runs")
    parser.add_argument(
        "--no-kernels", action="store_true", help="the flow in plain torch, as where Triton does not run"
    )
    parser.add_argument("--kept", type=Path, help="only say how long compiling takes with this folder of kept code")
    arguments = parser.parse_args()
    dtype, device = getattr(torch, arguments.dtype), torch.device("cuda" if CUDA else "cpu")
    name = "small/config.json" if arguments.small else "full_config.json"
    config = json.loads((TESTS / "goldens" / name).read_text(encoding="utf-8"))
    if arguments.no_kernels:
        choice.why_no_triton = lambda device: "left out by --no-kernels"
    choice.why_not_compile = lambda *_: None
    with torch.inference_mode():
        if arguments.kept is not None:
            print(seconds_to_compile(config, device, dtype, arguments.kept))
            return
        model, mel = measure_flow(config, device, dtype)
        if not arguments.no_kernels:
            measure_vocoder(config, device, dtype, mel)
        if arguments.compile:
            measure_compiled(model, mel, dtype, line(config))
            measure_compile(dtype)


def measure_compile(dtype: torch.dtype) -> None:
    """A first start and a later one, each a process of its own whose compilers' own caches are empty."""
    with tempfile.TemporaryDirectory() as scratch:
        for case in ("compile", "compile-again"):
            own = {"TORCHINDUCTOR_CACHE_DIR": f"{scratch}/{case}", "TRITON_CACHE_DIR": f"{scratch}/{case}/triton"}
            command = [sys.executable, *sys.argv, "--kept", f"{scratch}/kept"]
            ran = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
            if ran.returncode:
                raise Refused(f"{case}: {ran.stderr}")
            emit_case(case, float(ran.stdout.splitlines()[-1]), dtype, unit="s")


def seconds_to_compile(config: dict, device: torch.device, dtype: torch.dtype, kept: Path) -> float:
    """Until the first compiled run could begin, Triton's kernels included."""
    model = s2mel(config, device).to(dtype)
    model.compile_flow(cache_folder=kept)
    start = time.perf_counter()
    state = model.flow_choice.compile_state
    took = time.perf_counter() - start
    if state != "compiled":
        raise Refused(f"torch.compile {state}")
    return took


def measure_flow(config: dict, device: torch.device, dtype: torch.dtype) -> tuple[S2Mel, torch.Tensor]:
    """Alone and in company, not compiled; returns the model and the float32 mel [80, F]."""
    one = line(config)
    with exact():
        expected = run_flow(s2mel(config, device), one)
    model = s2mel(config, device).to(dtype)
    more = measure_one(model, one, expected, "flow", dtype)
    alone = run_flow(model, one)
    batch = [one, short(one), one]
    together = model.solve_flow(batch, [draw_noise(each) for each in batch], SCHEDULE)
    refuse_above(relative(together[2], alone), MEL_TOLERANCE, "in company")
    measure_many(model, one, f"flow-{LINES}-lines", dtype, more)
    return model, expected


def measure_many(model: S2Mel, one: FlowLine, case: str, dtype: torch.dtype, more: dict) -> None:
    """Many lines in the product's batches."""
    batches = [[one] * min(BATCH, LINES - first) for first in range(0, LINES, BATCH)]
    took = seconds(lambda: [model.generate_mels(batch, SCHEDULE) for batch in batches], min(3, REPEATS))
    emit_case(case, took, dtype, batch=BATCH, **more)


def emit_case(case: str, took: float, dtype: torch.dtype, unit: str = "ms", **more: object) -> None:
    """`took` in seconds. `ran` says what did."""
    name = case_name(case, str(dtype), toggles="no acceleration" if "--no-kernels" in sys.argv else "full acceleration")
    emit("end_to_end", name, took * (1e3 if unit == "ms" else 1), unit, str(dtype), **more)


def measure_compiled(model: S2Mel, expected: torch.Tensor, dtype: torch.dtype, one: FlowLine) -> None:
    model.compile_flow()
    if model.flow_choice.compile_state != "compiled":
        raise Refused(f"torch.compile {model.flow_choice.compile_state}")
    if dtype is torch.float32:
        with exact():
            refuse_above(relative(run_flow(model, one), expected), COMPILED_TOLERANCE, "float32 compiled")
    more = measure_one(model, one, expected, "flow-compiled", dtype)
    measure_many(model, one, f"flow-{LINES}-lines-compiled", dtype, more)


def measure_one(model: S2Mel, one: FlowLine, expected: torch.Tensor, case: str, dtype: torch.dtype) -> dict:
    error = relative(run_flow(model, one), expected)
    refuse_above(error, MEL_TOLERANCE, case)
    ran = {"schedule": f"flow: {SCHEDULE.description}", "ran": model.flow_choice.description}
    more = {"mel_error": round(error, 6), **ran}
    took = seconds(lambda: model.generate_mels([one], SCHEDULE), repeats=REPEATS, warm_up=2)
    emit_case(case, took, dtype, **more)
    return more


def measure_vocoder(config: dict, device: torch.device, dtype: torch.dtype, mel: torch.Tensor) -> None:
    with exact():
        (expected,) = Vocoder(vocoder(config, device), use_cuda_kernel=False).generate_waveforms([mel])
    for kernels in (True, False):
        fast = Vocoder(vocoder(config, device).to(dtype), use_cuda_kernel=kernels)
        distance = log_spectral_distance(fast.generate_waveforms([mel])[0], expected)
        refuse_above(distance, LOG_SPECTRAL_TOLERANCE, "vocoder")
        more = {"log_spectral_distance": round(distance, 4), "ran": fast.description}
        case = "vocoder" if kernels else "plain-vocoder"
        took = seconds(lambda run=fast: run.generate_waveforms([mel]), repeats=REPEATS, warm_up=2)
        emit_case(case, took, dtype, **more)
        if kernels:
            took = seconds(lambda run=fast: run.generate_waveforms([mel] * LINES), repeats=min(5, REPEATS))
            emit_case(f"vocoder-{LINES}-lines", took, dtype, **more)


def s2mel(config: dict, device: torch.device) -> S2Mel:
    """Float32."""
    state = {}
    for part, shapes in s2mel_shapes(config, LATENT_WIDTH).items():
        seeded = seeded_state(f"s2mel.{part}", {name: list(shape) for name, shape in shapes.items()})
        state |= {f"{part}.{name}": tensor for name, tensor in seeded.items()}
    with torch.device("meta"):
        model = S2Mel(S2MelConfig.model_validate(config["s2mel"]), LATENT_WIDTH)
    model.load_state_dict(rename_s2mel_weights(state), strict=True, assign=True)
    return model.eval().to(device)


def vocoder(config: dict, device: torch.device) -> BigVGAN:
    """Float32. The last layer is scaled down: seeded weights would clip nearly every sample and hide what differs."""
    shapes = bigvgan_shapes(config["bigvgan"])
    state = seeded_state("bigvgan", {name: list(shape) for name, shape in shapes.items()})
    state["conv_post.weight_g"] = 0.01 * state["conv_post.weight_g"]
    with torch.device("meta"):
        model = BigVGAN(BigVGANConfig.model_validate(config["bigvgan"]))
    model.load_state_dict(bigvgan.rename_bigvgan_weights(state), strict=True, assign=True)
    return model.eval().to(device)


def line(config: dict) -> FlowLine:
    dit, style = config["s2mel"]["DiT"], config["s2mel"]["style_encoder"]["dim"]

    def draw(part: str, *shape: int) -> torch.Tensor:
        return torch.from_numpy(normal(f"benchmark.{part}", shape))

    width, bands = dit["content_dim"], dit["in_channels"]
    conditions = draw("prompt_condition", FRAMES, width), draw("condition", FRAMES, width)
    return FlowLine(*conditions, draw("prompt_mel", bands, FRAMES), draw("style", style), seed=1)


def short(one: FlowLine) -> FlowLine:
    """The same line, cut to a third."""
    third = FRAMES // 3
    return one._replace(prompt_condition=one.prompt_condition[:third], condition=one.condition[:third],
                        prompt_mel=one.prompt_mel[:, :third])  # fmt: skip


def run_flow(model: S2Mel, one: FlowLine) -> torch.Tensor:
    return model.generate_mels([one], SCHEDULE)[0]


@contextmanager
def exact():
    """Float32 products in float32, also in cuDNN, which else rounds to TF32."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    yield
    for backend, allowed in zip(backends, before, strict=True):
        backend.allow_tf32 = allowed


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return ((actual - expected).abs().max() / expected.abs().max()).item()


def log_spectral_distance(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Mean over frames of the root mean square difference of log power spectra, dB."""
    window = torch.hann_window(1024, device=actual.device)
    spectra = [torch.stft(wave[0], 1024, 256, window=window, return_complex=True).abs() for wave in (actual, expected)]
    first, second = (20 * torch.log10(spectrum.clamp(min=1e-5)) for spectrum in spectra)
    return (first - second).square().mean(0).sqrt().mean().item()


def refuse_above(found: float, tolerance: float, what: str) -> None:
    if not found <= tolerance:
        raise Refused(f"{what}: error {found:.2e}, at most {tolerance} is allowed")


if __name__ == "__main__":
    main()
