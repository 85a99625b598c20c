"""From script to waveform: one line and a 16-line dialogue, with each toggle on and off.

    python benchmarks/end_to_end.py [--folder DIR] [--small] [--quick] [--only CASE ...]

First lines are those of new processes, see end_to_end_start.py.

Without --folder a released-layout folder of seeded weights is written to a temporary place (TMPDIR says where; 6 GB),
full-size unless --small. Seeded weights never say when a line ends, so the stop code is made impossible and every line
is cut at its limit: the work of a spoken line of that length. Prints one JSON line a figure as soon as it is known,
what matters most first, and refuses where half precision changes the sound by more than its tolerance.
"""

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from flow_schedule import flow_solver
from indextts2_multitalk.indextts.loading.find import CheckpointFiles, find_checkpoint
from indextts2_multitalk.indextts.loading.models import load_models
from indextts2_multitalk.indextts.model_version import V2_0, VERSIONS, find_version
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Line
from measure import case_name, emit, seconds, version_prefix

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from end_to_end_sound import Sound, check_half_precision, lines_of, sound_of
from helpers.tones import tone

FULL_W2V_BERT = {"layers": 24, "heads": 16, "expansion": 4}
TOGGLES = {
    "full acceleration": {"use_accel": True, "use_torch_compile": True, "use_cuda_kernel": True},
    "GPT acceleration": {"use_accel": True, "use_torch_compile": False, "use_cuda_kernel": False},
    "no acceleration": {"use_accel": False, "use_torch_compile": False, "use_cuda_kernel": False},
}


def main() -> None:
    arguments = parse()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as scratch:
        files = find_checkpoint([arguments.folder or seeded_folder(Path(scratch), arguments.small, arguments.version)])
        exact = sound_of(files, load_models(files, LoadOptions(arguments.device))) if arguments.fp16 else None
        for names in (("full acceleration",), ("GPT acceleration", "no acceleration")[: 1 if arguments.quick else 2]):
            measure_toggles(files, names, exact, arguments)
            if "full acceleration" in names and torch.cuda.is_available():
                measure_memory(files, arguments)


def measure_toggles(
    files: CheckpointFiles, names: Sequence[str], exact: Sound | None, arguments: argparse.Namespace
) -> None:
    """The models are loaded once for all `names` and dropped at the end."""
    empty_device()
    modules = load_models(files, LoadOptions(arguments.device, use_fp16=arguments.fp16))
    if exact is not None:
        check_half_precision(sound_of(files, modules), exact, version_prefix(arguments.version))
    for name in names:
        measure(Pipeline(modules, files, options_of(name, arguments)), name, arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="a released folder; its own weights then say the lines")
    numbers = [version.number for version in VERSIONS]
    parser.add_argument(
        "--version", choices=numbers, default=V2_0.number, help="of the seeded weights, or the folder's"
    )
    parser.add_argument("--small", action="store_true", help="tiny seeded weights: does the benchmark itself run?")
    parser.add_argument("--quick", action="store_true", help="leave out the slow run without acceleration")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="only figures whose names start so")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech in a line")
    arguments = parser.parse_args()
    arguments.fp16 = arguments.device.startswith("cuda")
    return arguments


def seeded_folder(scratch: Path, small: bool, version: str = V2_0.number) -> Path:
    """A released-layout folder with seeded weights, of the released sizes unless `small`."""
    from helpers.released_folder import write_released_folder  # imports much that speaking does not

    if small:
        return write_released_folder(scratch, version=version)
    config = json.loads((TESTS / "goldens" / "full_config.json").read_text(encoding="utf-8"))
    config["gpt"]["number_text_tokens"] = find_version(version).number_text_tokens
    return write_released_folder(scratch, config, w2v_bert=FULL_W2V_BERT, version=version)


CASES = (
    ("whole-line", lines_of(1, 1), 1, 7),
    ("whole-line-3-beams", lines_of(1, 1), 3, 5),
    ("dialogue-16", lines_of(16, 4), 1, 3),
    ("dialogue-16-3-beams", lines_of(16, 4), 3, 3),
    ("dialogue-16-mixed", lines_of(16, 4), 3, 3),
)
"""Name, lines, beams, and how often it is measured."""
MIXED = tuple(0.2 + 1.3 * line / 15 for line in range(16))
"""Where each line of the mixed dialogue is cut, in shares of a line's usual length: 2 to 15 s."""


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


@contextmanager
def limited(pipeline: Pipeline, limits: Sequence[float]) -> Iterator[None]:
    """Line n, of one segment, ends after `limits[n]` seconds; without limits, as the options say."""
    decoder = pipeline._decoding.decoder
    generate = decoder.generate

    def generate_limited(requests, on_poll):
        codes = [round(pipeline.modules.version.codes_per_second * limit) for limit in limits]
        yield from generate([replace(r, max_tokens=c) for r, c in zip(requests, codes, strict=True)], on_poll)

    if limits:
        decoder.generate = generate_limited
    try:
        yield
    finally:
        vars(decoder).pop("generate", None)


