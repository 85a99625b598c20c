"""Voice, Emotion, Script, Say, Talk and Takes to Audio, and the older packs' single-line nodes; over a hum."""

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.fake_comfy import PACKAGE, Server
from helpers.fake_pipeline import FakePipeline
from indextts2_multitalk.indextts.errors import AudioError, IndexTTSError, ScriptError

SCRIPT = "Anna: One.\nBen: Two.\nAnna: Three."


@pytest.fixture
def run(pack: SimpleNamespace) -> Any:
    def execute(key: str, **inputs: Any) -> tuple[Any, ...]:
        return pack.nodes[f"IndexTTS2_{key}"].execute(**inputs).result

    return execute


def test_a_script_is_talked_and_taken_apart(run: Any, recording: dict[str, Any]) -> None:
    script, preview, speakers = run("Script", text="Anna: [happy] One.\nBen: Two.\nAnna: Three.")
    assert speakers == "Anna\nBen"
    assert preview.splitlines()[1] == "2. Ben: Two."
    assert "happy 0.8" in preview.splitlines()[0]
    ben = run("Voice", audio=recording, name="Ben")[0]
    audio, takes, subtitles, info = run("Talk", script=script, voices={"voice1": ben, "voice2": recording})
    assert "Anna = voice2, Ben = voice1" in info
    assert subtitles.count("-->") == 3
    mix, stems, names, lines, srt, vtt, listed, report = run("TakesToAudio", takes=takes)
    assert torch.equal(mix["waveform"], audio["waveform"])
    assert names == ["Anna", "Ben"]
    assert torch.equal(stems[0]["waveform"] + stems[1]["waveform"], mix["waveform"])
    assert (len(lines), srt, vtt[:6]) == (3, subtitles, "WEBVTT")
    assert report.endswith("decoder: fake")
    assert [row["speaker"] for row in json.loads(listed)] == ["Anna", "Ben", "Anna"]


def test_voices_carry_their_emotion_and_a_tag_wins(run: Any, recording: dict[str, Any]) -> None:
    sad = run("VoiceEmotion", emotion="sad", strength=0.5)[0]
    voice = run("Voice", audio=recording, name="Anna", emotion=sad, reference_boost=False)[0]
    run("Talk", script="Anna: One.\nAnna: [happy] Two.", voices={"voice1": voice})
    (first, _), (second, _) = FakePipeline.spoken
    assert first.emotion is not None and first.emotion.alpha == 0.5
    assert second.emotion is not None and second.emotion.vector is not None and second.emotion.vector[0] == 0.8
    assert first.voice is not None and first.voice.boost is False


@pytest.mark.parametrize(
    ("choice", "mode"),
    [("calm", "vector"), ("as in text", "text"), ("from each line", "text"), ("as in audio", "audio")],
)
def test_emotions_of_every_kind(run: Any, recording: dict[str, Any], choice: str, mode: str) -> None:
    config, info = run("VoiceEmotion", emotion=choice, audio=recording, text="tired")
    assert config.emotion.mode == mode
    assert info


def test_sixteen_voices(run: Any, recording: dict[str, Any]) -> None:
    script = "\n".join(f"Name{number}: Line." for number in range(16))
    voices = {f"voice{number}": recording for number in range(1, 17)}
    assert "16 lines, 16 speakers" in run("Talk", script=script, voices=voices)[3]
    voices.popitem()
    with pytest.raises(ScriptError, match="connect another voice"):
        run("Talk", script=script, voices=voices)


def test_no_voice_is_said_at_once(run: Any) -> None:
    with pytest.raises(AudioError, match="voices: got none"):
        run("Talk", script=SCRIPT, voices={"voice1": None})


def test_say_speaks_a_text_and_refuses_a_second_speaker(run: Any, recording: dict[str, Any]) -> None:
    audio, takes, info = run("Say", text="Plain: text. Twice.", voice=recording, seed=5, num_beams=1)
    assert audio["waveform"].shape[-1] and "1 line, 1 speaker" in info
    assert takes.takes[0].line.text == "Plain: text. Twice."
    assert FakePipeline.spoken[0][1].num_beams == 1
    with pytest.raises(ScriptError, match="use IndexTTS2 Talk"):
        run("Say", text="Speaker1: One.\nSpeaker2: Two.", voice=recording)


