"""IndexTTS2_EmotionVoiceMultiTalk: a script whose speakers borrow their emotion from other recordings."""

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..indextts.audio_file import check_output, write_audio
from ..indextts.dialogue.timeline import assemble
from ..indextts.options import SpeakOptions
from ..indextts.records import Emotion, Line
from . import inputs
from .audio import audio_from, audio_to
from .emotions import analyze
from .folders import output_file
from .lines import Script, prepare
from .performance import choose_model, perform
from .settings import ModelHandle
from .summary import summarize

SOCKETS = "speaker{}_voice"
SCRIPT = "Speaker1: [Happy] Hello, how are you today!\nSpeaker2: [Excited] I'm doing great, thank you for asking!"
VOICE = "The voice of speaker {}: a few clean seconds, 15 at most are used."


class EmotionVoiceMultiTalk(io.ComfyNode):
    """Speaks a dialogue; each speaker's emotion is that of a second recording, or of a tag on the line."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_EmotionVoiceMultiTalk",
            display_name="IndexTTS2 Emotion Voice Multi-Talk",
            category="IndexTTS2/Advanced",
            description="Speaks a script with up to four cloned voices that feel as in other recordings.",
            inputs=[*_script(), *_emotions(), *_delivery(), *inputs.additions()],
            outputs=[
                io.Audio.Output("audio", tooltip="The whole dialogue."),
                io.String.Output("conversation_info", tooltip="Who spoke, with what emotion, how long, and what ran."),
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
        seed: int = 0,
        num_beams: int = 3,
        **speakers: Any,
    ) -> io.NodeOutput:
        file = output_file(output_filename)
        check_output(file)
        cast = prepare(_read(conversation_text, int(num_speakers), speakers, speed, seed))
        model = choose_model(model_manager, use_fp16, use_cuda_kernel, use_accel, use_torch_compile)
        performance = perform(model, cast.lines, SpeakOptions(num_beams=num_beams), verbose=False)
        timeline = assemble(performance.takes, silence_duration)
        write_audio(file, timeline.waveform, timeline.sample_rate)
        info = summarize(cast, performance, timeline, file, SOCKETS)
        audio = audio_to(timeline.waveform, timeline.sample_rate)
        return io.NodeOutput(audio, f"{info}\n{analyze(performance.takes)}")


def _read(text: str, count: int, speakers: dict[str, Any], speed: float, seed: int) -> Script:
    """The node's script. `speakers` holds every input that is numbered by voice."""
    numbers = range(1, count + 1)
    strengths = {number: speakers.get(f"speaker{number}_emotion_alpha", 1.0) for number in numbers}
    borrowed = {
        number: Emotion("audio", audio=audio_from(recording, name), alpha=strengths[number])
        for number in numbers
        if (recording := speakers.get(name := f"speaker{number}_emotion_voice")) is not None
    }

    def emotion(line: Line, number: int) -> Emotion | None:
        if line.emotion is not None:
            return replace(line.emotion, alpha=line.emotion.alpha * strengths[number])
        return borrowed.get(number)

    return Script(
        text=text,
        recordings={number: speakers.get(SOCKETS.format(number)) for number in numbers},
        inputs=SOCKETS,
        emotion=emotion,
        names={},
        speed=speed,
        seed=seed,
    )


def _script() -> list[io.Input]:
    return [
        inputs.num_speakers(),
        inputs.conversation_text(SCRIPT),
        inputs.recording("speaker1_voice", VOICE.format(1), optional=False),
        inputs.output_filename("emotion_voice_conversation.wav"),
        *(inputs.recording(SOCKETS.format(number), VOICE.format(number)) for number in inputs.SPEAKERS[1:]),
        inputs.model_manager(),
    ]


def _emotions() -> list[io.Input]:
    return [field for number in inputs.SPEAKERS for field in _emotion(number)]


def _emotion(number: int) -> list[io.Input]:
    return [
        inputs.recording(
            f"speaker{number}_emotion_voice",
            f"A recording with the emotion of speaker {number}; anyone may speak in it. A [Happy]-like tag in the "
            "script wins for its line.",
        ),
        inputs.amount(
            f"speaker{number}_emotion_alpha",
            1.0,
            0.0,
            2.0,
            0.1,
            f"How strong speaker {number}'s emotion is, from recording or tag. 0 is none, 1 as given; only "
            "recordings go beyond 1.",
        ),
    ]


def _delivery() -> list[io.Input]:
    return [
        inputs.silence_duration(),
        inputs.speed(),
        *inputs.precision_switches(use_fp16=True),
        *inputs.acceleration_switches(),
    ]
