"""IndexTTS2_MultiTalk: a script for up to four voices, each with its own emotion."""

import logging
from typing import Any

from comfy_api.latest import io

from ..indextts.audio_file import check_output, write_audio
from ..indextts.dialogue.timeline import assemble
from ..indextts.options import SpeakOptions
from ..indextts.records import Emotion, Line
from . import inputs
from .audio import audio_to
from .emotions import SpeakerEmotion, analyze
from .folders import output_file
from .lines import Script, prepare
from .performance import choose_model, perform
from .settings import ModelHandle
from .summary import summarize

log = logging.getLogger(__name__)

SOCKETS = "speaker{}_audio"
VOICE = "The voice of speaker {}: a few clean seconds, 15 at most are used."
USUAL_PAUSE = 0.5
SCRIPT = "Speaker1: Hello, how are you today!\nSpeaker2: I'm doing great, thank you for asking!"


class MultiTalk(io.ComfyNode):
    """Speaks a dialogue with the voices and emotions connected to it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_MultiTalk",
            display_name="IndexTTS2 Multi-Talk with Emotion Control",
            category="IndexTTS2/Advanced",
            description="Speaks a script with up to four cloned voices and an emotion for each.",
            inputs=[*_script(), *_delivery(), *_emotions(), *_sampling(), *inputs.additions()],
            outputs=[
                io.Audio.Output("audio", tooltip="The whole dialogue."),
                io.String.Output("output_path", tooltip="The file that was written."),
                io.String.Output("info", tooltip="Who spoke, how long, and what ran."),
                io.String.Output("emotion_analysis", tooltip="The emotion of every line."),
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
        language: str = "auto",
        speed: float = 1.0,
        silence_duration: float = 0.5,
        voice_consistency: float = 1.0,
        reference_boost: bool = True,
        temperature: float = 0.7,
        top_p: float = 0.9,
        use_fp16: bool = False,
        use_cuda_kernel: bool = False,
        use_accel: bool = True,
        use_torch_compile: bool = False,
        verbose: bool = True,
        seed: int = 0,
        num_beams: int = 3,
        **speakers: Any,
    ) -> io.NodeOutput:
        file = output_file(output_filename)
        check_output(file)
        script = _read(conversation_text, int(num_speakers), speakers, reference_boost, speed, seed)
        cast = prepare(script)
        options = SpeakOptions(
            language=language, temperature=temperature / voice_consistency, top_p=top_p, num_beams=num_beams
        )
        model = choose_model(model_manager, use_fp16, use_cuda_kernel, use_accel, use_torch_compile)
        performance = perform(model, cast.lines, options, verbose)
        timeline = assemble(performance.takes, silence_duration, _pauses(speakers, cast.voices))
        write_audio(file, timeline.waveform, timeline.sample_rate)
        info = summarize(cast, performance, timeline, file, SOCKETS)
        if verbose:
            log.info("%s", info)
        audio = audio_to(timeline.waveform, timeline.sample_rate)
        return io.NodeOutput(audio, str(file), info, analyze(performance.takes))


def _read(text: str, count: int, speakers: dict[str, Any], boost: bool, speed: float, seed: int) -> Script:
    """The node's script. `speakers` holds every input that is numbered by voice."""
    numbers = range(1, count + 1)
    configs: dict[int, SpeakerEmotion] = {
        number: config for number in numbers if (config := speakers.get(f"speaker{number}_emotion_config")) is not None
    }

    def emotion(line: Line, number: int) -> Emotion | None:
        return line.emotion or (configs[number].emotion if number in configs else None)

    return Script(
        text=text,
        recordings={number: speakers.get(SOCKETS.format(number)) for number in numbers},
        inputs=SOCKETS,
        emotion=emotion,
        names={number: config.speaker for number, config in configs.items()},
        boost=boost,
        speed=speed,
        seed=seed,
    )


def _pauses(speakers: dict[str, Any], voices: dict[str, int]) -> dict[str, float]:
    """Pauses that were set, by name. One left as it is would hide `silence_duration`, so that one decides there."""
    pauses = {name: speakers.get(f"speaker{number}_pause", USUAL_PAUSE) for name, number in voices.items()}
    return {name: pause for name, pause in pauses.items() if pause != USUAL_PAUSE}


def _script() -> list[io.Input]:
    return [
        inputs.num_speakers(),
        inputs.conversation_text(SCRIPT),
        inputs.recording("speaker1_audio", VOICE.format(1), optional=False),
        inputs.output_filename("multi_talk_emotion_output.wav"),
        *(inputs.recording(SOCKETS.format(number), VOICE.format(number)) for number in inputs.SPEAKERS[1:]),
        inputs.model_manager(),
    ]


def _delivery() -> list[io.Input]:
    pauses = [
        inputs.amount(
            f"speaker{number}_pause",
            USUAL_PAUSE,
            0.0,
            5.0,
            0.1,
            f"Seconds of silence after speaker {number}'s lines. At {USUAL_PAUSE} silence_duration decides.",
        )
        for number in inputs.SPEAKERS
    ]
    return [
        io.Combo.Input(
            "language",
            options=["auto", "zh", "en", "zh-en"],
            default="auto",
            optional=True,
            tooltip="How numbers, dates and signs are read out. auto decides line by line.",
        ),
        inputs.speed(),
        inputs.silence_duration(),
        *pauses,
        inputs.amount(
            "voice_consistency", 1.0, 0.1, 2.0, 0.1, "Divides the temperature: higher is steadier, lower is livelier."
        ),
        inputs.switch("reference_boost", True, "Trim the voice recordings and bring them to one level first."),
    ]


def _emotions() -> list[io.Input]:
    return [
        inputs.SpeakerEmotion.Input(
            f"speaker{number}_emotion_config",
            optional=True,
            tooltip=f"How speaker {number} feels. A tag in the script, such as [Happy], wins for its line.",
        )
        for number in inputs.SPEAKERS
    ]


def _sampling() -> list[io.Input]:
    return [
        inputs.amount("temperature", 0.7, 0.1, 1.5, 0.1, "How freely the model chooses. Lower is calmer."),
        inputs.amount("top_p", 0.9, 0.1, 1.0, 0.05, "Choose among the likeliest codes that together reach this share."),
        *inputs.precision_switches(use_fp16=False),
        *inputs.acceleration_switches(),
        inputs.switch("verbose", True, "Write what happens to the console."),
    ]
