"""From script to waveform: one line and a 16-line dialogue, with each toggle on and off.

    python benchmarks/end_to_end.py [--folder DIR] [--small] [--quick]

Without --folder a released-layout folder of seeded weights is written to a temporary place, full-size unless --small.
Seeded weights never say when a line ends, so the stop code is made impossible and every line is cut at its limit:
the work of a spoken line of that length. Prints one JSON line a figure and refuses where half precision or a toggle
changes the sound by more than its tolerance.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from indextts2_multitalk.indextts.gpt.latents import latent_pass
from indextts2_multitalk.indextts.gpt.prompt import build_prompt
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import CODES_PER_SECOND, Audio, Codes, Line, Voice
from indextts2_multitalk.indextts.seeds import seed_lines
from indextts2_multitalk.indextts.segments import Segment, Spoken
from measure import Refused, drain, emit, seconds

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from helpers.released_folder import write_released_folder
from helpers.tones import tone

FULL_W2V_BERT = {"layers": 24, "heads": 16, "expansion": 4}
MEL_TOLERANCE, LOG_SPECTRAL_TOLERANCE = 1e-2, 0.5
TEXT = "We walked along the river until the lights of the town were far behind us and nobody spoke."
TOGGLES = {
    "no acceleration": {"use_accel": False, "use_torch_compile": False, "use_cuda_kernel": False},
    "GPT acceleration": {"use_accel": True, "use_torch_compile": False, "use_cuda_kernel": False},
    "full acceleration": {"use_accel": True, "use_torch_compile": True, "use_cuda_kernel": True},
}


def main() -> None:
    arguments = parse()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or seeded_folder(Path(scratch), arguments.small)
        check_half_precision(folder, arguments)
        for name, toggles in TOGGLES.items():
            if name != "no acceleration" or not arguments.quick:
                measure(folder, name, LoadOptions(arguments.device, use_fp16=arguments.fp16, **toggles), arguments)
        if torch.cuda.is_available():
            measure_memory(folder, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a released folder; its own weights then say the lines")
    parser.add_argument("--small", action="store_true", help="tiny seeded weights: does the benchmark itself run?")
    parser.add_argument("--quick", action="store_true", help="leave out the slow run without acceleration")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech in a line")
    arguments = parser.parse_args()
    arguments.fp16 = arguments.device.startswith("cuda")
    return arguments


def seeded_folder(scratch: Path, small: bool) -> Path:
    """A released-layout folder with seeded weights, of the released sizes unless `small`."""
    if small:
        return write_released_folder(scratch)
    config = json.loads((TESTS / "goldens" / "full_config.json").read_text(encoding="utf-8"))
    return write_released_folder(scratch, config, w2v_bert=FULL_W2V_BERT)


def lines_of(count: int, voices: int) -> list[Line]:
    """`count` lines for `voices` speakers in turn, all alike in length."""
    cast = [Voice(f"S{n}", Audio(tone(110.0 + 40 * n, 10.0, 22050), 22050)) for n in range(voices)]
    return seed_lines([Line(n, f"S{n % voices}", TEXT, n + 1, cast[n % voices]) for n in range(count)], seed=1)


@contextmanager
def endless(pipeline: Pipeline) -> Iterator[None]:
    """No line ends by itself."""
    head, stop = pipeline.modules.gpt.mel_head, pipeline.modules.config.gpt.stop_mel_token
    before = head.bias[stop].clone()
    head.bias[stop] = -1e4
    try:
        yield
    finally:
        head.bias[stop] = before


def speak_options(arguments: argparse.Namespace, beams: int) -> SpeakOptions:
    return SpeakOptions(max_codes=round(arguments.seconds * CODES_PER_SECOND), num_beams=beams, flow_batch=16)


def measure(folder: Path, name: str, load: LoadOptions, arguments: argparse.Namespace) -> None:
    """Load time, first and later lines, stages, and the dialogue, under one set of toggles."""
    start = time.perf_counter()
    pipeline = Pipeline.load(folder, load)
    drain()
    about = {"dtype": "float16" if arguments.fp16 else "float32", "toggles": name}
    emit("end_to_end", "load", time.perf_counter() - start, "s", **about)
    with endless(pipeline):
        single, dialogue = lines_of(1, 1), lines_of(16, 4)
        options = speak_options(arguments, 1)

        def speak(lines: list[Line], options: SpeakOptions) -> float:
            return sum(take.seconds for take in pipeline.speak(lines, options))

        start = time.perf_counter()
        spoken = speak(single, options)
        emit("end_to_end", "first-line", time.perf_counter() - start, "s", **about)
        repeats = 5 if load.use_accel else 1
        for case, lines, beams in (
            ("whole-line", single, 1),
            ("whole-line-3-beams", single, 3),
            ("dialogue-16", dialogue, 1),
        ):
            if not load.use_accel and case == "dialogue-16":
                continue  # sixteen times the line: minutes, and no new figure
            chosen = replace(options, num_beams=beams)
            took = seconds(lambda lines=lines, chosen=chosen: speak(lines, chosen), repeats)
            stages = {stage: round(value, 4) for stage, value in pipeline.report().seconds.items()}
            length = spoken * len(lines)
            emit("end_to_end", case, took, "s", **about, rtf=round(took / length, 5), audio_s=length, stages=stages)
        emit("end_to_end", "conditioning", 1e3 * new_voice(pipeline, single), "ms", **about)
    pipeline.release()


def new_voice(pipeline: Pipeline, lines: list[Line]) -> float:
    """Seconds to compute a 10 s voice that is not cached."""
    voice = lines[0].voice
    assert voice is not None, "every line of the benchmark has a voice"

    def compute() -> None:
        pipeline._conditioning.clear()
        pipeline._conditioning.voice(voice.audio)

    return seconds(compute)


def measure_memory(folder: Path, arguments: argparse.Namespace) -> None:
    """Peak of what PyTorch allocates from loading to the last sample."""
    half = LoadOptions(arguments.device, use_fp16=True)
    for case, count, load in (
        ("peak-memory-1-line", 1, half),
        ("peak-memory-16-lines", 16, half),
        ("peak-memory-low", 1, replace(half, low_memory=True)),
    ):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        pipeline = Pipeline.load(folder, load)
        with endless(pipeline):
            list(pipeline.speak(lines_of(count, min(count, 4)), speak_options(arguments, 1)))
        emit("end_to_end", case, torch.cuda.max_memory_allocated() / 2**30, "GiB", "float16")
        pipeline.release()
        del pipeline


def check_half_precision(folder: Path, arguments: argparse.Namespace) -> None:
    """The same codes and noise through both precisions' flow and vocoder; raises `Refused` where they part."""
    if not arguments.fp16:
        return
    voice = lines_of(1, 1)[0].voice
    sounds = [sound_of(folder, voice, LoadOptions(arguments.device, use_fp16=half)) for half in (False, True)]
    (mel, wave), (half_mel, half_wave) = sounds
    error = (torch.linalg.vector_norm(half_mel - mel) / torch.linalg.vector_norm(mel)).item()
    distance = log_spectral_distance(half_wave, wave)
    emit("end_to_end", "half-precision-mel", error, "relative", "float16")
    emit("end_to_end", "half-precision-spectrum", distance, "dB", "float16")
    if error > MEL_TOLERANCE or distance > LOG_SPECTRAL_TOLERANCE:
        raise Refused(f"half precision: mel differs by {error:.2e}, spectrum by {distance:.2f} dB; no figures reported")


