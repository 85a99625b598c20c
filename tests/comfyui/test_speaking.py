"""Workflows as programs queue them: what goes in, what is seen on the way, what comes out."""

import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest
import soundfile
from helpers.comfy_server import ComfyServer, Interrupted, Message, RunFailed


def saved(server: ComfyServer, outputs: dict[str, Any]) -> Path:
    """The file that Save Audio wrote."""
    (entry,) = outputs["save"]["audio"]
    return server.base / "output" / entry["subfolder"] / entry["filename"]


def words(outputs: dict[str, Any], node: str) -> str:
    return outputs[node]["text"][0]


def test_multi_talk_speaks(server: ComfyServer, multi_talk: Any) -> None:
    seen: list[Message] = []
    prompt = multi_talk("Anna: Good morning.\nBen: [sad] Is it?\nAnna: [pause:0.2] It is.", output_filename="a/b.wav")
    outputs = server.run(prompt, seen.append)

    values = [m["data"]["value"] for m in seen if m["type"] == "progress" and m["data"]["node"] == "talk"]
    assert len(values) > 3
    assert values == sorted(values)
    assert values[-1] == 1000

    told = [text for node, text in server.words if node == "talk"]
    for stage in ("reading the script", "hearing the voices", "speech codes", "flow", "waveform"):
        assert any(text.startswith(stage) for text in told), stage
    assert any("line 2, Ben" in text for text in told)
    assert told[-1].startswith("3 lines, ")

    samples, rate = soundfile.read(saved(server, outputs))
    assert rate == 22050
    assert abs(samples).max() > 0.001
    written, written_rate = soundfile.read(server.base / "output" / "a" / "b.wav")
    assert (len(written), written_rate) == (len(samples), 22050)

    info = words(outputs, "info")
    assert "3 lines, 2 speakers (Anna = speaker1_audio, Ben = speaker2_audio)" in info
    assert "model: Shared from" in info
    assert "decoder: " in info
    assert "2. Ben: sad 0.8, strength 1 | Is it?" in words(outputs, "emotions")


def test_emotion_voice_speaks(server: ComfyServer, voices: dict[str, str]) -> None:
    def load(name: str) -> dict[str, Any]:
        return {"class_type": "LoadAudio", "inputs": {"audio": voices[name]}}

    inputs = {
        "num_speakers": "2",
        "conversation_text": "Speaker1: [Happy] Hello.\nSpeaker2: Good day.",
        "speaker1_voice": ["anna", 0],
        "speaker2_voice": ["ben", 0],
        "speaker2_emotion_voice": ["moved", 0],
        "speaker2_emotion_alpha": 0.8,
        "output_filename": "emotion_voice.flac",
    }
    outputs = server.run(
        {
            "anna": load("anna"),
            "ben": load("ben"),
            "moved": load("moved"),
            "talk": {"class_type": "IndexTTS2_EmotionVoiceMultiTalk", "inputs": inputs},
            "save": {"class_type": "SaveAudio", "inputs": {"audio": ["talk", 0], "filename_prefix": "audio/emotion"}},
            "info": {"class_type": "PreviewAny", "inputs": {"source": ["talk", 1]}},
        }
    )
    samples, rate = soundfile.read(saved(server, outputs))
    assert (rate, abs(samples).max() > 0.001) == (22050, True)
    assert soundfile.info(server.base / "output" / "emotion_voice.flac").frames == len(samples)
    info = words(outputs, "info")
    assert "1. Speaker1: happy 0.8, strength 1 | Hello." in info
    assert "2. Speaker2: as in an emotion recording of 2.0 s, strength 0.8 | Good day." in info
    assert "use_fp16: not used" in info


@pytest.mark.parametrize(
    "emotion",
    [
        {"emotion_mode": "emotion_vector", "happy": 0.7, "neutral": 0.0},
        {"emotion_mode": "audio_prompt", "emotion_audio": ["ben", 0], "emotion_alpha": 0.5},
        {"emotion_mode": "text_description", "emotion_text": "very glad"},
        {"emotion_mode": "auto"},
        {"emotion_mode": "inherit"},
    ],
    ids=lambda emotion: emotion["emotion_mode"],
)
def test_every_emotion_mode_speaks(server: ComfyServer, multi_talk: Any, emotion: dict[str, Any]) -> None:
    prompt = multi_talk("Speaker1: Now this.", speaker1_emotion_config=["feel", 0])
    prompt["feel"] = {"class_type": "IndexTTS2_SpeakerEmotionConfig", "inputs": {"speaker_name": "Speaker1", **emotion}}
    assert saved(server, server.run(prompt)).is_file()


def test_files_from_before_acceleration_run(server: ComfyServer, multi_talk: Any) -> None:
    """An API file with all that the node had then, and nothing that came later."""
    old = {"language": "auto", "speed": 1.0, "silence_duration": 0.5, "voice_consistency": 1.0, "reference_boost": True}
    old |= {f"speaker{number}_pause": 0.5 for number in (1, 2, 3, 4)}
    old |= {"temperature": 0.7, "top_p": 0.9, "use_fp16": False, "use_cuda_kernel": False, "verbose": True}
    assert saved(server, server.run(multi_talk("Speaker1: As ever.", manager=False, **old))).is_file()


def test_the_second_queue_finds_the_model_loaded(server: ComfyServer, multi_talk: Any) -> None:
    server.run(multi_talk("Speaker1: Once.", manager=False))
    loads = server.log_text().count("IndexTTS2 model")
    info = words(server.run(multi_talk("Speaker1: Twice.\nSpeaker1: Once.", manager=False)), "info")
    assert "re-used, already in memory" in info
    assert "1 line kept from an earlier run, 1 spoken now" in info
    assert server.log_text().count("IndexTTS2 model") == loads