def speak_options(arguments: argparse.Namespace, beams: int) -> SpeakOptions:
    version = find_version(getattr(arguments, "version", V2_0.number))
    codes, seeded = (
        round(arguments.seconds * version.codes_per_second),
        getattr(arguments, "seeded", arguments.folder is None),
    )
    return SpeakOptions(max_codes=codes, num_beams=beams, flow_solver=flow_solver(seeded))


def options_of(name: str, arguments: argparse.Namespace) -> LoadOptions:
    return LoadOptions(arguments.device, use_fp16=arguments.fp16, **TOGGLES[name])


def dtype_of(arguments: argparse.Namespace) -> str:
    return "float16" if arguments.fp16 else "float32"


def wanted(case: str, arguments: argparse.Namespace) -> bool:
    return arguments.only is None or case.startswith(tuple(arguments.only))


def measure(pipeline: Pipeline, name: str, arguments: argparse.Namespace) -> None:
    """First and later lines, stages, the dialogue and a new voice, under one set of toggles."""
    about = {"dtype": dtype_of(arguments), "toggles": name, "version": arguments.version}
    accelerated = pipeline.options.use_accel
    with endless(pipeline):
        speak(pipeline, lines_of(1, 1), speak_options(arguments, 1))
        for case, lines, beams, repeats in CASES:
            # Without acceleration a dialogue is sixteen times the line: minutes, and no new figure.
            if wanted(case, arguments) and (accelerated or len(lines) == 1):
                options = speak_options(arguments, beams)
                with limited(pipeline, [arguments.seconds * m for m in MIXED] if case.endswith("mixed") else []):
                    measure_case(pipeline, case, lines, options, repeats if accelerated else 1, about)
        if wanted("conditioning", arguments):
            measure_conditioning(pipeline, about)
    pipeline.release()


def speak(pipeline: Pipeline, lines: Sequence[Line], options: SpeakOptions) -> float:
    """Seconds of speech. Voices are known from before; texts are read anew."""
    pipeline._text.forget_texts()
    return sum(take.seconds for take in pipeline.speak(lines, options))


def measure_case(
    pipeline: Pipeline, case: str, lines: Sequence[Line], options: SpeakOptions, repeats: int, about: dict[str, str]
) -> None:
    for _ in range(2):
        length = speak(pipeline, lines, options)  # the second captures what the first has run
    texts = []

    def speak_once() -> None:
        speak(pipeline, lines, options)
        texts.append(pipeline.report().seconds["text"])

    took = seconds(speak_once, repeats, warm_up=0)
    stages = {stage: round(value, 4) for stage, value in pipeline.report().seconds.items()}
    schedule = pipeline.report().flow_schedule
    report(case, took, "s", about, rtf=round(took / length, 5), audio_s=length, stages=stages, schedule=schedule)
    if case == "dialogue-16":
        report("text-16", median(texts), "s", about)


def report(case: str, value: float, unit: str, about: dict[str, str], **more: object) -> None:
    version, named = about["version"], {key: value for key, value in about.items() if key != "version"}
    emit("end_to_end", version_prefix(version) + case_name(case, **named), value, unit, **about, **more)


def measure_conditioning(pipeline: Pipeline, about: dict[str, str]) -> None:
    """A voice that is not cached: the first of all, and the median of more, no two of one length."""
    conditioning = pipeline._conditioning
    voices = [Audio(tone(110.0 + 7 * n, 10.0 - 0.03 * n, 22050), 22050) for n in range(8)]
    conditioning.release()
    took = [seconds(lambda voice=voice: conditioning.encode_voice(voice), repeats=1, warm_up=0) for voice in voices]
    first, *later = (1e3 * value for value in took)
    report("conditioning", median(later), "ms", about, first_ms=round(first, 1))


def measure_memory(files: CheckpointFiles, arguments: argparse.Namespace) -> None:
    """Peak of what PyTorch allocates from loading to the last sample."""
    half, about = options_of("full acceleration", arguments), {"dtype": "float16", "toggles": "full acceleration"}
    about["version"] = arguments.version
    for counts, load in (((1, 16), half), ((1,), replace(half, low_memory=True))):
        empty_device()
        torch.cuda.reset_peak_memory_stats()
        before = round(torch.cuda.memory_allocated() / 2**30, 4)
        pipeline = Pipeline.load(files, load)
        with endless(pipeline):
            for count in counts:
                speak(pipeline, lines_of(count, min(count, 4)), speak_options(arguments, 1))
                case = "peak-memory-low" if load.low_memory else f"peak-memory-{count}-line{'s'[: count - 1]}"
                held = round(torch.cuda.max_memory_reserved() / 2**30, 4)
                peak = torch.cuda.max_memory_allocated() / 2**30
                report(case, peak, "GiB", about, with_allocators_reserve=held, held_before=before)
                if case == "peak-memory-16-lines":
                    report("reserved-16-lines", held, "GiB", about)
        pipeline.release()
        del pipeline


def empty_device() -> None:
    """Nothing of an earlier pipeline is left: nor the 32 MiB that cuBLAS keeps for every stream graphs were made on."""
    gc.collect()
    if torch.cuda.is_available():
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
