"""IndexTTS2_EmotionVoiceMultiTalk: borrowed emotions, tags and their strength."""

from types import SimpleNamespace
from typing import Any

import pytest
from helpers.fake_pipeline import FakePipeline
from indextts2_multitalk.indextts.errors import AudioError


@pytest.fixture
def talk(pack: SimpleNamespace, recording: dict[str, Any]) -> Any:
    def run(text: str, **inputs: Any) -> tuple[Any, ...]:
        given = {"num_speakers": "2", "output_filename": "talk.wav", "speaker1_voice": recording}
        given |= {"speaker2_voice": recording, "conversation_text": text}
        return pack.nodes["IndexTTS2_EmotionVoiceMultiTalk"].execute(**given | inputs).result

    return run


def test_defaults_are_the_models_own(talk: Any) -> None:
    talk("Speaker1: One.")
    line, options = FakePipeline.spoken[0]
    assert (options.temperature, options.top_p, options.num_beams) == (0.8, 0.8, 3)
    assert line.emotion is None
    assert line.voice.boost is False
    assert FakePipeline.loads[0].use_fp16 is True


def test_the_emotion_of_another_recording(talk: Any, recording: dict[str, Any]) -> None:
    info = talk("Speaker1: One.\nSpeaker2: Two.", speaker2_emotion_voice=recording, speaker2_emotion_alpha=0.5)[1]
    (first, _), (second, _) = FakePipeline.spoken
    assert first.emotion is None
    assert (second.emotion.mode, second.emotion.alpha) == ("audio", 0.5)
    assert second.emotion.audio.sample_rate == 16000
    assert "2. Speaker2: as in an emotion recording of 1.0 s, strength 0.5 | Two." in info


def test_a_tag_wins_for_its_line_and_takes_the_strength(talk: Any, recording: dict[str, Any]) -> None:
    talk(
        "Speaker1: [Happy] One.\nSpeaker1: Two.",
        speaker1_emotion_voice=recording,
        speaker1_emotion_alpha=1.5,
    )
    (tagged, _), (plain, _) = FakePipeline.spoken
    assert (tagged.emotion.mode, tagged.emotion.alpha) == ("vector", 1.5)
    assert (plain.emotion.mode, plain.emotion.alpha) == ("audio", 1.5)


def test_a_useless_emotion_recording_is_named(talk: Any) -> None:
    with pytest.raises(AudioError, match="speaker1_emotion_voice"):
        talk("Speaker1: One.", speaker1_emotion_voice={"sample_rate": 1})
