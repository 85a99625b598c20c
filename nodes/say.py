"""IndexTTS2_Say: one voice says one text."""

from typing import Any

from comfy_api.latest import io

from .emotions import SpeakerEmotion
from .inputs import (
    SpeakerEmotionType,
    TakesType,
    acceleration_inputs,
    language_input,
    model_input,
    speed_input,
    voice_input,
)
from .run import choose_model
from .run_inputs import RunInputs, run_inputs
from .settings import ModelHandle
from .speaking import SpokenDialogue, speak_script
from .voices import NodeVoice, script_of_voices, voice_from


class Say(io.ComfyNode):
    """A text in one voice; a script of one speaker, tags and pauses included."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Say",
            display_name="IndexTTS2 Say",
            category="IndexTTS2",
            description="Text to speech in a cloned voice.",
            search_aliases=["text to speech", "tts", "speak", "narration", "语音合成", "朗读"],
            inputs=[
                io.String.Input(
                    "text",
                    multiline=True,
                    default="Hello! This is my voice.",
                    tooltip="What is said. [Happy] colours it, [pause:500ms] pauses; a new row is a new line.",
                ),
                voice_input("voice"),
                model_input(),
                SpeakerEmotionType.Input(
                    "emotion", optional=True, tooltip="How it is said; wins over the voice's own."
                ),
                language_input(),
                speed_input(),
                *acceleration_inputs(),
                *run_inputs(),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The speech."),
                TakesType.Output("takes", tooltip="The spoken lines, for IndexTTS2 Takes to Audio."),
                io.String.Output("info", tooltip="How long it is, and what ran."),
            ],
        )

    @classmethod
    def execute(
        cls,
        text: str,
        voice: Any,
        model_manager: ModelHandle | None = None,
        emotion: SpeakerEmotion | None = None,
        language: str = "auto",
        speed: float = 1.0,
        use_accel: bool = True,
        use_torch_compile: bool = False,
        **others: Any,
    ) -> io.NodeOutput:
        run = RunInputs.among(others)
        model = choose_model(model_manager, False, False, use_accel, use_torch_compile)
        spoken = say_text(text, voice_from(voice, "voice"), model, run, emotion, {"language": language}, speed)
        return io.NodeOutput(spoken.audio, spoken.takes, spoken.info)


def say_text(
    text: str,
    voice: NodeVoice,
    model: ModelHandle,
    run: RunInputs,
    emotion: SpeakerEmotion | None,
    options: dict[str, Any],
    speed: float = 1.0,
    seconds: float | None = None,
    verbose: bool = False,
) -> SpokenDialogue:
    """Speak a text with one voice. `emotion` wins over the voice's own, `options` are further `SpeakOptions`."""
    speaker = NodeVoice(voice.recording, "", voice.boost, emotion or voice.emotion)
    script = script_of_voices(
        text,
        {1: speaker},
        "voice",
        speed=speed,
        seed=run.seed,
        line_seeds=run.line_seeds,
        timing=run.timing,
        skip_sound_cues=run.skip_sound_cues,
        alone=True,
        seconds=seconds,
        remedy="This node has one voice: use IndexTTS2 Talk for a script of several speakers",
    )
    return speak_script(script, model, run.options(**options), verbose)