def test_a_voice_is_kept_in_the_library(run: Any, pack: SimpleNamespace, recording: dict[str, Any]) -> None:
    _, _, info = run("Voice", audio=recording, name="Old man", save=True)
    assert info.endswith("kept as Old man.flac")
    run("Voice", audio=recording, name="Old man", save=True)
    options = pack.nodes["IndexTTS2_Voice"].define_schema().inputs[1].settings["options"]
    assert options == ["none", "Old man"]
    voice, audio, _ = run("Voice", library="Old man")
    assert voice.name == "Old man"
    assert torch.allclose(audio["waveform"], recording["waveform"], atol=1e-4)
    louder = recording | {"waveform": recording["waveform"] * 0.5}
    with pytest.raises(AudioError, match="has another 'Old man'"):
        run("Voice", audio=louder, name="Old man", save=True)
    with pytest.raises(AudioError, match="connected, too"):
        run("Voice", audio=recording, library="Old man")
    with pytest.raises(AudioError, match="connect a Load Audio node, or choose"):
        run("Voice")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "CON", "a:b", "x" * 200, "a\0b", ".hidden"])
def test_a_name_that_is_no_file_name_is_refused_before_anything_runs(pack: SimpleNamespace, name: str) -> None:
    answer = pack.nodes["IndexTTS2_Voice"].validate_inputs(name=name, save=True)
    assert isinstance(answer, str) and answer.startswith("name: got")


