"""The timeline and the script's faults on a node, in a real page of a real server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.chromium import Page, find_chromium
from helpers.comfy_server import ComfyServer

PACK = Path(__file__).parents[2]
NODE = "app.graph._nodes.find((one) => one.type === 'IndexTTS2_MultiTalk')"


@pytest.fixture(scope="module", params=[False, True], ids=["canvas nodes", "vue nodes"])
def page(
    request: pytest.FixtureRequest, server: ComfyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium is installed")
    server.post("/settings", {"Comfy.TutorialCompleted": True, "Comfy.VueNodes.Enabled": request.param})
    with Page(program, tmp_path_factory.mktemp("profile"), server.url) as opened:
        opened.wait_for("window.app && window.app.graph && window.LiteGraph.registered_node_types.IndexTTS2_MultiTalk")
        opened.wait_for("window.app.extensions.some((one) => one.name === 'IndexTTS2.Timeline')")
        workflow = (PACK / "example_workflows" / "multi_talk.json").read_text(encoding="utf-8")
        opened.evaluate(f"app.loadGraphData({json.dumps(json.loads(workflow))})")
        opened.wait_for("document.querySelector('.itts-strip')")
        yield opened
    server.post("/settings", {"Comfy.VueNodes.Enabled": False})


def set_widget(page: Page, name: str, value: Any) -> None:
    page.evaluate(f"(() => {{ {NODE}.widgets.find((one) => one.name === '{name}').value = {json.dumps(value)} }})()")


def widget(page: Page, name: str) -> Any:
    return page.evaluate(f"{NODE}.widgets.find((one) => one.name === '{name}').value")


def test_lines_appear_can_be_said_anew_and_pinned(page: Page) -> None:
    set_widget(page, "conversation_text", "Anna: Hello.\nBen: Hello, too.\nAnna: So.")
    set_widget(page, "num_beams", 1)
    page.evaluate("app.queuePrompt(0)")
    page.wait_for("document.querySelectorAll('.itts-block').length === 3")
    page.wait_for("document.querySelector('.itts-state').textContent.startsWith('3 lines')")
    titles = page.evaluate("[...document.querySelectorAll('.itts-block')].map((one) => one.title)")
    assert titles[1].startswith("2. Ben: Hello, too.")
    tops = page.evaluate("[...document.querySelectorAll('.itts-block')].map((one) => one.style.top)")
    assert tops[0] == tops[2] != tops[1], "a row for each speaker"
    page.evaluate("document.querySelectorAll('.itts-block')[1].click()")
    page.evaluate("document.querySelectorAll('.itts-foot button')[2].click()")
    line, _, seed = widget(page, "line_seeds").partition(":")
    assert line == "2" and int(seed) > 2**32, "the take's own seed is kept"
    page.evaluate("document.querySelectorAll('.itts-foot button')[1].click()")
    assert widget(page, "line_seeds") != f"2:{seed}"
    assert page.evaluate("document.querySelectorAll('.itts-block.stale').length") == 1
    page.evaluate("app.queuePrompt(0)")
    page.wait_for("document.querySelectorAll('.itts-block.stale').length === 0")


def test_a_fault_stands_on_the_node_and_under_its_word(page: Page) -> None:
    set_widget(page, "conversation_text", "Anna: Hello.\nBen: [hapyy] Hello.")
    page.wait_for("document.querySelector('.itts-state.fault')")
    assert page.evaluate("document.querySelector('.itts-state').textContent").startswith(
        "line 2, column 6: unknown tag"
    )
    assert page.evaluate("document.querySelector('.itts-underline span').textContent") == "[hapyy]"
    set_widget(page, "conversation_text", "Anna: Hello.\nBen: [happy] Hello.")
    page.wait_for("!document.querySelector('.itts-state.fault')")
    page.wait_for("document.querySelector('.itts-state').textContent === '2 lines · Anna, Ben'")


def test_seeds_of_lines_that_are_gone_are_dropped(page: Page) -> None:
    set_widget(page, "line_seeds", "1:5 9:7")
    set_widget(page, "conversation_text", "Anna: Hello.\nBen: Bye.")
    page.wait_for(f"{NODE}.widgets.find((one) => one.name === 'line_seeds').value === '1:5'")


def test_the_timeline_is_neither_saved_nor_queued(page: Page) -> None:
    prompt = page.evaluate("(async () => (await app.graphToPrompt()).output)()")
    (talk,) = [node for node in prompt.values() if node["class_type"] == "IndexTTS2_MultiTalk"]
    assert "timeline" not in talk["inputs"]
    saved = page.evaluate(f"{NODE}.serialize().widgets_values")
    assert saved[-1] == widget(page, "line_seeds")
