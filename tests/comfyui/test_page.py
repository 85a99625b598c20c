"""The page in a real browser: files that people saved with today's pack load, and what they say is what is queued."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.chromium import Page, find_chromium
from helpers.comfy_server import ComfyServer
from helpers.expected_nodes import ADDITIONS, MULTI_TALK

PACK = Path(__file__).parents[2]
NODES = "IndexTTS2_MultiTalk", "IndexTTS2_EmotionVoiceMultiTalk"

TALK_17 = [
    "3", "Anna: Hi.\nBen: Ho.", "old.wav", "en", 1.3, 0.7, 0.1, 0.2, 0.3, 0.4, 1.5, False, 0.6, 0.85, True, True, False
]  # fmt: skip
"""Widgets of a MultiTalk saved before acceleration; the last one is `verbose`."""

TALK_19 = [*TALK_17[:16], False, True, False]
"""The same, saved with `use_accel` off and `use_torch_compile` on before `verbose`."""

TALK_13 = ["3", "A: Hi.", "old.wav", "en", 1.3, 0.7, 1.5, False, 0.6, 0.85, True, True, False]
TALK_11 = ["3", "A: Hi.", "old.wav", "en", 1.3, 0.7, 0.6, 0.85, True, True, False]
"""Before pauses, and before voice_consistency and reference_boost."""

FEELINGS = ["happy", "angry", "sad", "fear", "hate", "low", "surprise", "neutral"]
CONFIG_NAMES = ["speaker_name", "emotion_mode", "emotion_alpha", *FEELINGS, "emotion_text", "enabled"]

EMOTION_VOICE_11 = ["2", "A: a", "old.wav", 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, False, True]
EMOTION_VOICE_13 = [*EMOTION_VOICE_11, False, True]


@pytest.fixture(scope="module")
def page(server: ComfyServer, voices: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed")
    server.post("/settings", {"Comfy.TutorialCompleted": True})
    with Page(program, tmp_path_factory.mktemp("profile"), server.url) as opened:
        opened.wait_for("window.app && window.app.graph && window.LiteGraph.registered_node_types.IndexTTS2_MultiTalk")
        opened.wait_for("window.app.extensions.some((one) => one.name === 'IndexTTS2.OldWorkflows')")
        yield opened


ADDED = {name: settings["default"] for name, _, settings in ADDITIONS if "default" in settings}
"""What files from before these inputs get for them."""


def saved_file(node: str, values: list[Any]) -> dict[str, Any]:
    """A UI workflow of today's pack: its sockets in order, widgets by position."""
    socket = {"name": "speaker1_audio" if node == NODES[0] else "speaker1_voice", "type": "AUDIO", "link": None}
    placed = {
        "id": 1, "type": node, "pos": [100, 100], "size": [400, 600], "flags": {}, "order": 0, "mode": 0,
        "inputs": [socket], "outputs": [{"name": "audio", "type": "AUDIO", "links": None}],
        "properties": {"Node name for S&R": node}, "widgets_values": values,
    }  # fmt: skip
    return {"last_node_id": 1, "last_link_id": 0, "nodes": [placed], "links": [], "groups": [], "version": 0.4}


def named(node: str, names: list[str], values: list[Any]) -> dict[str, Any]:
    """A UI workflow that stores its widgets' names beside their values."""
    workflow = saved_file(node, values)
    workflow["nodes"][0]["inputs"] = [
        {"name": name, "type": "*", "link": None, "widget": {"name": name}} for name in names
    ]
    return workflow


def notes(page: Page) -> list[str]:
    """What the first node says of values that were not understood."""
    return page.evaluate(
        "app.graph._nodes[0].widgets.filter((one) => one.options?.serialize === false && one.disabled)"
        ".map((one) => String(one.value))"
    )


