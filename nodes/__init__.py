"""The ComfyUI side: the only package that imports comfy."""

from comfy_api.latest import ComfyExtension, io

from .demo_voice import DemoVoice
from .emotion_voice import EmotionVoiceMultiTalk
from .model_manager import ModelManager
from .multi_talk import MultiTalk
from .say import Say
from .script import Script
from .single_line import Advanced, Basic, Duration, Emotion
from .speaker_emotion import SpeakerEmotionConfig
from .takes_to_audio import TakesToAudio
from .talk import Talk
from .voice import Voice
from .voice_emotion import VoiceEmotion

NODES: tuple[type[io.ComfyNode], ...] = (
    MultiTalk,
    EmotionVoiceMultiTalk,
    SpeakerEmotionConfig,
    ModelManager,
    DemoVoice,
    Voice,
    VoiceEmotion,
    Script,
    Say,
    Talk,
    TakesToAudio,
    Basic,
    Duration,
    Emotion,
    Advanced,
)


class IndexTTS2Extension(ComfyExtension):
    """What `comfy_entrypoint` hands to ComfyUI."""

    async def on_load(self) -> None:
        """ComfyUI calls this once, its server being there."""
        from .routes import add_routes  # its web server is not there before

        add_routes()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return list(NODES)
