"""IndexTTS2_MultiTalk: a script for up to four voices, each with its own emotion."""

from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..indextts.records import Emotion, Line
from . import inputs
from .emotions import SpeakerEmotion
from .lines import NodeScript, collect_numbered
from .run import choose_model
from .run_inputs import RunInputs, run_inputs
from .settings import ModelHandle
from .speaking import prepare_output, save_dialogue, speak_script

SOCKETS = "speaker{}_audio"
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
            inputs=[
                *inputs.dialogue_inputs(SCRIPT, SOCKETS, "multi_talk_emotion_output.wav"),
                *_delivery_inputs(),
                *_emotion_inputs(),
                *_sampling_inputs(),
                *run_inputs(),
            ],
            outputs=[
                io.Audio.Output("audio", tooltip="The whole dialogue."),
                io.String.Output("output_path", tooltip="The file that was written."),
                io.String.Output("info", tooltip="Who spoke, how long, and what ran."),
                io.String.Output("emotion_analysis", tooltip="The emotion of every line."),
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
        **others: Any,
    ) -> io.NodeOutput:
        file = prepare_output(output_filename)
        run = RunInputs.among(others)
        script = _script_with_configs(conversation_text, int(num_speakers), others)
        script = replace(script, silence_seconds=silence_duration, speed=speed, seed=run.seed)
        boosted = tuple(script.recordings) if reference_boost else ()
        script = replace(script, boosted=boosted, timing=run.timing, skip_sound_cues=run.skip_sound_cues)
        script = replace(script, line_seeds=run.line_seeds)
        options = run.options(language=language, temperature=temperature / voice_consistency, top_p=top_p)
        model = choose_model(model_manager, use_fp16, use_cuda_kernel, use_accel, use_torch_compile)
        spoken = speak_script(script, model, options, verbose)
        path, info = save_dialogue(spoken, file)
        return io.NodeOutput(spoken.audio, path, info, spoken.emotions, spoken.stems, spoken.subtitles, spoken.takes)


def _script_with_configs(text: str, count: int, speakers: dict[str, Any]) -> NodeScript:
    """The node's script. `speakers` holds every input that is numbered by voice.

    A pause that was left as it is would hide `silence_duration`, so that one decides there.
    """
    configs = collect_numbered(speakers, "speaker{}_emotion_config", count)
    pauses = collect_numbered(speakers, "speaker{}_pause", count, default=USUAL_PAUSE)

    def choose_emotion(line: Line, number: int) -> Emotion | None:
        config: SpeakerEmotion | None = configs[number]
        return line.emotion or (config.emotion if config is not None else None)

    return NodeScript(
        text=text,
        recordings=collect_numbered(speakers, SOCKETS, count),
        sockets=SOCKETS,
        emotion=choose_emotion,
        names={number: config.speaker for number, config in configs.items() if config is not None},
        pauses={number: pause for number, pause in pauses.items() if pause != USUAL_PAUSE},
    )


def _delivery_inputs() -> list[io.Input]:
    pauses = [
        inputs.float_input(
            f"speaker{number}_pause",
            USUAL_PAUSE,
            (0.0, 5.0, 0.1),
            f"Seconds of silence after speaker {number}'s lines. At {USUAL_PAUSE} silence_duration decides.",
        )
        for number in inputs.SPEAKERS
    ]
    return [
        inputs.language_input(),
        inputs.speed_input(),
        inputs.silence_input(),
        *pauses,
        inputs.float_input(
            "voice_consistency", 1.0, (0.1, 2.0, 0.1), "Divides the temperature: higher is steadier, lower is livelier."
        ),
        inputs.switch_input("reference_boost", True, "Trim the voice recordings and bring them to one level first."),
    ]


def _emotion_inputs() -> list[io.Input]:
    return [
        inputs.SpeakerEmotionType.Input(
            f"speaker{number}_emotion_config",
            optional=True,
            tooltip=f"How speaker {number} feels. A tag in the script, such as [Happy], wins for its line.",
        )
        for number in inputs.SPEAKERS
    ]


def _sampling_inputs() -> list[io.Input]:
    return [
        *inputs.sampling_inputs(),
        *inputs.precision_inputs(use_fp16=False),
        *inputs.acceleration_inputs(),
        inputs.switch_input("verbose", True, "Write what happens to the console."),
    ]
