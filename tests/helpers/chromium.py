"""A headless Chromium steered over its debugging port, for what only a real page can show."""

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from helpers.websocket import WebSocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
START_SECONDS = 60


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
        self._process.wait(20)

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

    def wait_for(self, condition: str, seconds: float = 120.0) -> None:
        """Until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} is still false after {seconds} s"
            time.sleep(0.2)

    def _target(self) -> str:
        """The page's own debugging address, once Chromium has written its port down."""
        file, end = self._profile / "DevToolsActivePort", time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if file.is_file() and len(lines := file.read_text().splitlines()) >= 2:
                with urllib.request.urlopen(f"http://127.0.0.1:{lines[0]}/json", timeout=10) as answer:
                    pages = [target for target in json.loads(answer.read()) if target["type"] == "page"]
                if pages:
                    return pages[0]["webSocketDebuggerUrl"]
            time.sleep(0.1)
        raise RuntimeError(f"Chromium did not start within {START_SECONDS} s")
