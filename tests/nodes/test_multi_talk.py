"""IndexTTS2_MultiTalk does with every input what its name says; over a pipeline that hums."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import soundfile
import torch
from helpers.fake_comfy import Interrupted, Server
from helpers.fake_pipeline import FakePipeline
from indextts2_multitalk.indextts.errors import AudioError, IndexTTSError, ScriptError
from indextts2_multitalk.indextts.events import Event

SCRIPT = "Speaker1: One.\nSpeaker2: Two.\nSpeaker1: Three."


@pytest.fixture
def talk(pack: SimpleNamespace, recording: dict[str, Any]) -> Any:
    def run(text: str = SCRIPT, **inputs: Any) -> tuple[Any, ...]:
        given = {"num_speakers": "2", "output_filename": "talk.wav", "speaker1_audio": recording}
        given |= {"speaker2_audio": recording, "conversation_text": text}
        return pack.nodes["IndexTTS2_MultiTalk"].execute(**given | inputs).result

    return run


def samples(result: tuple[Any, ...]) -> int:
    return result[0]["waveform"].shape[-1]


def test_audio_path_and_words_come_out(talk: Any, pack: SimpleNamespace) -> None:
    audio, path, info, emotions, stems, subtitles, takes = talk()
    assert audio["waveform"].shape[:2] == (1, 1)
    assert audio["sample_rate"] == 22050
    assert path == str(pack.output / "talk.wav")
    written, rate = soundfile.read(path)
    assert (len(written), rate) == (samples((audio,)), 22050)
    assert "3 lines, 2 speakers (Speaker1 = speaker1_audio, Speaker2 = speaker2_audio)" in info
    assert "decoder: fake" in info
    assert emotions.splitlines()[1] == "2. Speaker2: as in the speaker's own recording | Two."
    assert torch.equal(sum(stem["waveform"] for stem in stems), audio["waveform"])
    assert [take.line.text for take in takes.takes] == ["One.", "Two.", "Three."]
    assert subtitles.startswith("1\n00:00:00,000 --> 00:00:00,100\nSpeaker1: One.\n\n2\n00:00:00,600 -->")


def test_defaults_reach_the_pipeline(talk: Any) -> None:
    talk()
    _, options = FakePipeline.spoken[0]
    assert (options.language, options.temperature, options.top_p) == ("auto", 0.7, 0.9)
    assert (options.num_beams, options.top_k, options.repetition_penalty) == (3, 30, 10.0)
    assert (options.flow_solver, options.steps) == ("auto", 0)
    load = FakePipeline.loads[0]
    assert (load.use_fp16, load.use_cuda_kernel, load.use_accel, load.use_torch_compile) == (False, False, True, False)


def test_settings_reach_the_pipeline(talk: Any) -> None:
    talk(language="zh", temperature=0.8, voice_consistency=2.0, top_p=0.5, num_beams=1, reference_boost=False)
    line, options = FakePipeline.spoken[0]
    assert (options.language, options.temperature, options.top_p, options.num_beams) == ("zh", 0.4, 0.5, 1)
    assert line.voice is not None
    assert line.voice.boost is False


def test_speed_shortens(talk: Any) -> None:
    assert samples(talk("Speaker1: One.", speed=2.0)) == round(22050 * 0.05)


@pytest.mark.parametrize(
    ("settings", "silence"),
    [
        ({}, 0.5 + 0.5),
        ({"silence_duration": 0.2}, 0.2 + 0.2),
        ({"speaker1_pause": 1.0}, 1.0 + 0.5),
        ({"speaker2_pause": 0.0, "silence_duration": 2.0}, 2.0 + 0.0),
    ],
)
def test_silence_between_lines(talk: Any, settings: dict[str, float], silence: float) -> None:
    assert samples(talk(**settings)) == 3 * 2205 + round(22050 * silence)


def test_names_take_the_voices_in_order(talk: Any) -> None:
    info = talk("Anna: One.\nBob: Two.\nanna: Three.")[2]
    assert "2 speakers (Anna = speaker1_audio, Bob = speaker2_audio)" in info


def test_an_emotion_config_names_its_voice(talk: Any, pack: SimpleNamespace) -> None:
    configure = pack.nodes["IndexTTS2_SpeakerEmotionConfig"].execute
    config = configure(speaker_name="Bob", emotion_mode="emotion_vector", happy=0.5, neutral=0.0).result[0]
    _, _, info, emotions, *_ = talk("Bob: One.\nAnna: Two.\nBob: [Sad] Three.", speaker2_emotion_config=config)
    assert "Bob = speaker2_audio, Anna = speaker1_audio" in info
    assert emotions.splitlines() == [
        "1. Bob: happy 0.5, strength 1 | One.",
        "2. Anna: as in the speaker's own recording | Two.",
        "3. Bob: sad 0.8, strength 1 | Three.",
    ]


def test_what_was_read_from_text_is_told(talk: Any, pack: SimpleNamespace) -> None:
    configure = pack.nodes["IndexTTS2_SpeakerEmotionConfig"].execute
    config = configure(speaker_name="Speaker1", emotion_mode="auto").result[0]
    for _ in range(2):
        _, _, info, emotions, *_ = talk("Speaker1: Alas.", speaker1_emotion_config=config)
        assert "line 1, Speaker1: emotion read as sad 0.6, calm 0.2" in info
        assert emotions == "1. Speaker1: read from the line's own text, strength 1, read as sad 0.6, calm 0.2 | Alas."


def test_one_voice_reads_plain_text(talk: Any) -> None:
    assert "1 line, 1 speaker " in talk("Just a text.", num_speakers="1", speaker2_audio=None)[2]


def test_same_seed_same_sound_other_seed_other_sound(talk: Any) -> None:
    first, again, other = talk(seed=1), talk(seed=1), talk(seed=2)
    assert torch.equal(first[0]["waveform"], again[0]["waveform"])
    assert not torch.equal(first[0]["waveform"], other[0]["waveform"])


def test_only_new_lines_are_spoken_again(talk: Any) -> None:
    talk()
    info = talk(SCRIPT.replace("Two", "Zwei"))[2]
    assert [line.text for line, _ in FakePipeline.spoken] == ["One.", "Two.", "Three.", "Zwei."]
    assert "2 lines kept from an earlier run, 1 spoken now" in info


def test_a_model_is_loaded_once(talk: Any) -> None:
    assert "loaded in" in talk()[2]
    assert "re-used" in talk(seed=3)[2]
    assert len(FakePipeline.loads) == 1


def test_acceleration_changes_without_loading_again(talk: Any, pack: SimpleNamespace) -> None:
    talk()
    talk(use_accel=False, use_torch_compile=True)
    assert len(FakePipeline.loads) == 1
    assert len(FakePipeline.spoken) == 6
    talk(use_fp16=True)
    assert len(FakePipeline.loads) == 2


def test_room_for_the_run_is_asked_for(talk: Any, pack: SimpleNamespace) -> None:
    talk("Speaker1: One.")
    talk("Speaker1: " + "Many more words. " * 20)
    assert 0 < pack.comfy.asked[0] < pack.comfy.asked[1]


def test_the_node_says_where_it_is(talk: Any) -> None:
    talk()
    assert Server.words == [
        ("7", "loading the model: 50 %, gpt.pth"),
        ("7", "speech codes: 0 of about 3"),
        ("7", "all said"),
    ]
    talk()
    assert len(Server.words) == 3, "nothing ran, nothing to say"


def test_words_come_with_every_stage_and_four_times_a_second(pack: SimpleNamespace) -> None:
    seconds = iter(range(100))
    progress = pack.progress.Progress((), lambda: next(seconds) / 10)
    for codes in range(10):
        progress(Event("gpt", codes, 20))
    progress(Event("vocoder", 1, 2))
    assert 3 <= len(Server.words) <= 6
    assert Server.words[-1] == ("7", "waveform: 50 %")


def test_cancelled_while_the_model_is_read(talk: Any, pack: SimpleNamespace) -> None:
    pack.comfy.cancelled = True
    with pytest.raises(Interrupted):
        talk()
    assert FakePipeline.loads == []
    talk()
    assert len(FakePipeline.loads) == 1


def test_a_failing_line_keeps_the_finished_ones(talk: Any) -> None:
    FakePipeline.fail_on = ("Three.", IndexTTSError("line 3 (Speaker1): no"))
    with pytest.raises(IndexTTSError, match=r"line 3 \(Speaker1\): no \(2 of 3 new lines are finished and kept"):
        talk()
    FakePipeline.fail_on = None
    talk()
    assert [line.text for line, _ in FakePipeline.spoken] == ["One.", "Two.", "Three."]


def test_cancel_stops_and_keeps_the_finished_lines(talk: Any, pack: SimpleNamespace) -> None:
    """The model is in memory already, so that it is the run that stops."""
    talk("Speaker1: Zero.")
    FakePipeline.spoken.clear()
    pack.comfy.cancelled = True
    with pytest.raises(Interrupted):
        talk()
    assert FakePipeline.spoken == []
    talk()
    assert len(FakePipeline.spoken) == 3


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"speaker2_audio": None}, AudioError, "speaker2_audio: got no audio"),
        ({"text": "Speaker3: Hi."}, ScriptError, "line 1, column 1: unknown speaker 'Speaker3'.*num_speakers is 2"),
        ({"text": "S5: Hi.", "num_speakers": "4"}, ScriptError, "num_speakers is 4, the most there are: split the"),
        ({"text": "A: x\nB: y\nC: z"}, ScriptError, "line 3, column 1: unknown speaker 'C'; the speakers are A, B"),
        ({"text": " \n"}, ScriptError, "the script says nothing"),
        ({"text": "Speaker1: [Hapy] Hi."}, ScriptError, r"line 1, column 11: unknown tag \[Hapy\]"),
        ({"output_filename": "../x.wav"}, IndexTTSError, "output_filename: got '../x.wav'"),
    ],
)
def test_mistakes_are_named(talk: Any, inputs: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        talk(**inputs)
    assert FakePipeline.loads == []


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (torch.zeros(1, 1, 0), "has no samples"),
        (torch.full((1, 1, 100), float("nan")), "NaN"),
        (torch.zeros(2, 1, 100), "a batch of 2 recordings"),
    ],
)
def test_recordings_that_cannot_be_used(talk: Any, waveform: torch.Tensor, message: str) -> None:
    with pytest.raises(AudioError, match=f"speaker1_audio: .*{message}"):
        talk(speaker1_audio={"waveform": waveform, "sample_rate": 16000})


def test_a_bad_file_name_is_refused_before_anything_runs(pack: SimpleNamespace) -> None:
    validate = pack.nodes["IndexTTS2_MultiTalk"].validate_inputs
    assert validate(output_filename="a/b.wav") is True
    assert "output_filename" in validate(output_filename="/etc/x.wav")
    assert validate(output_filename=None) is True


SUBTITLES = "1\n00:00:00,000 --> 00:00:00,040\nOne.\n\n2\n00:00:00,040 --> 00:00:01,000\n[door slams] Two.\n"


@pytest.mark.parametrize(
    ("timing", "wished", "length"),
    [("fit", 0.04, 0.2), ("shift", None, 0.2), ("overlay", None, 0.14), ("pad", None, 1.0)],
)
def test_subtitles_keep_their_clock(talk: Any, timing: str, wished: float | None, length: float) -> None:
    result = talk(SUBTITLES, timing=timing)
    assert FakePipeline.spoken[0][0].wished_seconds == wished
    assert samples(result) == round(length * 22050)
    assert "line 3 (Speaker1): is 0.10 s long, 0.06 s longer than its subtitle" in result[2]
    assert (
        "left out or changed:\n  line 3: nobody is named; Speaker1 speaks\n  line 7: left out [door slams]" in result[2]
    )


def test_sound_cues_are_left_out_where_asked(talk: Any) -> None:
    with pytest.raises(ScriptError, match="unknown tag"):
        talk("Speaker1: One. [door slams] Two.")
    talk("Speaker1: One. [door slams] Two.", skip_sound_cues=True)
    assert FakePipeline.spoken[0][0].text == "One. Two."


def test_verify_needs_a_recognizer_before_anything_is_loaded(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pocketsphinx", "faster_whisper"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(IndexTTSError, match=r"pip install pocketsphinx.*or turn verify off"):
        talk("Speaker1: Hello you there.", verify=True)
    assert not FakePipeline.loads
    talk("Speaker1: Hello you there.", candidates=3)
    assert len(FakePipeline.spoken) == 1


def test_verify_speaks_candidates_of_each_line(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("pocketsphinx")
    module.Decoder = lambda **options: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pocketsphinx", module)
    talk("Speaker1: One two three.\nSpeaker2: Four five six.", verify=True, candidates=2)
    assert [line.index for line, _ in FakePipeline.spoken] == [0, 0, 1, 1]
    assert len({line.seed for line, _ in FakePipeline.spoken}) == 4
    options = FakePipeline.spoken[0][1]
    assert (options.verify, options.candidates, options.tries) == (True, 2, 3)
