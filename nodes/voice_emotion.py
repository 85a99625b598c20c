"""IndexTTS2_VoiceEmotion: an emotion from a list, a recording or words."""

from typing import Any

from comfy_api.latest import io

from ..indextts.records import EMOTIONS
from .audio import audio_from
from .emotions import SpeakerEmotion, describe_emotion, emotion_for
from .inputs import SpeakerEmotionType, audio_input, float_input

AS_VOICE, AS_AUDIO, AS_TEXT, EACH_LINE = "as the voice", "as in audio", "as in text", "from each line"
CHOICES = (AS_VOICE, *EMOTIONS, AS_AUDIO, AS_TEXT, EACH_LINE)
_MODES = {AS_VOICE: "inherit", AS_AUDIO: "audio_prompt", AS_TEXT: "text_description", EACH_LINE: "auto"}


class VoiceEmotion(io.ComfyNode):
    """A SPEAKER_EMOTION_CONFIG for Voice, Say and the Multi-Talk nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_VoiceEmotion",
            display_name="IndexTTS2 Emotion",
            category="IndexTTS2",
            description="How a speaker feels: one of eight emotions, as in a recording, as in words, or by each line.",
            search_aliases=["emotion", "feeling", "mood", "情感", "情绪"],
            inputs=[
                io.Combo.Input(
                    "emotion",
                    options=list(CHOICES),
                    default=EMOTIONS[0],
                    tooltip="as in audio needs a recording, as in text words; from each line reads the line itself.",
                ),
                float_input(
                    "strength",
                    1.0,
                    (0.0, 2.0, 0.05),
                    "How strong it is. 0 is none, 1 as given; only recordings go beyond 1.",
                ),
                audio_input("audio", "A recording with the emotion; anyone may speak in it."),
                io.String.Input(
                    "text", default="", multiline=True, optional=True, tooltip="The emotion in words, for as in text."
                ),
            ],
            outputs=[
                SpeakerEmotionType.Output("emotion", tooltip="Connect it to an emotion input."),
                io.String.Output("info", tooltip="The emotion in words."),
            ],
        )

    @classmethod
    def execute(cls, emotion: str, strength: float = 1.0, audio: Any = None, text: str = "") -> io.NodeOutput:
        mode = _MODES.get(emotion, "emotion_vector")
        recording = audio_from(audio, "audio") if mode == "audio_prompt" else None
        vector = tuple(float(name == emotion) for name in EMOTIONS)
        felt = emotion_for(mode, recording, vector, text, strength)
        return io.NodeOutput(SpeakerEmotion("", mode, felt), describe_emotion(felt))
