"""The ComfyUI side: the only package that imports comfy."""

from comfy_api.latest import ComfyExtension, io

from .demo_voice import DemoVoice
from .emotion_voice import EmotionVoiceMultiTalk
from .model_manager import ModelManager
from .multi_talk import MultiTalk
from .speaker_emotion import SpeakerEmotionConfig


class IndexTTS2Extension(ComfyExtension):
    """What `comfy_entrypoint` hands to ComfyUI."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [MultiTalk, EmotionVoiceMultiTalk, SpeakerEmotionConfig, ModelManager, DemoVoice]
