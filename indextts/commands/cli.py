"""The command line and its commands. What a user can get wrong ends in one line and exit code 2."""

import argparse
import io
import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NoReturn, TypeAlias

from ..errors import ConfigError, IndexTTSError
from ..text.language import LANGUAGES
from .values import device, number, path, whole_number

ERROR, INTERRUPTED = 2, 130
LONGEST_LINE = 2000

SEED, CODES, FEW = whole_number(-(2**63), 2**64 - 1), whole_number(1, 100_000), whole_number(1, 16)

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit code."""
    _print_anything()
    try:
        options = build_parser().parse_args(arguments)
        logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(message)s")
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except IndexTTSError as error:
        print(f"indextts2: error: {_make_line(str(error))}", file=sys.stderr)
        return ERROR
    except ModuleNotFoundError as error:
        print(f"indextts2: error: {error}; install the pack's requirements: pip install -e FOLDER", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt:
        print("indextts2: stopped", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every other error of a command is said."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; {self.prog} --help says more")


def _make_line(text: str) -> str:
    """`text` on one line of a bearable length; control codes, which a terminal would obey, as escapes."""
    line = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"


def _print_anything() -> None:
    """File names that are no text, and letters that the terminal does not have, are printed as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; `command` of what it parses is the function to run, of its name in its module.

    What it parses raises `ConfigError` for an option that is wrong.
    """
    parser: argparse.ArgumentParser = _Parser(
        prog="indextts2", description="IndexTTS-2: scripts and voices in, speech out."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_say(commands)
    _add_talk(commands)
    _add_doctor(commands)
    _add_fetch(commands)
    _add_bench(commands)
    _add_tune(commands)
    return parser


def _add_command(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    def run_command(options: argparse.Namespace) -> int:
        # torch and the models take seconds to import: each command brings only what it needs.
        command: Callable[[argparse.Namespace], int] = getattr(import_module(f".{name}", __package__), name)
        return command(options)

    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=run_command)
    parser.add_argument(
        "--model-dir", type=path, metavar="DIR", help="model folder, or demo; without it the usual places"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is loaded and chosen")
    return parser


def _add_say(commands: Commands) -> None:
    parser = _add_command(commands, "say", "speak one text with one voice")
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("--voice", type=path, required=True, metavar="FILE", help="a few seconds of the speaker")
    emotion = parser.add_mutually_exclusive_group()
    emotion.add_argument("--emotion", metavar="EMOTION", help='"happy", "happy:0.6|sad:0.2" or eight numbers')
    emotion.add_argument("--emotion-text", metavar="WORDS", help="read the emotion from these words")
    emotion.add_argument("--emotion-audio", type=path, metavar="FILE", help="take the emotion from this recording")
    parser.add_argument(
        "--emotion-alpha", type=number(0, 2), default=1.0, metavar="A", help="how much of it (default 1.0)"
    )
    _add_running(parser)


def _add_talk(commands: Commands) -> None:
    parser = _add_command(commands, "talk", "speak a dialogue script with many voices")
    parser.add_argument("script", type=path, metavar="SCRIPT", help='lines as "Name: text", or subtitles such as SRT')
    parser.add_argument("--voice", action="append", required=True, metavar="NAME=FILE", help="once for each speaker")
    parser.add_argument(
        "--silence", type=number(0, 60), default=0.5, metavar="S", help="seconds between lines (default 0.5)"
    )
    parser.add_argument(
        "--timing",
        choices=("fit", "shift", "overlay", "pad"),
        default="fit",
        help="lines of subtitles: as long as these, in turn, at their time whatever sounds, or in turn and padded",
    )
    parser.add_argument(
        "--fit-speeds",
        type=number(0.25, 4),
        nargs=2,
        metavar=("SLOWEST", "FASTEST"),
        help="how far --timing fit may go (default 0.7 1.4)",
    )
    parser.add_argument(
        "--skip-sound-cues", action="store_true", help="leave out [door slams] and the like, as always in subtitles"
    )
    parser.add_argument("--srt", type=path, metavar="FILE", help="write subtitles of what was said, .srt or .vtt")
    parser.add_argument("--picture", type=path, metavar="FILE", help="draw waveform and words, PNG; needs Pillow")
    parser.add_argument("--stems", type=path, metavar="DIR", help="write each speaker alone, NAME.wav")
    _add_running(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    """Options of every command that speaks."""
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FILE", help="wav, flac, ogg or mp3")
    parser.add_argument("--seed", type=SEED, default=0, help="another seed, another take (default 0)")
    parser.add_argument("--speed", type=number(0.5, 2), default=1.0, help="0.5 to 2.0, the pitch stays (default 1.0)")
    parser.add_argument("--language", choices=LANGUAGES, default="auto")
    parser.add_argument("--glossary", type=path, metavar="FILE", help="own readings: YAML, one `term: reading` a line")
    parser.add_argument("--temperature", type=number(0.01, 10), metavar="T", help="default 0.8")
    parser.add_argument("--top-k", type=whole_number(0, 1_000_000), metavar="K", help="default 30")
    parser.add_argument("--top-p", type=number(0, 1), metavar="P", help="default 0.8")
    parser.add_argument(
        "--max-codes", type=CODES, metavar="N", help="limit of a segment, 50 codes a second, 25 of IndexTTS-2.5"
    )
    parser.add_argument(
        "--verify", action="store_true", help="hear each line, speak again those that lost or repeated words"
    )
    parser.add_argument(
        "--candidates", type=FEW, metavar="N", help="with --verify: takes of each line, the best is kept"
    )
    parser.add_argument("--tries", type=FEW, metavar="N", help="with --verify: how often a line is spoken (default 3)")
    parser.add_argument(
        "--boost", action=argparse.BooleanOptionalAction, default=True, help="level and trim the voices"
    )
    _add_machine(parser)


def _add_machine(parser: argparse.ArgumentParser) -> None:
    """Options of what runs, and how fast; `dest` is the field of `LoadOptions` or `SpeakOptions`."""
    switch = argparse.BooleanOptionalAction
    parser.add_argument(
        "--device", type=device, metavar="DEVICE", help="cuda, cuda:N, mps or cpu; without it the best there is"
    )
    parser.add_argument("--accel", dest="use_accel", action=switch, default=True, help="decode on the batched engine")
    parser.add_argument(
        "--compile", dest="use_torch_compile", action=switch, default=False, help="compile the flow with torch.compile"
    )
    parser.add_argument(
        "--cuda-kernel", dest="use_cuda_kernel", action=switch, default=True, help="the vocoder's fused GPU kernel"
    )
    parser.add_argument("--low-memory", action="store_true", help="parts take turns on the GPU: less memory, slower")
    parser.add_argument(
        "--attention",
        choices=("auto", "triton", "flash", "sdpa"),
        default="auto",
        help="attention of the engine (default auto: the fastest there is)",
    )
    parser.add_argument(
        "--int8",
        dest="quantize",
        action="store_const",
        const="int8",
        default="none",
        help="the GPT's layers in 8 bits: less memory",
    )
    parser.add_argument(
        "--fp16", dest="use_fp16", action=switch, default=None, help="half precision (default: on a GPU)"
    )
    parser.add_argument(
        "--beams", dest="num_beams", type=FEW, metavar="N", help="beams of the search (default 3; 1 is faster)"
    )
    parser.add_argument(
        "--flow-solver",
        choices=("auto", "reference", "fast", "draft"),
        default="auto",
        help="auto (the default): the fewest steps that are as exact as the reference's 25, measured once for a model",
    )
    parser.add_argument(
        "--steps",
        type=whole_number(0, 1000),
        metavar="N",
        help="steps of the flow, Euler's unless --flow-solver is fast or draft",
    )


def _add_doctor(commands: Commands) -> None:
    parser = _add_command(
        commands, "doctor", "check this machine and the model files, with a remedy for all that is missing"
    )
    parser.add_argument("--full", action="store_true", help="try the GPU's kernels and torch.compile too, in minutes")


def _add_fetch(commands: Commands) -> None:
    parser = _add_command(commands, "fetch", "download the model files that are missing, continuing where it stopped")
    parser.add_argument("--to", type=path, metavar="DIR", help="the model folder to complete")
    parser.add_argument("--version", choices=("2.0", "2.5"), help="of a new folder (default: 2.0)")
    parser.add_argument("--endpoint", metavar="URL", help="a mirror of the Hugging Face hub; HF_ENDPOINT does the same")


def _add_bench(commands: Commands) -> None:
    parser = _add_command(commands, "bench", "time every stage, for one line and for a dialogue, toggle by toggle")
    parser.add_argument("--voice", type=path, metavar="FILE", help="the voice to speak with; without it, noise")
    parser.add_argument(
        "--lines", type=whole_number(1, 10_000), default=16, metavar="N", help="lines of the dialogue (default 16)"
    )
    parser.add_argument("--max-codes", type=CODES, default=500, metavar="N", help="limit of a line (default 500: 10 s)")
    parser.add_argument("--json", type=path, metavar="FILE", help="append the results, one JSON object a line")
    _add_machine(parser)


def _add_tune(commands: Commands) -> None:
    parser = _add_command(
        commands, "tune", "find the kernel shapes that are fastest on this GPU, once, in 90 seconds at most"
    )
    _add_machine(parser)
