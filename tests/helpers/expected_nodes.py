"""The nodes as saved workflows know them: keys, names, order, types, ranges and defaults, spelled out.

Inputs are (name, type, settings); `new` holds what came later and therefore stands last.
"""

from dataclasses import dataclass
from typing import Any

Input = tuple[str, str, dict[str, Any]]

SPEAKERS = ("1", "2", "3", "4")


@dataclass(frozen=True)
class Node:
    key: str
    display_name: str
    category: str
    required: list[Input]
    optional: list[Input]
    outputs: list[tuple[str, str]]
    widgets: int
    new: tuple[str, ...] = ()


def number(name: str, default: float, low: float, high: float, step: float) -> Input:
    return (name, "FLOAT", {"default": default, "min": low, "max": high, "step": step})


def flag(name: str, default: bool) -> Input:
    return (name, "BOOLEAN", {"default": default})


def socket(name: str, kind: str = "AUDIO") -> Input:
    return (name, kind, {})


def choice(name: str, options: tuple[str, ...], default: str) -> Input:
    return (name, "COMBO", {"options": list(options), "default": default})


def words(name: str, default: str, multiline: bool = False) -> Input:
    return (name, "STRING", {"default": default, "multiline": multiline})


ADDITIONS: list[Input] = [
    ("seed", "INT", {"default": 0, "min": 0, "max": 2**64 - 1, "control_after_generate": "fixed"}),
    ("num_beams", "INT", {"default": 3, "min": 1, "max": 10}),
    choice("flow_solver", ("auto", "reference", "fast", "draft"), "auto"),
    ("flow_steps", "INT", {"default": 0, "min": 0, "max": 200}),
    flag("verify", False),
    ("candidates", "INT", {"default": 1, "min": 1, "max": 4}),
    choice("timing", ("fit", "shift", "overlay", "pad"), "fit"),
    flag("skip_sound_cues", False),
    ("glossary", "STRING", {"multiline": False, "force_input": True}),
    words("line_seeds", ""),
]

LATER_OUTPUTS = [("stems", "AUDIO"), ("subtitles", "STRING"), ("takes", "INDEXTTS2_TAKES")]

MULTI_TALK = Node(
    key="IndexTTS2_MultiTalk",
    display_name="IndexTTS2 Multi-Talk with Emotion Control",
    category="IndexTTS2/Advanced",
    required=[
        choice("num_speakers", SPEAKERS, "2"),
        words(
            "conversation_text",
            "Speaker1: Hello, how are you today!\nSpeaker2: I'm doing great, thank you for asking!",
            multiline=True,
        ),
        socket("speaker1_audio"),
        words("output_filename", "multi_talk_emotion_output.wav"),
    ],
    optional=[
        *(socket(f"speaker{i}_audio") for i in (2, 3, 4)),
        socket("model_manager", "INDEXTTS2_MODEL"),
        choice("language", ("auto", "zh", "en", "zh-en", "ja", "es", "ar"), "auto"),
        number("speed", 1.0, 0.5, 2.0, 0.1),
        number("silence_duration", 0.5, 0.0, 3.0, 0.1),
        *(number(f"speaker{i}_pause", 0.5, 0.0, 5.0, 0.1) for i in (1, 2, 3, 4)),
        number("voice_consistency", 1.0, 0.1, 2.0, 0.1),
        flag("reference_boost", True),
        *(socket(f"speaker{i}_emotion_config", "SPEAKER_EMOTION_CONFIG") for i in (1, 2, 3, 4)),
        number("temperature", 0.7, 0.1, 1.5, 0.1),
        number("top_p", 0.9, 0.1, 1.0, 0.05),
        flag("use_fp16", False),
        flag("use_cuda_kernel", False),
        flag("use_accel", True),
        flag("use_torch_compile", False),
        flag("verbose", True),
        *ADDITIONS,
    ],
    outputs=[
        ("audio", "AUDIO"),
        ("output_path", "STRING"),
        ("info", "STRING"),
        ("emotion_analysis", "STRING"),
        *LATER_OUTPUTS,
    ],
    widgets=19,
    new=(
        "seed",
        "num_beams",
        "flow_solver",
        "flow_steps",
        "verify",
        "candidates",
        "timing",
        "skip_sound_cues",
        "line_seeds",
    ),
)

EMOTION_VOICE = Node(
    key="IndexTTS2_EmotionVoiceMultiTalk",
    display_name="IndexTTS2 Emotion Voice Multi-Talk",
    category="IndexTTS2/Advanced",
    required=[
        choice("num_speakers", SPEAKERS, "2"),
        words(
            "conversation_text",
            "Speaker1: [Happy] Hello, how are you today!\nSpeaker2: [Excited] I'm doing great, thank you for asking!",
            multiline=True,
        ),
        socket("speaker1_voice"),
        words("output_filename", "emotion_voice_conversation.wav"),
    ],
    optional=[
        *(socket(f"speaker{i}_voice") for i in (2, 3, 4)),
        socket("model_manager", "INDEXTTS2_MODEL"),
        *(
            item
            for i in (1, 2, 3, 4)
            for item in (
                socket(f"speaker{i}_emotion_voice"),
                number(f"speaker{i}_emotion_alpha", 1.0, 0.0, 2.0, 0.1),
            )
        ),
        number("silence_duration", 0.5, 0.0, 3.0, 0.1),
        number("speed", 1.0, 0.5, 2.0, 0.1),
        flag("use_fp16", True),
        flag("use_cuda_kernel", False),
        flag("use_accel", True),
        flag("use_torch_compile", False),
        *ADDITIONS,
    ],
    outputs=[("audio", "AUDIO"), ("conversation_info", "STRING"), *LATER_OUTPUTS],
    widgets=13,
    new=(
        "seed",
        "num_beams",
        "flow_solver",
        "flow_steps",
        "verify",
        "candidates",
        "timing",
        "skip_sound_cues",
        "line_seeds",
    ),
)

