"""IndexTTS2_SpeakerEmotionConfig: every mode, in the pipeline's terms and in words."""

from types import SimpleNamespace
from typing import Any

import pytest
from indextts2_multitalk.indextts.errors import EmotionError, IndexTTSError
from indextts2_multitalk.indextts.records import EMOTIONS


@pytest.fixture
def configure(pack: SimpleNamespace) -> Any:
    def run(mode: str, **inputs: Any) -> tuple[Any, str]:
        node = pack.nodes["IndexTTS2_SpeakerEmotionConfig"]
        config, info = node.execute(speaker_name=" Anna ", emotion_mode=mode, **inputs).result
        return config, info

    return run


def test_inherit_leaves_the_voice_alone(configure: Any) -> None:
    config, info = configure("inherit", happy=1.0)
    assert (config.speaker, config.emotion) == ("Anna", None)
    assert info.endswith("as in the speaker's own recording")


def test_weights_in_the_models_order(configure: Any) -> None:
    names = ("happy", "angry", "sad", "fear", "hate", "low", "surprise", "neutral")
    for place, name in enumerate(names):
        emotion = configure("emotion_vector", **{"neutral": 0.0, name: 0.5}, emotion_alpha=0.7)[0].emotion
        assert emotion.vector == tuple(0.5 * (place == other) for other in range(len(EMOTIONS)))
        assert (emotion.mode, emotion.alpha) == ("vector", 0.7)


def test_untouched_weights_are_calm(configure: Any) -> None:
    assert configure("emotion_vector")[0].emotion.vector == (0, 0, 0, 0, 0, 0, 0, 1)


def test_words_and_their_absence(configure: Any) -> None:
    assert configure("text_description", emotion_text=" tired ")[0].emotion.text == "tired"
    assert configure("text_description")[0].emotion.text is None
    automatic = configure("auto", emotion_text="ignored")[0].emotion
    assert (automatic.mode, automatic.text) == ("text", None)


def test_a_recording(configure: Any, recording: dict[str, Any]) -> None:
    config, info = configure("audio_prompt", emotion_audio=recording, emotion_alpha=0.5)
    assert config.emotion.audio.seconds == 1.0
    assert info == " Anna : audio_prompt, as in an emotion recording of 1.0 s, strength 0.5"


def test_a_recording_that_is_not_there(configure: Any) -> None:
    with pytest.raises(IndexTTSError, match="emotion_audio: got no audio"):
        configure("audio_prompt")


def test_switched_off(configure: Any) -> None:
    assert configure("auto", enabled=False)[0].emotion is None


def test_unknown_mode(configure: Any) -> None:
    with pytest.raises(EmotionError, match="emotion_mode: got 'loud'"):
        configure("loud")
