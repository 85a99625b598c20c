"""What the engine gains on a CPU: one line and eight, with one beam and three, beside the plain loop.

    python benchmarks/decode_cpu.py [--sizes toy demo wide] [--codes 60] [--threads 1]

Sizes: a toy's, where there is little but overhead, the demonstration voice's, and one that memory holds back. Seeded
weights; the stop code is made impossible, so every line draws `--codes` codes. Refuses unless both decoders draw the
same ones. `speedup` is plain time over engine time; times are the process's own, other programs left out.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
from indextts2_multitalk.accel.engine import Engine
from indextts2_multitalk.accel.request import Decoder, Request
from indextts2_multitalk.accel.sampling.params import SamplingParams
from indextts2_multitalk.indextts.gpt.model import UnifiedVoice
from indextts2_multitalk.indextts.gpt.plain_decoder import PlainDecoder
from measure import Refused, emit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.tiny_gpt import random_prompt, tiny_voice

HEAD_WIDTH, PROMPT_ROWS, REPEATS = 64, 60, 5


class Size(NamedTuple):
    layers: int
    width: int
    codes: int


SIZES = {"toy": Size(2, 64, 512), "demo": Size(8, 192, 3074), "wide": Size(8, 512, 8194)}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    for name in arguments.sizes:
        run(name, SIZES[name], arguments.codes)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--codes", type=int, default=60, help="that every line draws")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def run(name: str, size: Size, codes: int) -> None:
    """Every case at one size."""
    model = build(size, codes)
    plain, engine = PlainDecoder(model), Engine(model.decoder_weights())
    for beams in (1, 3):
        for lines in (1, 8):
            todo = requests(model, lines, beams, codes)
            slow, fast = compare(plain, engine, todo)
            case = f"cpu-{name}-{lines}-lines-{beams}-beams"
            more = {"plain": round(slow, 4), "speedup": round(slow / fast, 3), "model": f"{size.layers}x{size.width}"}
            emit("decode_cpu", case, fast, "ms/code/line", "float32", **more)


def build(size: Size, codes: int) -> UnifiedVoice:
    model = tiny_voice(
        scale=0.02,
        layers=size.layers,
        model_dim=size.width,
        heads=size.width // HEAD_WIDTH,
        number_mel_codes=size.codes,
        start_mel_token=size.codes - 2,
        stop_mel_token=size.codes - 1,
        max_mel_tokens=codes,
    )
    model.mel_head.bias[size.codes - 1] = -1e4
    return model


def requests(model: UnifiedVoice, lines: int, beams: int, codes: int) -> list[Request]:
    sampling = SamplingParams(num_beams=beams)
    return [Request(random_prompt(model, PROMPT_ROWS + i, i), i, sampling, codes) for i in range(lines)]


def compare(plain: Decoder, engine: Decoder, todo: list[Request]) -> tuple[float, float]:
    """The least milliseconds of CPU time a code and line of each, of `REPEATS` runs in turns after a warm one."""
    if spoken(plain, todo) != spoken(engine, todo):
        raise Refused(f"{len(todo)} lines, {todo[0].sampling}: engine and plain loop draw different codes")
    times = [(seconds(plain, todo), seconds(engine, todo)) for _ in range(REPEATS)]
    slow, fast = (1e3 * min(column) / todo[0].max_tokens / len(todo) for column in zip(*times, strict=True))
    return slow, fast


def spoken(decoder: Decoder, todo: list[Request]) -> list[list[int]]:
    codes = {answer.index: answer.tokens.tolist() for answer in decoder.generate(todo)}
    return [codes[index] for index in sorted(codes)]


def seconds(decoder: Decoder, todo: list[Request]) -> float:
    start = time.process_time()
    list(decoder.generate(todo))
    return time.process_time() - start


if __name__ == "__main__":
    main()
