"""IndexTTS2_SpeakerEmotionConfig: how one speaker feels."""

from typing import Any

from comfy_api.latest import io

from .audio import audio_from
from .emotions import MODES, SpeakerEmotion, describe_emotion, emotion_for
from .inputs import SpeakerEmotionType, float_input, switch_input

FEELINGS = ("happy", "angry", "sad", "fear", "hate", "low", "surprise", "neutral")
"""The node's names, in the order of the pipeline's `EMOTIONS`."""


class SpeakerEmotionConfig(io.ComfyNode):
    """A SPEAKER_EMOTION_CONFIG from a mode and what that mode reads."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="IndexTTS2_SpeakerEmotionConfig",
            display_name="IndexTTS2 Speaker Emotion Config",
            category="IndexTTS2/Config",
            description="Sets how one speaker of a Multi-Talk feels: from a recording, eight weights or words.",
            inputs=[*_mode_inputs(), *weight_inputs(), *_text_inputs()],
            outputs=[
                SpeakerEmotionType.Output("emotion_config", tooltip="Connect it to that speaker's emotion input."),
                io.String.Output("info", tooltip="The emotion in words."),
            ],
        )

    @classmethod
    def execute(
        cls,
        speaker_name: str,
        emotion_mode: str,
        emotion_audio: dict[str, Any] | None = None,
        emotion_alpha: float = 1.0,
        emotion_text: str = "",
        enabled: bool = True,
        **feelings: float,
    ) -> io.NodeOutput:
        if not enabled:
            config = SpeakerEmotion(speaker_name.strip(), "inherit", None)
            return io.NodeOutput(config, f"{speaker_name}: switched off, {describe_emotion(None)}")
        audio = audio_from(emotion_audio, "emotion_audio") if emotion_mode == "audio_prompt" else None
        vector = tuple(feelings.get(name, float(name == "neutral")) for name in FEELINGS)
        emotion = emotion_for(emotion_mode, audio, vector, emotion_text, emotion_alpha)
        config = SpeakerEmotion(speaker_name.strip(), emotion_mode, emotion)
        return io.NodeOutput(config, f"{speaker_name}: {emotion_mode}, {describe_emotion(emotion)}")


def _mode_inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "speaker_name",
            default="Speaker1",
            tooltip="What the script calls this speaker. A name of your own ties the socket's voice to it.",
        ),
        io.Combo.Input(
            "emotion_mode",
            options=list(MODES),
            default="emotion_vector",
            tooltip=(
                "inherit: as the voice sounds. audio_prompt: as in emotion_audio. emotion_vector: the weights below. "
                "text_description: as emotion_text says. auto: from each line's own words."
            ),
        ),
        io.Audio.Input("emotion_audio", optional=True, tooltip="A recording with the emotion, for audio_prompt."),
        float_input(
            "emotion_alpha",
            1.0,
            (0.0, 2.0, 0.1),
            "How strong the emotion is. 0 is none, 1 as given; only recordings go beyond 1.",
        ),
    ]


def weight_inputs() -> list[io.Input]:
    words = ("joy", "anger", "sadness", "fear", "disgust", "gloom", "surprise", "calm")
    return [
        float_input(name, float(name == "neutral"), (0.0, 1.0, 0.05), f"Weight of {word}, for emotion_vector.")
        for name, word in zip(FEELINGS, words, strict=True)
    ]


def _text_inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "emotion_text",
            multiline=True,
            default="",
            optional=True,
            tooltip="The emotion in words, for text_description. Left empty, each line's own words are read.",
        ),
        switch_input("enabled", True, "Off: this speaker sounds as in the voice recording."),
    ]
