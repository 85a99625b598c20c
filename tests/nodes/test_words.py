"""Locales, help pages and example workflows cover every node and every input."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.expected_nodes import EMOTION_VOICE, MULTI_TALK, NODES, SOCKETS, Node

PACK = Path(__file__).parents[2]
BY_KEY = pytest.mark.parametrize("node", NODES, ids=lambda node: node.key)


def locale(language: str) -> dict[str, Any]:
    return json.loads((PACK / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))


@BY_KEY
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_input_and_output_is_named(node: Node, language: str) -> None:
    words = locale(language)[node.key]
    assert words["display_name"]
    assert words["description"]
    assert list(words["inputs"]) == [name for name, _, _ in _in_schema_order(words["inputs"], node)]
    assert list(words["outputs"]) == [str(place) for place in range(len(node.outputs))]
    for field in (*words["inputs"].values(), *words["outputs"].values()):
        assert field["name"]
        assert field["tooltip"]


def _in_schema_order(given: dict[str, Any], node: Node) -> list[Any]:
    known = {field[0]: field for field in (*node.required, *node.optional)}
    assert set(given) == set(known)
    return [known[name] for name in given]


@BY_KEY
def test_english_words_are_the_nodes_own(pack: SimpleNamespace, node: Node) -> None:
    words, schema = locale("en")[node.key], pack.nodes[node.key].define_schema()
    assert (words["display_name"], words["description"]) == (schema.display_name, schema.description)
    for field in schema.inputs:
        assert words["inputs"][field.name] == {"name": field.name, "tooltip": field.settings["tooltip"]}


@BY_KEY
@pytest.mark.parametrize("place", ["{}.md", "{}/zh.md"])
def test_help_pages_name_every_input(node: Node, place: str) -> None:
    text = (PACK / "web" / "docs" / place.format(node.key)).read_text(encoding="utf-8")
    for name, _, _ in (*node.required, *node.optional):
        general = re.sub(r"speaker\d", "speakerN", name)
        assert f"`{name}`" in text or f"`{general}`" in text, name


@pytest.mark.parametrize("node", [MULTI_TALK, EMOTION_VOICE], ids=lambda node: node.key)
def test_an_example_with_a_picture(node: Node) -> None:
    found = []
    for file in (PACK / "example_workflows").glob("*.json"):
        workflow = json.loads(file.read_text(encoding="utf-8"))
        for placed in workflow["nodes"]:
            if placed["type"] == node.key:
                controls = sum(kind == "INT" and "control_after_generate" in rest for _, kind, rest in node.optional)
                widgets = [
                    field
                    for field in (*node.required, *node.optional)
                    if field[1] not in SOCKETS and "force_input" not in field[2]
                ]
                assert len(placed["widgets_values"]) == len(widgets) + controls
                found.append(file)
    assert found
    for file in found:
        assert file.with_suffix(".jpg").is_file(), f"{file.name} has no picture"
