"""IndexTTS2_Talk: a script spoken by any number of voices."""

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ..indextts.errors import AudioError
from . import inputs
from .run import choose_model
from .run_inputs import RunInputs, run_inputs
from .script import script_from
from .settings import ModelHandle
from .speaking import speak_script
from .voices import NodeVoice, script_of_voices, voice_from

MOST_VOICES = 32
SOCKETS = "voice{}"


class Talk(io.ComfyNode):
    """Speaks a script with the voices connected to it; each voice's socket brings the next one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        voices = io.Autogrow.TemplateNames(
            inputs.voice_input("voice"), [SOCKETS.format(number) for number in range(1, MOST_VOICES + 1)], min=1
        )
        return io.Schema(
            node_id="IndexTTS2_Talk",
            display_name="IndexTTS2 Talk",
            category="IndexTTS2",
            description="A dialogue, dubbed subtitles or an audiobook chapter, with as many voices as it has speakers.",
            search_aliases=["dialogue", "podcast", "dub", "audiobook", "multi speaker", "多人对话", "配音", "有声书"],
            inputs=[
                inputs.script_input("script"),
                io.Autogrow.Input("voices", template=voices, tooltip="The speakers. Named ones speak by name."),
                inputs.model_input(),
                inputs.language_input(),
                inputs.speed_input(),
                inputs.silence_input(),
                *inputs.acceleration_inputs(),
                *run_inputs(),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The whole."),
                inputs.TakesType.Output("takes", tooltip="The spoken lines, for IndexTTS2 Takes to Audio."),
                inputs.subtitles_output(),
                io.String.Output("info", tooltip="Who spoke, how long, and what ran."),
            ],
        )

    @classmethod
    def execute(
        cls,
        script: Any,
        voices: Mapping[str, Any],
        model_manager: ModelHandle | None = None,
        language: str = "auto",
        speed: float = 1.0,
        silence_duration: float = 0.5,
        use_accel: bool = True,
        use_torch_compile: bool = False,
        **others: Any,
    ) -> io.NodeOutput:
        run, read = RunInputs.among(others), script_from(script)
        casted = script_of_voices(
            read.text,
            _number_voices(voices),
            SOCKETS,
            silence_seconds=silence_duration,
            timing=run.timing,
            skip_sound_cues=read.skip_sound_cues or run.skip_sound_cues,
            speed=speed,
            seed=run.seed,
            line_seeds=run.line_seeds,
            remedy="connect another voice",
        )
        model = choose_model(model_manager, False, False, use_accel, use_torch_compile)
        spoken = speak_script(casted, model, run.options(language=language))
        return io.NodeOutput(spoken.audio, spoken.takes, spoken.subtitles, spoken.info)


def _number_voices(voices: Mapping[str, Any]) -> dict[int, NodeVoice]:
    """Connected voices by number from 1; sockets that were skipped take no number."""
    names = [SOCKETS.format(number) for number in range(1, MOST_VOICES + 1)]
    connected = [(name, voices[name]) for name in names if voices.get(name) is not None]
    if not connected:
        raise AudioError("voices: got none; connect an IndexTTS2 Voice or a Load Audio node")
    return {number: voice_from(value, name) for number, (name, value) in enumerate(connected, start=1)}
