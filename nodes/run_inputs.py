"""What of a run is chosen on the node that speaks, beside script, voices and model: inputs and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from comfy_api.latest import io

from ..indextts.dialogue.timeline import TIMINGS
from ..indextts.errors import ConfigError, ScriptError
from ..indextts.options import FLOW_SOLVERS, SpeakOptions
from ..indextts.seeds import SEED_BITS
from .inputs import switch_input

LONGEST_PAIR = 40


@dataclass(frozen=True)
class RunInputs:
    """The values of `run_inputs`; a workflow that does not know one of them gets its default."""

    seed: int = 0
    num_beams: int = 3
    flow_solver: str = "auto"
    flow_steps: int = 0
    verify: bool = False
    candidates: int = 1
    timing: str = "fit"
    skip_sound_cues: bool = False
    glossary: str = ""
    line_seeds: str = ""

    @classmethod
    def among(cls, given: Mapping[str, Any]) -> "RunInputs":
        """Those in `given`, which may hold other inputs, too."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in given.items() if name in names})

    def options(self, **more: Any) -> SpeakOptions:
        """The run's settings; `more`: what a node has inputs of its own for. Raises `ConfigError` for a value that is
        none."""
        try:
            return self._make_options(more)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def _make_options(self, more: Mapping[str, Any]) -> SpeakOptions:
        return SpeakOptions(
            num_beams=self.num_beams,
            flow_solver=self.flow_solver,
            steps=self.flow_steps,
            glossary=self.glossary,
            verify=self.verify,
            candidates=self.candidates if self.verify else 1,
            **more,
        )


def run_inputs() -> list[io.Input]:
    """What today's saved workflows do not know; always after everything they do."""
    return [
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=0xFFFFFFFFFFFFFFFF,
            control_after_generate=io.ControlAfterGenerate.fixed,
            optional=True,
            tooltip="The same seed speaks the same line the same way. Change it to hear every line anew.",
        ),
        io.Int.Input(
            "num_beams",
            default=3,
            min=1,
            max=10,
            optional=True,
            tooltip="How many readings of a line compete. 3 is the model's default, 1 is fastest.",
        ),
        io.Combo.Input(
            "flow_solver",
            options=list(FLOW_SOLVERS),
            default="auto",
            optional=True,
            tooltip=(
                "How the mel is solved for. auto: with the fewest steps that are as exact as the reference's 25, "
                "measured once for a model. reference: 25 Euler steps. fast: 9 steps. draft: 6, for trying out. The "
                "report says how exact each is."
            ),
        ),
        io.Int.Input(
            "flow_steps",
            default=0,
            min=0,
            max=200,
            optional=True,
            tooltip=(
                "Steps of the flow. 0 is the solver's own number; with auto any other number is that of Euler steps."
            ),
        ),
        switch_input(
            "verify",
            False,
            "Have a recognizer hear each line, and speak again those that lost or repeated words, three times at most. "
            "English needs pocketsphinx, Chinese faster-whisper: pip install one of them.",
        ),
        io.Int.Input(
            "candidates",
            default=1,
            min=1,
            max=4,
            optional=True,
            tooltip="With verify on: takes of each line that are spoken at once; the one heard best is kept.",
        ),
        io.Combo.Input(
            "timing",
            options=list(TIMINGS),
            default="fit",
            optional=True,
            tooltip=(
                "Where subtitles' lines go. fit: in the length of their subtitles, at 0.7 to 1.4 of the usual speed. "
                "shift: as long as the voice takes, one after another. overlay: at their time, whatever sounds. "
                "pad: as shift, with silence up to the last subtitle's end."
            ),
        ),
        switch_input(
            "skip_sound_cues",
            False,
            "Leave out what is heard and not said, such as [door slams], (sighs) or ♪ … ♪, with a note. "
            "In subtitles it always is.",
        ),
        io.String.Input(
            "glossary",
            force_input=True,
            optional=True,
            tooltip=(
                "Own readings, one `term: reading` a line, such as k8s: K eight S or 行长: HANG2 ZHANG3. They win over "
                "glossary.yaml beside the model and in ComfyUI's user/default/indextts2 folder."
            ),
        ),
        io.String.Input(
            "line_seeds",
            default="",
            optional=True,
            tooltip="Seeds of single lines, such as 3:42 7:1 for the third and the seventh; the others stay as they "
            "are. The timeline's dice and pins write here.",
        ),
    ]


def read_line_seeds(text: str) -> dict[int, int]:
    """Seeds by line number, from 1. Raises `ScriptError` where the text is no list of pairs."""
    seeds = {}
    for pair in text.replace(",", " ").split():
        line, _, seed = pair.partition(":")
        if not (line.isascii() and line.isdigit() and seed.isascii() and seed.isdigit() and len(pair) < LONGEST_PAIR):
            raise ScriptError(f"line_seeds: got {pair[:40]!r}, expected LINE:SEED, such as 3:42")
        seeds[int(line)] = int(seed) % 2**SEED_BITS
    return seeds
