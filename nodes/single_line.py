"""The single-line nodes that older packs had, as faces of Say: saved workflows load, run, and say what is said.

Widgets stand in the order in which those files hold them. Inputs that mean nothing to the model say so.
"""

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from . import inputs
from .audio import audio_from
from .emotions import SpeakerEmotion, emotion_for
from .run import choose_model
from .run_inputs import RunInputs
from .say import say_text
from .settings import ModelHandle
from .speaker_emotion import FEELINGS, weight_inputs
from .speaking import SpokenDialogue, prepare_output, save_dialogue
from .voices import NodeVoice, voice_from

CATEGORY = "IndexTTS2/Older workflows"
WITHOUT_EFFECT = "For older workflows: the model has nothing of the kind, and it changes nothing."
LENGTH_MODES = ("speed_control", "token_control", "target_duration")
CODES_PER_SECOND = 50
VERBOSE = "Write what happens to the console."


class _OneLine(io.ComfyNode):
    """What the four share."""

    @classmethod
    def validate_inputs(cls, output_filename: str) -> bool | str:
        return inputs.check_output_filename(output_filename)


class Basic(_OneLine):
    """A text in one voice."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Basic",
            display_name="IndexTTS2 Basic TTS",
            category=CATEGORY,
            description="A text in one voice. New workflows: IndexTTS2 Say.",
            inputs=[
                *_text_inputs("Hello, this is IndexTTS2 speaking!"),
                _file_input("indextts2_output.wav"),
                inputs.model_input(),
                inputs.language_input(),
                inputs.speed_input(),
                *inputs.sampling_inputs(),
                *_end_inputs(),
            ],
            outputs=_outputs(),
        )

    @classmethod
    def execute(cls, text: str, speaker_audio: Any, output_filename: str, **others: Any) -> io.NodeOutput:
        file = prepare_output(output_filename)
        spoken = _say(text, speaker_audio, others, others.get("speed", 1.0))
        return io.NodeOutput(spoken.audio, *save_dialogue(spoken, file))


class Duration(_OneLine):
    """A text in one voice, in a given length."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Duration",
            display_name="IndexTTS2 Duration Control",
            category=CATEGORY,
            description="A text in one voice, faster, slower or in a given length. New workflows: IndexTTS2 Say.",
            inputs=[
                *_text_inputs("This is a duration-controlled speech synthesis."),
                _length_mode(("auto", "speed_control", "token_control"), optional=False),
                _file_input("indextts2_duration_output.wav"),
                inputs.model_input(),
                *_length_inputs(),
                _ignored("prosody_preservation", 0.8),
                *_end_inputs(),
            ],
            outputs=[*_outputs(), io.Float.Output("actual_duration", tooltip="Seconds of speech.")],
        )

    @classmethod
    def execute(
        cls, text: str, speaker_audio: Any, duration_mode: str, output_filename: str, **others: Any
    ) -> io.NodeOutput:
        file = prepare_output(output_filename)
        speed, seconds = _wished_length(duration_mode, others)
        spoken = _say(text, speaker_audio, others, speed, seconds=seconds)
        return io.NodeOutput(spoken.audio, *save_dialogue(spoken, file), _seconds(spoken))