def sound_of(folder: Path, voice: Voice | None, load: LoadOptions) -> tuple[torch.Tensor, torch.Tensor]:
    """Mel [80, F] and waveform [N] of 250 fixed codes, float32 on the CPU."""
    assert voice is not None, "every line of the benchmark has a voice"
    pipeline = Pipeline.load(folder, load)
    modules = pipeline.modules
    features = pipeline._conditioning.voice(voice.audio)
    drawn = torch.randint(
        0, modules.config.semantic_codec.codebook_size, (250,), generator=torch.Generator().manual_seed(0)
    )
    prompt = build_prompt(modules.gpt, features.latents, features.emotion, range(2, 30))
    latents = latent_pass(modules.gpt, [prompt], [drawn])[0]
    segment = Segment(0, 0, Line(0, voice.name, TEXT, voice=voice), (), features, features.emotion)
    line = pipeline._flow_line(Spoken(segment, Codes(drawn, latents)))
    mel = modules.s2mel.generate([line])[0]
    return mel.float().cpu(), modules.vocoder(mel[None].to(modules.vocoder.dtype))[0, 0].float().cpu()


def log_spectral_distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """Root mean square difference of two waveforms' log power spectra, dB, over frames within 60 dB of the loudest."""
    window = torch.hann_window(1024)
    powers = [torch.stft(wave, 1024, 256, window=window, return_complex=True).abs().square() for wave in (a, b)]
    floor = powers[1].max() * 1e-6
    levels = [10 * power.clamp_min(floor).log10() for power in powers]
    return (levels[0] - levels[1]).square().mean(dim=0).sqrt().mean().item()


if __name__ == "__main__":
    main()
