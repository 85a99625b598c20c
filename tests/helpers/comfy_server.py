"""A real ComfyUI on a free port, with the pack in its custom_nodes, and the few calls that its page makes."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.waiting import HUNG_SECONDS, wait_until
from helpers.websocket import WebSocket

PROGRESS_TEXT = (3).to_bytes(4, "big")
PACK = Path(__file__).parents[2]

Prompt = dict[str, dict[str, Any]]
Message = dict[str, Any]


class RunFailed(Exception):
    """A prompt that ended with an error; `message` is what ComfyUI shows."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(f"{data.get('exception_type')}: {data.get('exception_message')}")
        self.message = str(data.get("exception_message"))


class Interrupted(Exception):
    """A prompt that was cancelled."""


class ComfyServer:
    """Runs `checkout` with `python` over the base folder `base`. Use as a context manager."""

    def __init__(self, checkout: Path, python: str, base: Path) -> None:
        self.checkout, self.python, self.base = checkout, python, base
        self.log = base / "server.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = uuid.uuid4().hex
        self.words: list[tuple[str, str]] = []

    def __enter__(self) -> "ComfyServer":
        nodes = self.base / "custom_nodes"
        nodes.mkdir(parents=True, exist_ok=True)
        (nodes / "indextts2-multitalk").symlink_to(PACK)
        self.start()
        return self

    def start(self) -> None:
        """Begin to serve, again after `kill` at the same address."""
        options = f"--cpu --listen 127.0.0.1 --port {self.port} --base-directory {self.base} --disable-api-nodes"
        command = [self.python, "main.py", *options.split(), "--database-url", "sqlite:///:memory:"]
        self._process = subprocess.Popen(
            [*command, "--disable-auto-launch"],
            cwd=self.checkout,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )
        self._wait_until_ready()

    def kill(self) -> None:
        """As by kill -9."""
        self._process.kill()
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_text(self) -> str:
        """The console so far, without colours."""
        return re.sub(r"\x1b\[\d*m", "", self.log.read_text(encoding="utf-8", errors="replace"))

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=HUNG_SECONDS) as answer:
            body = answer.read()
        return json.loads(body) if "json" in answer.headers.get("Content-Type", "") else body.decode("utf-8")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Raises `urllib.error.HTTPError`, its body readable, where the server refuses."""
        request = urllib.request.Request(f"{self.url}{path}", data=json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=HUNG_SECONDS) as answer:
            return json.loads(answer.read() or b"null")

    def upload(self, file: Path) -> str:
        """Upload a recording as the page does; the name that Load Audio knows it by."""
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="image"; filename="{file.name}"\r\n'
        body = f"{head}Content-Type: audio/wav\r\n\r\n".encode() + file.read_bytes() + f"\r\n--{border}--\r\n".encode()
        request = urllib.request.Request(f"{self.url}/upload/image", data=body, method="POST")
        request.add_header("Content-Type", f"multipart/form-data; boundary={border}")
        with urllib.request.urlopen(request, timeout=HUNG_SECONDS) as answer:
            return json.loads(answer.read())["name"]

    def run(self, prompt: Prompt, on_message: Callable[[Message], None] | None = None) -> dict[str, Any]:
        """Queue a prompt, watch it on /ws to its end, and return the outputs by node.

        `words` then holds what the nodes said on the way, as (node, text). Raises `RunFailed` and `Interrupted`.
        """
        watch = WebSocket(f"ws://127.0.0.1:{self.port}/ws?clientId={self.client}")
        try:
            number = self.post("/prompt", {"prompt": prompt, "client_id": self.client})["prompt_id"]
            while True:
                message = watch.receive()
                if message.get("data", {}).get("prompt_id") != number:
                    continue
                if on_message:
                    on_message(message)
                if message["type"] == "execution_error":
                    raise RunFailed(message["data"])
                if message["type"] == "execution_interrupted":
                    raise Interrupted
                if message["type"] == "execution_success":
                    return self.outputs(number)
        finally:
            self.words = [_read_words(each) for each in watch.binaries if each[:4] == PROGRESS_TEXT]
            watch.close()

    def outputs(self, number: str) -> dict[str, Any]:
        """What a finished prompt left, by node."""
        wait_until(lambda: self.get(f"/history/{number}"), lambda: f"prompt {number} is not in the history")
        return self.get(f"/history/{number}")[number]["outputs"]

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until `text` has come so many times on the console."""
        wait_until(
            lambda: self.log_text().count(text) >= times,
            lambda: f"no {text!r}, {times} times, in:\n{self.log_text()[-3000:]}",
        )

    def _wait_until_ready(self) -> None:
        try:
            wait_until(
                self._answers, lambda: f"ComfyUI did not start; its console ends with:\n{self.log_text()[-3000:]}"
            )
        except BaseException:
            self._process.kill()
            raise

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"ComfyUI ended; its console ends with:\n{self.log_text()[-3000:]}"
        try:
            self.get("/system_stats")
        except OSError:  # urllib's errors are such, too
            return False
        return True


def _read_words(message: bytes) -> tuple[str, str]:
    """Node and text: a binary event's type, the length of the node's id, the id, the text."""
    end = 8 + int.from_bytes(message[4:8], "big")
    return message[8:end].decode("utf-8"), message[end:].decode("utf-8")


def default_python() -> str:
    """COMFYUI_PYTHON, or the interpreter that runs the tests."""
    return os.environ.get("COMFYUI_PYTHON", sys.executable)
