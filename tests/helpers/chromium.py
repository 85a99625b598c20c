"""A headless Chromium steered over its debugging port, for what only a real page can show."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from helpers.waiting import HUNG_SECONDS, wait_until
from helpers.websocket import WebSocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One page. Use as a context manager; `profile` is an empty folder."""

    def __init__(self, program: str, profile: Path, address: str) -> None:
        self._program, self._profile, self._address = program, profile, address
        self._number = 0

    def __enter__(self) -> "Page":
        options = "--headless=new --no-sandbox --disable-gpu --no-first-run --remote-debugging-port=0"
        self._process = subprocess.Popen(
            [self._program, *options.split(), f"--user-data-dir={self._profile}", self._address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._steer = WebSocket(self._target())
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._steer.close()
        self._process.terminate()
        self._process.wait(HUNG_SECONDS)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise. Raises AssertionError on its errors."""
        self._number += 1
        parameters = {"expression": script, "awaitPromise": True, "returnByValue": True}
        self._steer.send({"id": self._number, "method": "Runtime.evaluate", "params": parameters})
        while (answer := self._steer.receive()).get("id") != self._number:
            pass
        result = answer["result"]
        assert "exceptionDetails" not in result, json.dumps(result["exceptionDetails"])[:1000]
        return result["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        wait_until(lambda: self.evaluate(f"Boolean({condition})"), lambda: f"{condition} is still false")

    def _target(self) -> str:
        """The page's own debugging address, once Chromium has written its port down."""
        wait_until(self._pages, lambda: "Chromium did not start")
        return self._pages()[0]["webSocketDebuggerUrl"]

    def _pages(self) -> list[dict[str, Any]]:
        file = self._profile / "DevToolsActivePort"
        if not file.is_file() or len(lines := file.read_text().splitlines()) < 2:
            return []
        with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json", timeout=HUNG_SECONDS) as answer:
            return [target for target in json.loads(answer.read()) if target["type"] == "page"]
