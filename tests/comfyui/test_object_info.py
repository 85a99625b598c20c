"""What ComfyUI says of the nodes, and what it serves with them."""

from typing import Any

import pytest
from helpers.comfy_server import ComfyServer
from helpers.expected_nodes import NODES, Input, Node

BY_KEY = pytest.mark.parametrize("node", NODES, ids=lambda node: node.key)
PACK = "/extensions/indextts2-multitalk"

NOT_COMPARED = {"tooltip", "multiselect"}
"""Settings that saved workflows do not depend on."""
AS_DECLARED = {"forceInput": "force_input"}
"""Settings that ComfyUI tells the page under another name."""


def told(inputs: dict[str, Any]) -> list[Input]:
    return [
        (name, kind, {AS_DECLARED.get(key, key): value for key, value in settings.items() if key not in NOT_COMPARED})
        for name, (kind, settings) in inputs.items()
    ]


@BY_KEY
def test_schema_equals_what_people_have(server: ComfyServer, node: Node) -> None:
    info = server.get(f"/object_info/{node.key}")[node.key]
    assert (info["display_name"], info["category"]) == (node.display_name, node.category)
    # A node without optional inputs has no such entry.
    inputs = {kind: each for kind, each in (("required", node.required), ("optional", node.optional)) if each}
    assert {kind: told(info["input"].get(kind, {})) for kind in inputs} == inputs
    assert info["input_order"] == {kind: [name for name, _, _ in each] for kind, each in inputs.items()}
    assert list(zip(info["output_name"], info["output"], strict=True)) == node.outputs
    assert info["output_node"] is False


@BY_KEY
def test_help_pages_are_served(server: ComfyServer, node: Node) -> None:
    for page in (f"{node.key}.md", f"{node.key}/zh.md"):
        assert server.get(f"{PACK}/docs/{page}").startswith("# IndexTTS2")


@BY_KEY
def test_locales_are_known(server: ComfyServer, node: Node) -> None:
    words = server.get("/i18n")
    assert words["en"]["nodeDefs"][node.key]["display_name"] == node.display_name
    assert words["zh"]["nodeDefs"][node.key]["display_name"] != node.display_name


def test_the_page_gets_the_script_for_old_workflows(server: ComfyServer) -> None:
    assert f"{PACK}/js/old_workflows.js" in server.get("/extensions")


def test_examples_are_offered(server: ComfyServer) -> None:
    assert set(server.get("/workflow_templates")["indextts2-multitalk"]) == {
        "multi_talk",
        "emotion_voice_multi_talk",
        "five_languages",
        "talk",
        "dub_subtitles",
        "narration",
    }
