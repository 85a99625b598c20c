"""A batch over two real servers, one of which is killed and comes back in the middle: everything once.

INDEXTTS_BATCH=200 queues as many workflows.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.comfy_server import PACK, ComfyServer, default_python
from helpers.released_folder import write_released_folder
from helpers.waiting import wait_until

COUNT = int(os.environ.get("INDEXTTS_BATCH", "10"))


@pytest.fixture
def second(tmp_path: Path) -> Iterator[ComfyServer]:
    write_released_folder(tmp_path / "models" / "indextts" / "IndexTTS-2")
    for folder in ("input", "output", "temp", "user"):
        (tmp_path / folder).mkdir()
    with ComfyServer(Path(os.environ["COMFYUI_PATH"]), default_python(), tmp_path) as running:
        yield running


def test_nothing_is_lost_and_nothing_twice(server: ComfyServer, second: ComfyServer, tmp_path: Path) -> None:
    voice, items, out = tmp_path / "anna.wav", tmp_path / "items.jsonl", tmp_path / "out"
    soundfile.write(voice, 0.1 * np.sin(np.arange(32000) / 15), 16000)
    rows = [{"id": f"n{number}", "script": f"Line number {number}."} for number in range(COUNT)]
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    examples = PACK / "examples"
    command = [sys.executable, examples / "queue_batch.py", examples / "api" / "say.json", items, "--out", out]
    command += ["--voice", f"Anna={voice}", "--server", server.url, "--server", second.url, "--patience", "5"]
    queue = out / "queue.jsonl"
    running = subprocess.Popen(command)
    wait_until(lambda: has_done(queue, COUNT // 4, running), lambda: "the client does not get on")
    running.kill()
    running.wait()
    running = subprocess.Popen(command)
    wait_until(lambda: has_done(queue, COUNT // 2, running), lambda: "the second client does not get on")
    second.kill()
    second.start()
    assert running.wait() == 0
    done = [row["id"] for row in map(json.loads, queue.read_text().splitlines()) if row["state"] == "done"]
    assert sorted(done) == sorted(row["id"] for row in rows), "each item is finished once"
    assert sorted(file.stem for file in out.glob("*.flac")) == sorted(done)
    assert all(soundfile.info(file).frames for file in out.glob("*.flac"))


def has_done(queue: Path, count: int, running: subprocess.Popen[bytes]) -> bool:
    assert running.poll() is None, "the client ended too early"
    return queue.is_file() and queue.read_text().count('"done"') >= count