def test_the_nodes_switches_count_though_the_manager_loaded(server: ComfyServer, multi_talk: Any) -> None:
    loads = server.log_text().count("IndexTTS2 model")
    plain = words(server.run(multi_talk("Speaker1: Slowly.", use_accel=False)), "info")
    assert "decoder: plain loop (use_accel is off)" in plain
    fast = words(server.run(multi_talk("Speaker1: Quickly.", use_accel=True)), "info")
    assert "decoder: engine" in fast
    assert server.log_text().count("IndexTTS2 model") <= loads + 1


@pytest.mark.parametrize("beams", [1, 3])
def test_acceleration_says_the_same(server: ComfyServer, multi_talk: Any, beams: int) -> None:
    """Equal codes give equal samples, the flow's noise being the seed's; another code would move all after it."""
    script = "Anna: The same words.\nBen: Again, and as many.\nAnna: Once more."
    spoken = []
    for accel in (False, True):
        outputs = server.run(multi_talk(script, use_accel=accel, num_beams=beams, seed=7))
        assert ("decoder: engine" in words(outputs, "info")) == accel
        assert "0 lines kept" in words(outputs, "info")
        spoken.append(soundfile.read(saved(server, outputs))[0])
    plain, fast = spoken
    assert plain.shape == fast.shape
    assert abs(plain - fast).max() <= 1e-3 * abs(plain).max()


def test_cancel_stops_inside_a_line(server: ComfyServer, multi_talk: Any) -> None:
    long = multi_talk("Speaker1: " + "This goes on for a while, word after word after word. " * 30)
    values: list[int] = []

    def press(message: Message) -> None:
        if message["type"] == "progress" and message["data"]["node"] == "talk":
            values.append(message["data"]["value"])
            if len(values) == 1:
                server.post("/interrupt", {})

    with pytest.raises(Interrupted):
        server.run(long, press)
    assert values[-1] < 1000, "it was stopped between the nodes"
    assert saved(server, server.run(multi_talk("Speaker1: And on we go."))).is_file()


def test_free_empties_memory_and_the_next_queue_loads_again(server: ComfyServer, multi_talk: Any) -> None:
    server.run(multi_talk("Speaker1: Before."))
    before = server.log_text().count("IndexTTS2 unloaded, its memory is free")
    server.post("/free", {"unload_models": True, "free_memory": True})
    server.wait_for("IndexTTS2 unloaded, its memory is free", before + 1)
    loads = server.log_text().count("IndexTTS2 model")
    server.run(multi_talk("Speaker1: After."))
    assert server.log_text().count("IndexTTS2 model") == loads + 1


def test_finished_lines_queued_again_after_free_load_nothing(server: ComfyServer, multi_talk: Any) -> None:
    prompt = multi_talk("Speaker1: Said once.")
    server.run(prompt)
    unloaded = server.log_text().count("IndexTTS2 unloaded, its memory is free")
    server.post("/free", {"unload_models": True, "free_memory": True})
    server.wait_for("IndexTTS2 unloaded, its memory is free", unloaded + 1)
    loads = server.log_text().count("IndexTTS2 model ")
    assert "no model ran: every line was finished before" in words(server.run(prompt), "info")
    assert server.log_text().count("IndexTTS2 model ") == loads


def test_low_memory_says_the_same_also_after_free(server: ComfyServer, multi_talk: Any) -> None:
    def speak(text: str, low_memory: bool) -> Any:
        prompt = multi_talk(text)
        prompt["manager"]["inputs"]["low_memory"] = low_memory
        return soundfile.read(saved(server, server.run(prompt)))[0]

    texts = ("Speaker1: In turns.", "Speaker2: And in turns again.")
    usual = [speak(text, low_memory=False) for text in texts]
    said = [speak(texts[0], low_memory=True)]
    server.post("/free", {"unload_models": True, "free_memory": True})
    for group in ("listening", "shared", "speaking"):
        server.wait_for(f"IndexTTS2 {group} models unloaded, its weights wait in RAM")
    loads = server.log_text().count("IndexTTS2 model ")
    said.append(speak(texts[1], low_memory=True))
    assert server.log_text().count("IndexTTS2 model ") == loads
    for one, other in zip(usual, said, strict=True):
        assert abs(one - other).max() < 1e-3


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("Speaker3: Hello.", {}, "line 1, column 1: unknown speaker 'Speaker3'"),
        ("Speaker1: [Hapy] Hello.", {}, "line 1, column 11: unknown tag [Hapy]"),
        ("Speaker1: привет", {}, "line 1"),
        ("  ", {}, "the script says nothing"),
        ("Speaker2: Hello.", {"speaker2_audio": None}, "speaker2_audio: got no audio"),
    ],
)
def test_mistakes_are_told(
    server: ComfyServer, multi_talk: Any, text: str, settings: dict[str, Any], message: str
) -> None:
    prompt = multi_talk(text, **settings)
    inputs = prompt["talk"]["inputs"]
    prompt["talk"]["inputs"] = {name: value for name, value in inputs.items() if value is not None}
    with pytest.raises(RunFailed) as failure:
        server.run(prompt)
    assert message in failure.value.message


@pytest.mark.parametrize("name", ["../escaped.wav", "/tmp/escaped.wav", "C:\\escaped.wav", ""])
def test_a_file_outside_the_output_folder_is_refused_at_once(server: ComfyServer, multi_talk: Any, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        server.run(multi_talk("Speaker1: Hello.", output_filename=name))
    assert refusal.value.code == 400
    (error,) = json.loads(refusal.value.read())["node_errors"]["talk"]["errors"]
    assert "output_filename" in error["details"]
