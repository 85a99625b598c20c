"""Locales, help pages and example workflows cover every node and every input."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.expected_nodes import EMOTION_VOICE, MULTI_TALK, SOCKETS, Node

PACK = Path(__file__).parents[2]


def locale(language: str) -> dict[str, Any]:
    return json.loads((PACK / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_input_and_output_is_named(pack: SimpleNamespace, language: str) -> None:
    words = locale(language)
    assert list(words) == list(pack.nodes)
    for key, node in pack.nodes.items():
        schema = node.define_schema()
        assert words[key]["display_name"] and words[key]["description"]
        assert list(words[key]["inputs"]) == [field.name for field in schema.inputs], key
        assert list(words[key]["outputs"]) == [str(place) for place in range(len(schema.outputs))], key
        for field in (*words[key]["inputs"].values(), *words[key]["outputs"].values()):
            assert field["name"] and field["tooltip"], key


def test_english_words_are_the_nodes_own(pack: SimpleNamespace) -> None:
    for key, node in pack.nodes.items():
        words, schema = locale("en")[key], node.define_schema()
        assert (words["display_name"], words["description"]) == (schema.display_name, schema.description)
        for field in schema.inputs:
            assert words["inputs"][field.name] == {"name": field.name, "tooltip": field.settings["tooltip"]}


def test_no_chinese_words_are_english(pack: SimpleNamespace) -> None:
    for key, words in locale("zh").items():
        for field in (words, *words["inputs"].values(), *words["outputs"].values()):
            told = field.get("tooltip") or field["description"]
            assert re.search("[\u4e00-\u9fff]", told), (key, told)


@pytest.mark.parametrize("place", ["{}.md", "{}/zh.md"])
def test_help_pages_name_every_input(pack: SimpleNamespace, place: str) -> None:
    for key, node in pack.nodes.items():
        text = (PACK / "web" / "docs" / place.format(key)).read_text(encoding="utf-8")
        for field in node.define_schema().inputs:
            general = re.sub(r"speaker\d", "speakerN", field.name)
            assert f"`{field.name}`" in text or f"`{general}`" in text, (key, field.name)


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