def load(page: Page, workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Load a UI workflow and return the API workflow that the page would queue."""
    steps = f"await app.loadGraphData({json.dumps(workflow)}); return (await app.graphToPrompt()).output"
    return page.evaluate(f"(async () => {{ {steps} }})()")


def queued(page: Page, node: str, values: list[Any]) -> dict[str, Any]:
    return load(page, saved_file(node, values))["1"]["inputs"]


def before_acceleration() -> dict[str, Any]:
    names = [name for name, kind, _ in (*MULTI_TALK.required, *MULTI_TALK.optional) if kind != "AUDIO"]
    sockets = ("model_manager", *(f"speaker{i}_emotion_config" for i in (1, 2, 3, 4)), "use_accel", "use_torch_compile")
    return dict(zip([name for name in names if name not in sockets], TALK_17, strict=False))


def test_17_widgets_get_the_acceleration_defaults_before_verbose(page: Page) -> None:
    expected = before_acceleration() | {"use_accel": True, "use_torch_compile": False} | ADDED
    assert queued(page, NODES[0], TALK_17) == expected


def test_19_widgets_load_as_they_are(page: Page) -> None:
    expected = before_acceleration() | {"use_accel": False, "use_torch_compile": True} | ADDED
    assert queued(page, NODES[0], TALK_19) == expected


def test_todays_own_files_load_as_they_are(page: Page) -> None:
    inputs = queued(page, NODES[0], [*TALK_19, 77, "randomize", 1])
    assert (inputs["seed"], inputs["num_beams"], inputs["verbose"]) == (77, 1, False)


def test_13_and_11_widgets_are_not_shifted(page: Page) -> None:
    inputs = queued(page, NODES[0], TALK_13)
    assert (inputs["voice_consistency"], inputs["reference_boost"], inputs["speaker2_pause"]) == (1.5, False, 0.5)
    assert (inputs["temperature"], inputs["use_fp16"], inputs["verbose"], inputs["use_accel"]) == (
        0.6, True, False, True,
    )  # fmt: skip
    for values in (TALK_11, [*TALK_11, False, True]):
        inputs = queued(page, NODES[0], values)
        assert (inputs["temperature"], inputs["top_p"], inputs["use_cuda_kernel"]) == (0.6, 0.85, True)
        assert (inputs["voice_consistency"], inputs["reference_boost"], inputs["verbose"]) == (1.0, True, False)
        assert notes(page) == []


def test_a_value_of_the_wrong_kind_is_left_out_and_said_on_the_node(page: Page) -> None:
    values = [*TALK_13[:7], 0.9, *TALK_13[8:]]
    inputs = queued(page, NODES[0], values)
    assert (inputs["reference_boost"], inputs["temperature"], inputs["top_p"]) == (True, 0.6, 0.85)
    (said,) = notes(page)
    assert said.endswith("reference_boost: 0.9")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["Ann", "emotion_vector", "", 1.2, 0.6, 0, 0, 0, 0, 0, 0, 0.4, "", True], (1.2, 0.6, 0.4, "", True)),
        (["Ann", "emotion_vector", "", 1.2, 0.6, 0, 0, 0, 0, 0, 0, "0.4", True], (1.2, 0.6, 0.4, "", True)),
        (["Ann", "text_description", "", 1, 0, 0, 0, 0, 0, 0, 0, "0", "Afraid."], (1, 0, 0, "Afraid.", True)),
        (["Ann", "emotion_vector", 1.4, 1, 0.8, 0, 0, 0, 0, 0, 0.1, "calm", False], (1.4, 1, 0.1, "calm", False)),
    ],
)
def test_emotion_configs_of_every_layout(page: Page, values: list[Any], expected: tuple[Any, ...]) -> None:
    for names in ([], CONFIG_NAMES):
        workflow = named("IndexTTS2_SpeakerEmotionConfig", names, values)
        inputs = load(page, workflow)["1"]["inputs"]
        read = tuple(inputs[name] for name in ("emotion_alpha", "happy", "neutral", "emotion_text", "enabled"))
        assert read == expected
        assert notes(page) == []


def test_model_managers_from_before_their_name(page: Page) -> None:
    old = ["checkpoints/config.yaml", "checkpoints/", "auto", True, False, "cpu", True, False, True, False]
    inputs = load(page, saved_file("IndexTTS2_ModelManager", old))["1"]["inputs"]
    assert (inputs["model_name"], inputs["config_path"], inputs["model_dir"]) == (
        "IndexTTS2-Default", "checkpoints/config.yaml", "checkpoints/",
    )  # fmt: skip
    assert (inputs["use_fp16"], inputs["device"], inputs["verbose"]) == (True, "cpu", False)


@pytest.mark.parametrize(
    ("values", "accel", "compiled"), [(EMOTION_VOICE_11, True, False), (EMOTION_VOICE_13, False, True)]
)
def test_emotion_voice_files(page: Page, values: list[Any], accel: bool, compiled: bool) -> None:
    inputs = queued(page, NODES[1], values)
    assert (inputs["use_accel"], inputs["use_torch_compile"]) == (accel, compiled)
    assert (inputs["speaker4_emotion_alpha"], inputs["speed"], inputs["use_cuda_kernel"]) == (0.8, 1.1, True)


@pytest.mark.parametrize("example", ["multi_talk", "emotion_voice_multi_talk", "talk", "dub_subtitles", "narration"])
def test_examples_speak_as_they_are(page: Page, server: ComfyServer, example: str) -> None:
    workflow = json.loads((PACK / "example_workflows" / f"{example}.json").read_text(encoding="utf-8"))
    prompt = load(page, workflow)
    kinds = {node["class_type"] for node in prompt.values()}
    assert {"IndexTTS2_ModelManager", "IndexTTS2_DemoVoice", "PreviewAudio"} < kinds
    (manager,) = [node for node in prompt.values() if node["class_type"] == "IndexTTS2_ModelManager"]
    inputs = manager["inputs"]
    assert (inputs["model_dir"], inputs["low_memory"], inputs["attention"]) == ("demo", False, "auto")
    assert any("audio" in outputs for outputs in server.run(prompt).values())
