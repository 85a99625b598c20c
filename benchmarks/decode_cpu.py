"""What the engine gains on a CPU: one line and eight, with one beam and three, beside the plain loop.

    python benchmarks/decode_cpu.py [--layers 8] [--width 512] [--codes 60] [--threads 1]

Seeded weights; the stop code is made impossible, so every line draws `--codes` codes. Refuses unless both decoders
draw the same ones. `speedup` is plain time over engine time; times are the process's own, other programs left out.
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from indextts2_multitalk.accel.engine import Engine
from indextts2_multitalk.accel.sampling import SamplingParams
from indextts2_multitalk.accel.sequence import Decoder, Request
from indextts2_multitalk.indextts.gpt.decode import PlainDecoder
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from measure import Refused, emit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.tiny_gpt import random_prompt, tiny_voice

HEAD_WIDTH, PROMPT_ROWS, REPEATS = 64, 60, 3


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    model = build(arguments)
    plain, engine = PlainDecoder(model), Engine(model.decoder_weights())
    size = f"{arguments.layers}x{arguments.width}"
    for beams in (1, 3):
        for lines in (1, 8):
            todo = requests(model, lines, beams, arguments.codes)
            slow, expected = measure(plain, todo)
            fast, codes = measure(engine, todo)
            if codes != expected:
                raise Refused(f"{lines} lines, {beams} beams: engine and plain loop draw different codes")
            case = f"cpu-{lines}-lines-{beams}-beams"
            emit("decode_cpu", case, fast, "ms/code/line", "float32", plain=slow, speedup=slow / fast, model=size)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("layers", 8), ("width", 512), ("vocabulary", 8194), ("codes", 60), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


def build(arguments: argparse.Namespace) -> UnifiedVoice:
    codes = arguments.vocabulary
    model = tiny_voice(
        scale=0.02,
        layers=arguments.layers,
        model_dim=arguments.width,
        heads=arguments.width // HEAD_WIDTH,
        number_mel_codes=codes,
        start_mel_token=codes - 2,
        stop_mel_token=codes - 1,
        max_mel_tokens=arguments.codes,
    )
    model.mel_head.bias[codes - 1] = -1e4
    return model


def requests(model: UnifiedVoice, lines: int, beams: int, codes: int) -> list[Request]:
    sampling = SamplingParams(num_beams=beams)
    return [Request(random_prompt(model, PROMPT_ROWS + i, i), i, sampling, codes) for i in range(lines)]


def measure(decoder: Decoder, todo: list[Request]) -> tuple[float, list[list[int]]]:
    """The least milliseconds of CPU time a code and line of `REPEATS` runs after a warm one, and the codes."""
    codes = {answer.index: answer.tokens.tolist() for answer in decoder.generate(todo)}
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        list(decoder.generate(todo))
        times.append(time.process_time() - start)
    return 1e3 * min(times) / todo[0].max_tokens / len(todo), [codes[index] for index in sorted(codes)]


if __name__ == "__main__":
    main()
