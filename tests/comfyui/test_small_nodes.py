"""The composable nodes and the older packs' single-line nodes in a real server."""

import json
from typing import Any

import pytest
from helpers.comfy_server import ComfyServer, Prompt, RunFailed
from helpers.expected_nodes import COMPOSABLE, SINGLE_LINE


def shown(node: str, place: int) -> dict[str, Any]:
    return {"class_type": "PreviewAny", "inputs": {"source": [node, place]}}


def loaded(file: str) -> dict[str, Any]:
    return {"class_type": "LoadAudio", "inputs": {"audio": file}}


def talk_prompt(voices: dict[str, str], script: str) -> Prompt:
    return {
        "1": loaded(voices["anna"]),
        "2": loaded(voices["ben"]),
        "3": {"class_type": "IndexTTS2_Voice", "inputs": {"audio": ["2", 0], "name": "Ben"}},
        "4": {"class_type": "IndexTTS2_Script", "inputs": {"text": script}},
        "5": {
            "class_type": "IndexTTS2_Talk",
            "inputs": {
                "script": ["4", 0], "voices.voice1": ["1", 0], "voices.voice2": ["3", 0], "seed": 1, "num_beams": 1,
            },
        },
        "6": {"class_type": "IndexTTS2_TakesToAudio", "inputs": {"takes": ["5", 1]}},
        "7": {"class_type": "PreviewAudio", "inputs": {"audio": ["6", 1]}},
        "8": shown("6", 6),
        "9": shown("5", 3),
    }  # fmt: skip


def test_a_script_is_talked_and_taken_apart(server: ComfyServer, voices: dict[str, str]) -> None:
    outputs = server.run(talk_prompt(voices, "Anna: One.\nBen: Two."))
    assert len(outputs["7"]["audio"]) == 2, "a stem for each speaker"
    rows = json.loads(outputs["8"]["text"][0])
    assert [row["speaker"] for row in rows] == ["Anna", "Ben"]
    assert "2 lines, 2 speakers" in outputs["9"]["text"][0]


def test_a_fault_in_the_script_names_its_line(server: ComfyServer, voices: dict[str, str]) -> None:
    with pytest.raises(RunFailed) as failed:
        server.run(talk_prompt(voices, "Anna: One.\nBen: [hapy] Two.\nCarl: Three.\nCarl: Four.\nDora: a\nDora: b"))
    assert "line" in failed.value.message


@pytest.mark.parametrize("key", SINGLE_LINE)
def test_single_line_nodes_speak(server: ComfyServer, voices: dict[str, str], key: str) -> None:
    given = {"text": "Hello.", "speaker_audio": ["1", 0], "output_filename": f"old/{key}.wav"}
    modes = {"IndexTTS2_Duration": {"duration_mode": "auto"}, "IndexTTS2_Emotion": {"emotion_mode": "emotion_vector"}}
    prompt = {
        "1": loaded(voices["anna"]),
        "2": {"class_type": key, "inputs": given | modes.get(key, {})},
        "3": {"class_type": "PreviewAudio", "inputs": {"audio": ["2", 0]}},
        "4": shown("2", 1),
    }
    outputs = server.run(prompt)
    assert outputs["3"]["audio"]
    assert f"{key}" in outputs["4"]["text"][0]


def test_every_node_is_offered_under_its_words(server: ComfyServer) -> None:
    for key in (*COMPOSABLE, *SINGLE_LINE):
        assert server.get(f"/object_info/{key}")[key]["category"].startswith("IndexTTS2")
    say = server.get("/object_info/IndexTTS2_Say")["IndexTTS2_Say"]
    assert "text to speech" in say["search_aliases"]
