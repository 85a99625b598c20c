"""IndexTTS2_DemoVoice: every recording it offers comes with the pack, and can be spoken with."""

from types import SimpleNamespace

import pytest
from helpers.expected_nodes import DEMO_VOICE
from helpers.fake_pipeline import FakePipeline
from indextts2_multitalk.indextts.loading.layouts import DEMO_FOLDER

OFFERED = DEMO_VOICE.required[0][2]["options"]


@pytest.mark.parametrize("voice", OFFERED)
def test_every_recording_is_a_few_seconds_of_mono(pack: SimpleNamespace, voice: str) -> None:
    (audio,) = pack.nodes["IndexTTS2_DemoVoice"].execute(voice=voice).result
    assert audio["waveform"].shape[:2] == (1, 1)
    assert 3.0 < audio["waveform"].shape[-1] / audio["sample_rate"] < 5.0
    assert 0.1 < audio["waveform"].abs().max() <= 1.0


def test_every_recording_in_the_folder_is_offered() -> None:
    assert {file.stem for file in (DEMO_FOLDER / "voices").iterdir()} == set(OFFERED)


def test_a_node_speaks_with_it(pack: SimpleNamespace) -> None:
    (audio,) = pack.nodes["IndexTTS2_DemoVoice"].execute(voice="ben").result
    given = {"num_speakers": "1", "conversation_text": "Hello.", "output_filename": "talk", "speaker1_audio": audio}
    pack.nodes["IndexTTS2_MultiTalk"].execute(**given)
    (line,) = [line for line, _ in FakePipeline.spoken]
    assert line.voice is not None
    assert line.voice.audio.sample_rate == 22050