class Emotion(_OneLine):
    """A text in one voice, with an emotion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Emotion",
            display_name="IndexTTS2 Emotion Control",
            category=CATEGORY,
            description="A text in one voice, with an emotion. New workflows: IndexTTS2 Say with IndexTTS2 Emotion.",
            inputs=[
                *_text_inputs("This speech will have controlled emotional expression."),
                _emotion_mode("audio_prompt", ("audio_prompt", "emotion_vector", "text_description", "auto")),
                _file_input("indextts2_emotion_output.wav"),
                inputs.model_input(),
                *_emotion_start(),
                *weight_inputs(),
                _emotion_text(),
                inputs.switch_input("use_random", False, WITHOUT_EFFECT),
                *_end_inputs(),
            ],
            outputs=[*_outputs(), _analysis_output()],
        )

    @classmethod
    def execute(
        cls, text: str, speaker_audio: Any, emotion_mode: str, output_filename: str, **others: Any
    ) -> io.NodeOutput:
        file = prepare_output(output_filename)
        spoken = _say(text, speaker_audio, others, 1.0, _emotion(emotion_mode, others))
        return io.NodeOutput(spoken.audio, *save_dialogue(spoken, file), spoken.emotions)


class Advanced(_OneLine):
    """A text in one voice, with length and emotion."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_Advanced",
            display_name="IndexTTS2 Advanced Control",
            category=CATEGORY,
            description="A text in one voice, with length and emotion. New workflows: IndexTTS2 Say.",
            inputs=[
                *_text_inputs("This is advanced IndexTTS2 synthesis with full control."),
                _file_input("indextts2_advanced_output.wav"),
                inputs.model_input(),
                inputs.switch_input("enable_duration_control", False, "Off: the length is the voice's own."),
                _length_mode(LENGTH_MODES, optional=True),
                *_length_inputs(),
                inputs.switch_input("enable_emotion_control", False, "Off: as the voice sounds."),
                _emotion_mode("audio_prompt", ("audio_prompt", "emotion_vector", "text_description", "mixed"), True),
                *_emotion_start(),
                _emotion_text(),
                *weight_inputs(),
                inputs.switch_input("use_gpt_latents", True, WITHOUT_EFFECT),
                _ignored("prosody_preservation", 0.8),
                _ignored("stability_enhancement", 0.7),
                _ignored("clarity_boost", 0.5),
                *inputs.sampling_inputs(),
                inputs.switch_input("use_random", False, WITHOUT_EFFECT),
                *_end_inputs(),
            ],
            outputs=[
                *_outputs(),
                io.Float.Output("duration", tooltip="Seconds of speech."),
                _analysis_output(),
                inputs.StatsType.Output("synthesis_stats", tooltip="Seconds, lines and speed as figures."),
            ],
        )

    @classmethod
    def execute(cls, text: str, speaker_audio: Any, output_filename: str, **others: Any) -> io.NodeOutput:
        file = prepare_output(output_filename)
        speed, seconds, emotion = 1.0, None, None
        if others.get("enable_duration_control", False):
            speed, seconds = _wished_length(others.get("duration_mode", LENGTH_MODES[0]), others)
        if others.get("enable_emotion_control", False):
            emotion = _emotion(others.get("emotion_mode", "audio_prompt"), others)
        spoken = _say(text, speaker_audio, others, speed, emotion, seconds)
        stats = {"duration": _seconds(spoken), "lines": len(spoken.takes.takes), "speed": speed}
        return io.NodeOutput(spoken.audio, *save_dialogue(spoken, file), _seconds(spoken), spoken.emotions, stats)


def _say(
    text: str,
    audio: Any,
    others: Mapping[str, Any],
    speed: float,
    emotion: SpeakerEmotion | None = None,
    seconds: float | None = None,
) -> SpokenDialogue:
    manager: ModelHandle | None = others.get("model_manager")
    fp16, kernel = (bool(others.get(name, False)) for name in ("use_fp16", "use_cuda_kernel"))
    model = choose_model(manager, fp16, kernel, accel=True, compiled=False)
    options = {"language": others.get("language", "auto")}
    options |= {name: others[name] for name in ("temperature", "top_p") if name in others}
    voice = NodeVoice(voice_from(audio, "speaker_audio").recording)
    verbose = bool(others.get("verbose", True))
    return say_text(text, voice, model, RunInputs(), emotion, options, speed, seconds, verbose)