def test_script_files_are_read_from_the_input_folder(run: Any, pack: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "input" / "shows" / "one.srt"
    file.parent.mkdir(parents=True)
    file.write_text("1\n00:00:01,500 --> 00:00:02,000\nAnna: One.\n")
    node = pack.nodes["IndexTTS2_Script"]
    assert node.define_schema().inputs[1].settings["options"] == ["none", "shows/one.srt"]
    assert run("Script", text="", file="shows/one.srt")[1] == "1. at 1.50 s Anna: One."
    before = node.fingerprint_inputs(file="shows/one.srt")
    assert before.startswith(str(file))
    for outside in ("../secret.txt", "/etc/passwd", "missing.srt"):
        assert "not in ComfyUI's input folder" in node.validate_inputs(file=outside)


def test_takes_are_not_made_up(run: Any, pack: SimpleNamespace) -> None:
    empty = SimpleNamespace
    with pytest.raises((IndexTTSError, AttributeError)):
        run("TakesToAudio", takes=empty())


@pytest.fixture
def old(run: Any, recording: dict[str, Any]) -> Any:
    def execute(key: str, **inputs: Any) -> tuple[Any, ...]:
        return run(key, text="Hello.", speaker_audio=recording, output_filename=f"{key}.wav", **inputs)

    return execute


def test_basic_speaks(old: Any, pack: SimpleNamespace) -> None:
    audio, path, info = old("Basic", speed=2.0, temperature=0.5, top_p=0.4, language="en")
    line, options = FakePipeline.spoken[0]
    assert (line.speed, options.temperature, options.top_p, options.language) == (2.0, 0.5, 0.4, "en")
    assert path == str(pack.output / "Basic.wav") and path in info
    assert audio["sample_rate"] == 22050


@pytest.mark.parametrize(
    ("mode", "inputs", "speed", "seconds"),
    [
        ("speed_control", {"speed_multiplier": 1.5, "target_duration": 9.0}, 1.5, None),
        ("token_control", {"token_count": 100}, 1.0, 2.0),
        ("auto", {}, 1.0, None),
    ],
)
def test_duration_modes(old: Any, mode: str, inputs: dict[str, Any], speed: float, seconds: float | None) -> None:
    seconds_spoken = old("Duration", duration_mode=mode, **inputs)[3]
    line, _ = FakePipeline.spoken[0]
    assert (line.speed, line.wished_seconds) == (speed, seconds)
    assert seconds_spoken > 0


def test_emotions_of_the_older_nodes(old: Any, recording: dict[str, Any]) -> None:
    old("Emotion", emotion_mode="emotion_vector", happy=0.7, neutral=0.3, emotion_alpha=0.8)
    old("Advanced", enable_emotion_control=True, emotion_mode="mixed", emotion_audio=recording)
    old("Advanced", emotion_mode="emotion_vector", happy=1.0, duration_mode="target_duration", target_duration=3.0)
    old("Advanced", enable_duration_control=True, duration_mode="target_duration", target_duration=3.0, temperature=0.6)
    emotions = [line.emotion for line, _ in FakePipeline.spoken]
    assert emotions[0] is not None and emotions[0].vector == (0.7, 0, 0, 0, 0, 0, 0, 0.3)
    assert emotions[1] is not None and emotions[1].mode == "audio"
    assert emotions[2] is None and FakePipeline.spoken[2][0].wished_seconds is None
    assert FakePipeline.spoken[3][0].wished_seconds == 3.0


def test_two_runs_write_two_files(old: Any) -> None:
    first, second = (old("Basic", language=language)[1] for language in ("en", "zh"))
    assert Path(second).name == "Basic_00002.wav"
    assert Path(first).is_file() and Path(second).is_file()


def test_a_line_gets_the_seed_it_is_given_and_the_others_keep_theirs(run: Any, recording: dict[str, Any]) -> None:
    given = {"script": SCRIPT, "voices": {"voice1": recording, "voice2": recording}}
    run("Talk", **given)
    run("Talk", **given, line_seeds="2:42")
    seeds = [line.seed for line, _ in FakePipeline.spoken]
    assert len(seeds) == 4, "only the second line is spoken anew"
    assert seeds[3] == 42
    for wrong, words in (("x", "got 'x'"), ("2=4", "got '2=4'"), ("9:1", "has 3 lines"), ("0:1", "got line 0")):
        with pytest.raises(ScriptError, match=words):
            run("Talk", **given, line_seeds=wrong)


def test_the_page_is_told_of_every_line(run: Any, recording: dict[str, Any], tmp_path: Path) -> None:
    run("Talk", script=SCRIPT, voices={"voice1": recording, "voice2": recording})
    assert Server.sent == [], "nobody listens"
    Server.client_id = "page"
    run("Talk", script=SCRIPT + "\nBen: Four.", voices={"voice1": recording, "voice2": recording})
    takes = [data for event, data in Server.sent if event == "indextts2.take"]
    assert sorted(take["line"] for take in takes) == [1, 2, 3, 4], "those kept from before, too"
    assert {take["node"] for take in takes} == {"7"} and takes[0]["count"] == 4
    assert max(takes[0]["peaks"]) == 10 and len(takes[0]["peaks"]) == 48
    assert (tmp_path / "temp" / "indextts2" / takes[0]["audio"]["filename"]).is_file()
    event, placed = Server.sent[-1]
    assert (event, len(placed["cues"])) == ("indextts2.timeline", 4)
    assert placed["cues"][1]["start"] == pytest.approx(0.6, abs=0.01)


def test_a_script_is_checked_while_it_is_written(pack: SimpleNamespace) -> None:
    check = importlib.import_module(f"{PACKAGE}.script_check").check_script
    assert check(SCRIPT, 2)["speakers"] == ["Anna", "Ben"]
    assert check("Anna: [happy] One.")["lines"] == [{"speaker": "Anna", "text": "One.", "source_line": 1}]
    fault = check("Anna: One.\nBen: Two.\nCarl: Three.", 2)["fault"]
    assert (fault["line"], fault["column"]) == (3, 1)
    assert "raise num_speakers" in fault["message"]
    assert check("", 1)["fault"]["line"] == 0
    assert check("x" * 2_000_000) == {"speakers": [], "lines": [], "count": 0}
