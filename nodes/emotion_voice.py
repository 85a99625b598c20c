"""IndexTTS2_EmotionVoiceMultiTalk: a script whose speakers borrow their emotion from other recordings."""

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..indextts.records import Emotion, Line
from . import inputs
from .audio import audio_from
from .lines import NodeScript, collect_numbered
from .run import choose_model
from .run_inputs import RunInputs, run_inputs
from .settings import ModelHandle
from .speaking import prepare_output, save_dialogue, speak_script

SOCKETS = "speaker{}_voice"
SCRIPT = "Speaker1: [Happy] Hello, how are you today!\nSpeaker2: [Excited] I'm doing great, thank you for asking!"


class EmotionVoiceMultiTalk(io.ComfyNode):
    """Speaks a dialogue; each speaker's emotion is that of a second recording, or of a tag on the line."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_EmotionVoiceMultiTalk",
            display_name="IndexTTS2 Emotion Voice Multi-Talk",
            category="IndexTTS2/Advanced",
            description="Speaks a script with up to four cloned voices that feel as in other recordings.",
            inputs=[
                *inputs.dialogue_inputs(SCRIPT, SOCKETS, "emotion_voice_conversation.wav"),
                *(field for number in inputs.SPEAKERS for field in _emotion_voice_inputs(number)),
                inputs.silence_input(),
                inputs.speed_input(),
                *inputs.precision_inputs(use_fp16=True),
                *inputs.acceleration_inputs(),
                *run_inputs(),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The whole dialogue."),
                io.String.Output("conversation_info", tooltip="Who spoke, with what emotion, how long, and what ran."),
                *inputs.later_outputs(),
            ],
        )

    @classmethod
    def validate_inputs(cls, output_filename: str) -> bool | str:
        return inputs.check_output_filename(output_filename)

    @classmethod
    def execute(
        cls,
        num_speakers: str,
        conversation_text: str,
        output_filename: str,
        model_manager: ModelHandle | None = None,
        silence_duration: float = 0.5,
        speed: float = 1.0,
        use_fp16: bool = True,
        use_cuda_kernel: bool = False,
        use_accel: bool = True,
        use_torch_compile: bool = False,
        **others: Any,
    ) -> io.NodeOutput:
        file = prepare_output(output_filename)
        run = RunInputs.among(others)
        script = _script_with_emotion_voices(conversation_text, int(num_speakers), others)
        script = replace(script, silence_seconds=silence_duration, speed=speed, seed=run.seed)
        script = replace(script, timing=run.timing, skip_sound_cues=run.skip_sound_cues)
        script = replace(script, line_seeds=run.line_seeds)
        model = choose_model(model_manager, use_fp16, use_cuda_kernel, use_accel, use_torch_compile)
        spoken = speak_script(script, model, run.options())
        _, info = save_dialogue(spoken, file)
        return io.NodeOutput(spoken.audio, f"{info}\n{spoken.emotions}", spoken.stems, spoken.subtitles, spoken.takes)


def _script_with_emotion_voices(text: str, count: int, speakers: dict[str, Any]) -> NodeScript:
    """The node's script. `speakers` holds every input that is numbered by voice."""
    strengths = collect_numbered(speakers, "speaker{}_emotion_alpha", count, default=1.0)
    borrowed = {
        number: Emotion("audio", audio=audio_from(recording, f"speaker{number}_emotion_voice"), alpha=strengths[number])
        for number, recording in collect_numbered(speakers, "speaker{}_emotion_voice", count).items()
        if recording is not None
    }

    def choose_emotion(line: Line, number: int) -> Emotion | None:
        if line.emotion is not None:
            return replace(line.emotion, alpha=line.emotion.alpha * strengths[number])
        return borrowed.get(number)

    recordings = collect_numbered(speakers, SOCKETS, count)
    return NodeScript(text=text, recordings=recordings, sockets=SOCKETS, emotion=choose_emotion)


def _emotion_voice_inputs(number: int) -> list[io.Input]:
    return [
        inputs.audio_input(
            f"speaker{number}_emotion_voice",
            f"A recording with the emotion of speaker {number}; anyone may speak in it. A [Happy]-like tag in the "
            "script wins for its line.",
        ),
        inputs.float_input(
            f"speaker{number}_emotion_alpha",
            1.0,
            (0.0, 2.0, 0.1),
            f"How strong speaker {number}'s emotion is, from recording or tag. 0 is none, 1 as given; only "
            "recordings go beyond 1.",
        ),
    ]
