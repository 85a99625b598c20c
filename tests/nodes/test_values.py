"""Values that come through a link are not held to their range by ComfyUI: each is named before a model is found."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
from indextts2_multitalk.indextts.errors import IndexTTSError

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"speed": NAN}, "speed: got nan"),
        ({"speed": 0.0}, "speed: got 0.0, expected 0.5 to 2"),
        ({"speed": INF}, "speed: got inf"),
        ({"silence_duration": NAN}, "silence_duration: got nan"),
        ({"silence_duration": -1.0}, "silence_duration: got -1.0"),
        ({"speaker1_pause": INF}, "speaker1_pause: got inf"),
        ({"temperature": NAN}, "temperature above 0"),
        ({"top_p": NAN}, "top_p from 0 to 1"),
        ({"num_beams": 99}, "num_beams from 1 to 16"),
        ({"flow_steps": 10**9}, "steps: got 1000000000"),
        ({"candidates": 0, "verify": True}, "candidates: got 0"),
        ({"output_filename": "n" * 300}, "its name has 300 bytes"),
        ({"output_filename": "talks/nul.wav"}, "keeps that name for a device"),
        ({"output_filename": "a\ud83d"}, "half a character"),
        ({"output_filename": "circle/a"}, "circle"),
    ],
)
def test_values_out_of_range(pack: SimpleNamespace, recording: dict[str, Any], given: Any, words: str) -> None:
    pack.output.mkdir()
    (pack.output / "circle").symlink_to(pack.output / "circle")
    inputs = {"num_speakers": "1", "conversation_text": "Hi.", "output_filename": "a", "speaker1_audio": recording}
    with pytest.raises(IndexTTSError, match=words):
        pack.nodes["IndexTTS2_MultiTalk"].execute(**inputs | given)
    assert pack.comfy.current_loaded_models == []


@pytest.mark.parametrize("alpha", [NAN, 1e30, -0.5])
def test_the_strength_of_an_emotion(pack: SimpleNamespace, alpha: float) -> None:
    with pytest.raises(IndexTTSError, match=r"emotion_alpha: got .*expected 0 to 2"):
        pack.nodes["IndexTTS2_SpeakerEmotionConfig"].execute("Anna", "emotion_vector", emotion_alpha=alpha)


def test_a_failure_at_writing_keeps_the_takes(
    pack: SimpleNamespace, recording: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    inputs = {"num_speakers": "1", "conversation_text": "Hi.", "output_filename": "a", "speaker1_audio": recording}
    with monkeypatch.context() as full:
        full.setattr(soundfile, "write", fail)
        with pytest.raises(IndexTTSError, match=r"No space left on device.*The takes are kept: .*queue again"):
            pack.nodes["IndexTTS2_MultiTalk"].execute(**inputs)
    path = pack.nodes["IndexTTS2_MultiTalk"].execute(**inputs).result[1]
    assert Path(path).name == "a.wav"