def _wished_length(mode: str, others: Mapping[str, Any]) -> tuple[float, float | None]:
    """Speed, and seconds where a length is asked for."""
    if mode in ("speed_control", "auto"):
        return float(others.get("speed_multiplier", 1.0)), None
    codes = int(others.get("token_count", 0))
    seconds = codes / CODES_PER_SECOND if mode == "token_control" else float(others.get("target_duration", 0.0))
    return 1.0, seconds or None


def _emotion(mode: str, others: Mapping[str, Any]) -> SpeakerEmotion:
    audio = others.get("emotion_audio")
    if mode == "mixed":
        mode = "audio_prompt" if audio is not None else "emotion_vector"
    recording = audio_from(audio, "emotion_audio") if mode == "audio_prompt" else None
    vector = tuple(others.get(name, float(name == "neutral")) for name in FEELINGS)
    text, alpha = others.get("emotion_text", ""), others.get("emotion_alpha", 1.0)
    return SpeakerEmotion("", mode, emotion_for(mode, recording, vector, text, alpha))


def _seconds(spoken: SpokenDialogue) -> float:
    return spoken.timeline.waveform.shape[-1] / spoken.timeline.sample_rate


def _text_inputs(default: str) -> list[io.Input]:
    return [
        io.String.Input("text", multiline=True, default=default, tooltip="What is said."),
        inputs.audio_input("speaker_audio", "The voice: a few clean seconds, 15 at most are used.", optional=False),
    ]


def _file_input(default: str) -> io.Input:
    return io.String.Input("output_filename", default=default, tooltip=inputs.OUTPUT_FILE)


def _end_inputs() -> list[io.Input]:
    return [*inputs.precision_inputs(use_fp16=False), inputs.switch_input("verbose", True, VERBOSE)]


def _length_mode(modes: tuple[str, ...], optional: bool) -> io.Input:
    return io.Combo.Input(
        "duration_mode",
        options=list(modes),
        default=LENGTH_MODES[0],
        optional=optional,
        tooltip="speed_control: speed_multiplier decides. token_control: token_count. target_duration: seconds.",
    )


def _length_inputs() -> list[io.Input]:
    return [
        inputs.float_input("speed_multiplier", 1.0, (0.5, 2.0, 0.05), "How fast the speech is; the pitch stays."),
        inputs.float_input("target_duration", 0.0, (0.0, 60.0, 0.1), "Seconds the speech lasts; 0 leaves it free."),
        io.Int.Input(
            "token_count",
            default=0,
            min=0,
            max=2048,
            optional=True,
            tooltip=f"The same in codes, {CODES_PER_SECOND} a second; 0 leaves it free.",
        ),
    ]


def _ignored(name: str, default: float) -> io.Input:
    return inputs.float_input(name, default, (0.0, 1.0, 0.1), WITHOUT_EFFECT)


def _emotion_mode(default: str, modes: tuple[str, ...], optional: bool = False) -> io.Input:
    return io.Combo.Input(
        "emotion_mode",
        options=list(modes),
        default=default,
        optional=optional,
        tooltip="audio_prompt: as in emotion_audio. emotion_vector: the weights. text_description: as emotion_text "
        "says. auto: from the line itself. mixed: the recording if one is connected, else the weights.",
    )


def _emotion_start() -> list[io.Input]:
    return [
        inputs.audio_input("emotion_audio", "A recording with the emotion, for audio_prompt."),
        inputs.float_input("emotion_alpha", 1.0, (0.0, 2.0, 0.1), "How strong the emotion is; 0 is none."),
    ]


def _emotion_text() -> io.Input:
    return io.String.Input(
        "emotion_text", multiline=True, default="", optional=True, tooltip="The emotion in words, for text_description."
    )


def _outputs() -> list[io.Output]:
    return [
        io.Audio.Output("audio", tooltip="The speech."),
        io.String.Output("output_path", tooltip="The file that was written."),
        io.String.Output("info", tooltip="How long it is, and what ran."),
    ]


def _analysis_output() -> io.Output:
    return io.String.Output("emotion_analysis", tooltip="The emotion of every line.")
