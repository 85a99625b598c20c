"""Inputs that several nodes share.

Keys, order, types, ranges and defaults are what saved workflows hold: new inputs go last.
"""

from comfy_api.latest import io

from ..indextts.errors import OutputError
from .folders import resolve_output

ModelType = io.Custom("INDEXTTS2_MODEL")
SpeakerEmotionType = io.Custom("SPEAKER_EMOTION_CONFIG")
StatsType = io.Custom("DICT")
VoiceType = io.Custom("INDEXTTS2_VOICE")
ScriptType = io.Custom("INDEXTTS2_SCRIPT")
TakesType = io.Custom("INDEXTTS2_TAKES")

SPEAKERS = (1, 2, 3, 4)

RECOMMENDED = (
    "Recommended: daily work = accel on, compile off, fp16 on a GPU; batch = all on (compiling is left out where it "
    "gains nothing); low memory = accel and fp16 on, low_memory on the manager; debugging = all off."
)
VOICE = "The voice of speaker {}: a few clean seconds, 15 at most are used."
HALF_PRECISION = "Half precision on a GPU: less memory, faster."
FUSED_VOCODER = "The vocoder's fused GPU kernel, where there is one."
OUTPUT_FILE = "In ComfyUI's output folder: .wav, .flac, .ogg or .mp3. Where one of that name is, a number is added."
WITHOUT_MANAGER = "Used when no model_manager is connected; the manager's own setting wins."


def dialogue_inputs(script: str, sockets: str, filename: str) -> list[io.Input]:
    """What both dialogue nodes begin with: the script, its voices, the output file, the model."""
    return [
        io.Combo.Input(
            "num_speakers",
            options=[str(count) for count in SPEAKERS],
            default="2",
            tooltip="How many voices the script has, at most. With 1, plain text without names is read by that voice.",
        ),
        io.String.Input(
            "conversation_text",
            multiline=True,
            default=script,
            tooltip=(
                "One line per turn: Name: text. Any names; Speaker1, S1 and 说话人1 mean the first voice. [Happy] or "
                "[happy:0.5|sad:0.2] colours a line, [pause:500ms] pauses, # starts a comment. "
                "SRT, WebVTT, ASS and LRC work too."
            ),
        ),
        audio_input(sockets.format(1), VOICE.format(1), optional=False),
        io.String.Input(
            "output_filename",
            default=filename,
            tooltip=OUTPUT_FILE,
        ),
        *(audio_input(sockets.format(number), VOICE.format(number)) for number in SPEAKERS[1:]),
        model_input(),
    ]


def check_output_filename(name: str) -> bool | str:
    """True, or what is wrong: ComfyUI shows it before anything runs. A linked name is checked when it is known."""
    try:
        if isinstance(name, str):
            resolve_output(name)
    except OutputError as error:
        return str(error)
    return True


def audio_input(name: str, tooltip: str, optional: bool = True) -> io.Input:
    return io.Audio.Input(name, optional=optional, tooltip=tooltip)


def float_input(name: str, default: float, limits: tuple[float, float, float], tooltip: str) -> io.Input:
    """`limits`: lowest, highest and step."""
    low, high, step = limits
    return io.Float.Input(name, default=default, min=low, max=high, step=step, tooltip=tooltip, optional=True)


def switch_input(name: str, default: bool, tooltip: str) -> io.Input:
    return io.Boolean.Input(name, default=default, tooltip=tooltip, optional=True)


def speed_input() -> io.Input:
    return float_input("speed", 1.0, (0.5, 2.0, 0.1), "How fast the speech is; the pitch stays. 2 is twice as fast.")


def silence_input() -> io.Input:
    return float_input("silence_duration", 0.5, (0.0, 3.0, 0.1), "Seconds of silence between two lines.")


def sampling_inputs() -> list[io.Input]:
    return [
        float_input("temperature", 0.7, (0.1, 1.5, 0.1), "How freely the model chooses. Lower is calmer."),
        float_input("top_p", 0.9, (0.1, 1.0, 0.05), "Choose among the likeliest codes that together reach this share."),
    ]


def precision_inputs(use_fp16: bool) -> list[io.Input]:
    return [
        switch_input("use_fp16", use_fp16, f"{HALF_PRECISION} {RECOMMENDED} {WITHOUT_MANAGER}"),
        switch_input("use_cuda_kernel", False, f"{FUSED_VOCODER} {WITHOUT_MANAGER}"),
    ]


def acceleration_inputs() -> list[io.Input]:
    return [
        switch_input(
            "use_accel",
            True,
            f"Decode all lines together on the batched engine. Same settings, same words, sooner. {RECOMMENDED}",
        ),
        switch_input(
            "use_torch_compile",
            False,
            "Compile the mel decoder where it gains by it: a long first run, faster ones later. "
            f"The report says where it does not. {RECOMMENDED}",
        ),
    ]


def voice_input(name: str) -> io.Input:
    """A voice, or a plain recording."""
    tooltip = "From an IndexTTS2 Voice, or a recording from Load Audio."
    return io.MultiType.Input(name, types=[VoiceType, io.Audio], tooltip=tooltip)


def script_input(name: str) -> io.Input:
    """A script, or plain text."""
    tooltip = "From an IndexTTS2 Script, or a text in any dialect of scripts and subtitles."
    return io.MultiType.Input(name, types=[ScriptType, io.String], tooltip=tooltip)


def model_input() -> io.Input:
    return ModelType.Input(
        "model_manager",
        optional=True,
        tooltip="A model from IndexTTS2 Model Manager. Unconnected, the model that is found first is used.",
    )


def language_input() -> io.Input:
    return io.Combo.Input(
        "language",
        options=["auto", "zh", "en", "zh-en", "ja", "es", "ar"],
        default="auto",
        optional=True,
        tooltip=(
            "How numbers, dates and signs are read out, and what the model speaks. auto decides line by line; ja, es "
            "and ar need IndexTTS-2.5."
        ),
    )


def later_outputs() -> list[io.Output]:
    """Behind the outputs that saved workflows know."""
    return [
        io.Audio.Output(
            "stems", is_output_list=True, tooltip="Each speaker alone, as long as the whole; a list of recordings."
        ),
        subtitles_output(),
        TakesType.Output("takes", tooltip="The spoken lines, for IndexTTS2 Takes to Audio."),
    ]


def subtitles_output() -> io.String.Output:
    """Behind the outputs that saved workflows know."""
    return io.String.Output("subtitles", tooltip="What was said and when, as SRT.")
