"""The batch client over small fake servers that speak ComfyUI's API: nothing is lost, nothing is done twice."""

import importlib.util
import json
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def load_client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("queue_batch", EXAMPLES / "queue_batch.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["queue_batch"] = module
    spec.loader.exec_module(module)
    return module


client = load_client()


class FakeComfy:
    """Runs each prompt at the third look at its queue. `spoken`: the texts of prompts that ran."""

    def __init__(self, port: int = 0) -> None:
        self.spoken: list[str] = []
        self.uploads: dict[str, bytes] = {}
        self.waiting: dict[str, tuple[str, int]] = {}
        self.history: dict[str, Any] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(outer.get(urllib.parse.urlsplit(self.path)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(outer.post(self.path, body))

            def _answer(self, answer: tuple[int, bytes]) -> None:
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def get(self, address: urllib.parse.SplitResult) -> tuple[int, bytes]:
        if address.path == "/queue":
            self._work()
            return 200, json.dumps(
                {"queue_running": [], "queue_pending": [[0, each] for each in self.waiting]}
            ).encode()
        if address.path.startswith("/history/"):
            number = address.path.rpartition("/")[2]
            return 200, json.dumps({number: self.history[number]} if number in self.history else {}).encode()
        return 200, b"sound of " + urllib.parse.parse_qs(address.query)["filename"][0].encode()

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/upload/image":
            name = body.split(b'filename="')[1].split(b'"')[0].decode()
            self.uploads[name] = body
            return 200, json.dumps({"name": name}).encode()
        posted = json.loads(body)
        text = posted["prompt"]["1"]["inputs"]["text"]
        if "refused" in text:
            problem = {"class_type": "Say", "errors": [{"message": "Value not valid", "details": "text"}]}
            return 400, json.dumps({"error": {"message": "no"}, "node_errors": {"1": problem}}).encode()
        assert posted["prompt_id"] not in self.waiting and posted["prompt_id"] not in self.history, "queued twice"
        self.waiting[posted["prompt_id"]] = (text, 0)
        return 200, b"{}"

    def _work(self) -> None:
        for number, (text, looks) in list(self.waiting.items()):
            self.waiting[number] = (text, looks + 1)
            if looks < 2:
                continue
            del self.waiting[number]
            self.spoken.append(text)
            audio = {"filename": f"{text}.flac", "subfolder": "", "type": "output"}
            shown = "1\n00:00:00,000 --> 00:00:01,000\nx\n"
            status: dict[str, Any] = {"status_str": "success", "messages": []}
            if "broken" in text:
                message = {"node_type": "Say", "exception_message": "line 1: broken"}
                status = {"status_str": "error", "messages": [["execution_error", message]]}
            self.history[number] = {"status": status, "outputs": {"1": {"audio": [audio]}, "2": {"text": [shown]}}}


@pytest.fixture
def comfy() -> Iterator[Callable[..., FakeComfy]]:
    started: list[FakeComfy] = []

    def start(port: int = 0) -> FakeComfy:
        started.append(FakeComfy(port))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps({"1": {"class_type": "Say", "inputs": {"text": "{script}"}}}))
    return file


def write_items(folder: Path, texts: list[str]) -> Path:
    file = folder / "items.jsonl"
    file.write_text("".join(json.dumps({"id": f"n{place}", "script": text}) + "\n" for place, text in enumerate(texts)))
    return file


def run(workflow: Path, items: Path, out: Path, *servers: FakeComfy, more: tuple[str, ...] = ()) -> int:
    given = [option for server in servers for option in ("--server", server.url)]
    options = [str(workflow), str(items), "--out", str(out), *given, "--poll", "0.01", "--patience", "0.1", *more]
    code: int = client.main(options)
    return code


def test_every_item_comes_out_once(comfy: Any, workflow: Path, tmp_path: Path) -> None:
    first, second = comfy(), comfy()
    items = write_items(tmp_path, [f"text {number}" for number in range(20)])
    assert run(workflow, items, tmp_path / "out", first, second) == 0
    assert sorted(first.spoken + second.spoken) == sorted(f"text {number}" for number in range(20))
    assert first.spoken and second.spoken
    assert (tmp_path / "out" / "n7.flac").read_bytes() == b"sound of text 7.flac"
    assert (tmp_path / "out" / "n7.srt").read_text().startswith("1\n00:00:00,000 -->")
    assert run(workflow, items, tmp_path / "out", first, second) == 0
    assert len(first.spoken + second.spoken) == 20, "a second start finds everything there"


def test_failures_are_named_and_the_rest_goes_on(comfy: Any, workflow: Path, tmp_path: Path, capsys: Any) -> None:
    server = comfy()
    items = write_items(tmp_path, ["good", "broken", "refused", "fine"])
    assert run(workflow, items, tmp_path / "out", server) == 1
    said = capsys.readouterr().err
    assert "n1: Say: line 1: broken" in said and "n2: refused: Say: Value not valid text" in said
    assert sorted(server.spoken) == ["broken", "fine", "good"]
    assert run(workflow, items, tmp_path / "out", server) == 1
    assert len(server.spoken) == 3
    assert run(workflow, items, tmp_path / "out", server, more=("--retry-failed",)) == 1
    assert len(server.spoken) == 4


def test_a_killed_start_goes_on_where_it_was(
    comfy: Any, workflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, out = comfy(), tmp_path / "out"
    items = write_items(tmp_path, [f"text {number}" for number in range(9)])
    for moment in range(1, 12):
        looks = iter(range(moment))

        def killed(self: Any, last: bool = False, looks: Iterator[int] = looks) -> None:
            if next(looks, None) is None:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(client.Batch, "_show", killed)
            assert run(workflow, items, out, server) in (0, 130)
        with (out / "queue.jsonl").open("ab") as journal:
            journal.write(b'{"key": "cut o')
    assert run(workflow, items, out, server) == 0
    assert sorted(server.spoken) == sorted(f"text {number}" for number in range(9))


def test_a_dead_server_loses_nothing(comfy: Any, workflow: Path, tmp_path: Path) -> None:
    first, second = comfy(), comfy()
    items = write_items(tmp_path, [f"text {number}" for number in range(30)])
    threading.Timer(0.1, first.stop).start()
    assert run(workflow, items, tmp_path / "out", first, second) == 0
    assert len(list((tmp_path / "out").glob("*.flac"))) == 30


def test_a_restarted_server_gets_its_items_again(comfy: Any, workflow: Path, tmp_path: Path) -> None:
    first = comfy()
    items = write_items(tmp_path, [f"text {number}" for number in range(30)])
    spoken: list[str] = []

    def restart() -> None:
        first.stop()
        spoken.extend(first.spoken)
        comfy(first.port)

    threading.Timer(0.1, restart).start()
    assert run(workflow, items, tmp_path / "out", first, more=("--patience", "30")) == 0
    assert len(list((tmp_path / "out").glob("*.flac"))) == 30


def test_no_server_is_said(workflow: Path, tmp_path: Path, capsys: Any) -> None:
    gone = FakeComfy()
    gone.stop()
    assert run(workflow, write_items(tmp_path, ["a"]), tmp_path / "out", gone) == 3
    assert "no server answers" in capsys.readouterr().err


def test_voices_are_uploaded_once_by_their_content(comfy: Any, tmp_path: Path) -> None:
    server, voice, file = comfy(), tmp_path / "anna.wav", tmp_path / "w.json"
    voice.write_bytes(b"recording")
    file.write_text(json.dumps({"1": {"class_type": "S", "inputs": {"text": "{script}", "audio": "{voice:Anna}"}}}))
    items = write_items(tmp_path, ["a", "b", "c"])
    assert run(file, items, tmp_path / "out", server, more=("--voice", f"Anna={voice}")) == 0
    (name,) = server.uploads
    assert name.startswith("batch-") and name.endswith(".wav")
    assert run(file, items, tmp_path / "no", server) == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('{"id": "a", "script": "x"}\n{"id": "A", "script": "y"}\n', "two items have the id"),
        ('{"id": "../a", "script": "x"}\n', "is no file name"),
        ('{"id": "a"}\n', "row 1: expected an object with 'script'"),
        ("{broken\n", "row 1: "),
        ("\n", "nothing to do"),
    ],
)
def test_wrong_items_are_refused_before_anything_is_queued(
    workflow: Path, tmp_path: Path, capsys: Any, rows: str, words: str
) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(rows)
    assert client.main([str(workflow), str(file), "--out", str(tmp_path / "out")]) == 2
    assert words in capsys.readouterr().err


def test_a_workflow_of_the_page_is_refused(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "page.json"
    file.write_text(json.dumps({"nodes": [], "links": []}))
    assert client.main([str(file), str(file), "--out", str(tmp_path / "out")]) == 2
    assert "API format" in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted((EXAMPLES / "api").glob("*.json")), ids=lambda file: file.stem)
def test_api_examples_are_api_workflows(file: Path) -> None:
    workflow = client.read_workflow(file)
    for node in workflow.values():
        for value in node["inputs"].values():
            if isinstance(value, list):
                assert value[0] in workflow