SPEAKER_EMOTION = Node(
    key="IndexTTS2_SpeakerEmotionConfig",
    display_name="IndexTTS2 Speaker Emotion Config",
    category="IndexTTS2/Config",
    required=[
        words("speaker_name", "Speaker1"),
        choice(
            "emotion_mode",
            ("inherit", "audio_prompt", "emotion_vector", "text_description", "auto"),
            "emotion_vector",
        ),
    ],
    optional=[
        socket("emotion_audio"),
        number("emotion_alpha", 1.0, 0.0, 2.0, 0.1),
        *(number(name, 0.0, 0.0, 1.0, 0.05) for name in ("happy", "angry", "sad", "fear", "hate", "low", "surprise")),
        number("neutral", 1.0, 0.0, 1.0, 0.05),
        words("emotion_text", "", multiline=True),
        flag("enabled", True),
    ],
    outputs=[("emotion_config", "SPEAKER_EMOTION_CONFIG"), ("info", "STRING")],
    widgets=13,
)

MODEL_MANAGER = Node(
    key="IndexTTS2_ModelManager",
    display_name="IndexTTS2 Model Manager",
    category="IndexTTS2/Management",
    required=[
        words("model_name", "IndexTTS2-Default"),
        words("config_path", "auto"),
        words("model_dir", "auto"),
    ],
    optional=[
        flag("use_fp16", False),
        flag("use_cuda_kernel", False),
        choice("device", ("auto", "cuda", "cpu"), "auto"),
        flag("cache_model", True),
        flag("force_reload", False),
        flag("memory_optimization", True),
        flag("verbose", True),
        flag("download_missing", False),
        flag("low_memory", False),
        choice("attention", ("auto", "triton", "flash", "sdpa"), "auto"),
        choice("quantize", ("none", "int8"), "none"),
        flag("tune", False),
        flag("keep_takes", True),
    ],
    outputs=[("model", "INDEXTTS2_MODEL"), ("model_info", "STRING"), ("model_stats", "DICT")],
    widgets=10,
    new=("download_missing", "low_memory", "attention", "quantize", "tune", "keep_takes"),
)

DEMO_VOICE = Node(
    key="IndexTTS2_DemoVoice",
    display_name="IndexTTS2 Demo Voice",
    category="IndexTTS2/Config",
    required=[choice("voice", ("anna", "ben", "anna_happy"), "anna")],
    optional=[],
    outputs=[("audio", "AUDIO")],
    widgets=1,
)

NODES = (MULTI_TALK, EMOTION_VOICE, SPEAKER_EMOTION, MODEL_MANAGER, DEMO_VOICE)

SOCKETS = ("AUDIO", "INDEXTTS2_MODEL", "SPEAKER_EMOTION_CONFIG")
"""Types without a widget."""

COMPOSABLE = (
    "IndexTTS2_Voice",
    "IndexTTS2_VoiceEmotion",
    "IndexTTS2_Script",
    "IndexTTS2_Say",
    "IndexTTS2_Talk",
    "IndexTTS2_TakesToAudio",
)

FEELINGS = ["happy", "angry", "sad", "fear", "hate", "low", "surprise", "neutral"]
SWITCHES = ["use_fp16", "use_cuda_kernel", "verbose"]
LENGTH = ["speed_multiplier", "target_duration", "token_count"]
SINGLE_LINE = {
    "IndexTTS2_Basic": ["text", "output_filename", "language", "speed", "temperature", "top_p", *SWITCHES],
    "IndexTTS2_Duration": ["text", "duration_mode", "output_filename", *LENGTH, "prosody_preservation", *SWITCHES],
    "IndexTTS2_Emotion": [
        *("text", "emotion_mode", "output_filename", "emotion_alpha", *FEELINGS),
        *("emotion_text", "use_random", *SWITCHES),
    ],
    "IndexTTS2_Advanced": [
        *("text", "output_filename", "enable_duration_control", "duration_mode", *LENGTH),
        *("enable_emotion_control", "emotion_mode", "emotion_alpha", "emotion_text", *FEELINGS),
        *("use_gpt_latents", "prosody_preservation", "stability_enhancement", "clarity_boost"),
        *("temperature", "top_p", "use_random", *SWITCHES),
    ],
}
"""Widgets of the older packs' single-line nodes, in order."""
