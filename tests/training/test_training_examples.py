"""What the pack lets the demonstration voice say is made of words that it was taught."""

import json
import re
from pathlib import Path

import pytest
from indextts2_multitalk.indextts.dialogue.script import parse_script
from indextts2_multitalk.training.sentences import grammar

PACK = Path(__file__).parents[2]


def speaks_with_the_demonstration_voice(workflow: dict) -> bool:
    managers = [node for node in workflow["nodes"] if node["type"] == "IndexTTS2_ModelManager"]
    return any("demo" in node["widgets_values"] for node in managers)


SCRIPTS = {"make demo": (PACK / "checkpoints" / "demo" / "dialogue.txt").read_text(encoding="utf-8")} | {
    file.stem: node["widgets_values_named"]["conversation_text"]
    for file in (PACK / "example_workflows").glob("*.json")
    for workflow in [json.loads(file.read_text(encoding="utf-8"))]
    if speaks_with_the_demonstration_voice(workflow)
    for node in workflow["nodes"]
    if "conversation_text" in node.get("widgets_values_named", {})
}


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_word_is_known(script: str) -> None:
    taught = set().union(*(words(re.sub(r"\{\w+\}", " ", choice)) for rule in grammar().values() for choice in rule))
    lines = parse_script(SCRIPTS[script], ["Anna", "Ben"])
    assert len(lines) >= 3
    assert set().union(*(words(line.text) for line in lines)) - taught == set()
