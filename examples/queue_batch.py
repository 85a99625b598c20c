#!/usr/bin/env python3
"""Queue one ComfyUI workflow for many scripts, over one or several servers, and fetch what comes out.

    python examples/queue_batch.py examples/api/talk.json scripts/*.txt --out spoken \\
        --voice Anna=anna.wav --voice Ben=ben.wav --server http://127.0.0.1:8188 --server http://10.0.0.2:8188

WORKFLOW is a workflow in API format, in which a text that is `{script}`, `{id}`, `{voice:Anna}` or any other field of
an item in braces stands for it. INPUT is a script or subtitle file, which is one item, or a JSONL file with an object
on each row: `id`, `script` and whatever else the workflow names. Audio is saved as `OUT/ID.flac` (or in the workflow's
format), subtitles as `ID.srt` and `ID.vtt`, other text as `ID.txt`.

What is queued and what is finished stands in `OUT/queue.jsonl`. Start the same command again after a crash, a kill or
Ctrl-C: finished items are skipped, those that still run are waited for, the rest is queued. A server that does not
answer for `--patience` seconds loses its items to the others and gets new ones once it answers again.

Exit codes: 0 everything is there, 1 some items failed, 2 the command is wrong, 3 no server answers, 130 interrupted.
It needs Python 3.10 and nothing else.
"""

import argparse
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Item = dict[str, Any]
SCRIPT, ID = "script", "id"
NAMESPACE = uuid.UUID("7b0c1e8a-54f1-4c55-9d0e-0d2f4b6b3c11")
AUDIO_KINDS = ("audio", "audios")
DONE, FAILED, QUEUED = "done", "failed", "queued"
OK, SOME_FAILED, WRONG_COMMAND, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 130
MOST_BYTES = 2**30
LONGEST_ID = 120
SHORT_TIMEOUT = 3.0
"""For a server that did not answer before, so that it does not hold up the others."""


class BatchError(Exception):
    """Something the user can mend before anything is queued."""


class ServerDown(Exception):
    """A server does not answer."""


@dataclass
class Job:
    """An item on its way. `number`: the prompt's id, the same for the same item and attempt."""

    item: Item
    key: str
    attempt: int = 0
    server: str = ""

    @property
    def number(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self.key} {self.attempt}"))


class Server:
    """One ComfyUI. `silent_since`: when it stopped answering; None while it answers."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url, self._timeout = url.rstrip("/"), timeout
        self.silent_since: float | None = None
        self.jobs: dict[str, Job] = {}
        self.voices: dict[str, str] = {}

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """The answer to a request. Raises `ServerDown` where there is none, `HTTPError` where the server refuses."""
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers={"Content-Type": kind})
        patience = self._timeout if self.silent_since is None else min(self._timeout, SHORT_TIMEOUT)
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                data: bytes = answer.read(MOST_BYTES)
        except urllib.error.HTTPError:
            self.silent_since = None
            raise
        except (OSError, urllib.error.URLError, EOFError, ValueError) as error:
            self.silent_since = self.silent_since or time.monotonic()
            raise ServerDown(f"{self.url}: {error}") from error
        self.silent_since = None
        return data

    def get(self, path: str) -> Any:
        """The JSON at a path. A server that answers with an error is as good as silent."""
        try:
            return json.loads(self.ask(path))
        except (urllib.error.HTTPError, ValueError) as error:
            self.silent_since = self.silent_since or time.monotonic()
            raise ServerDown(f"{self.url}{path}: {error}") from error

    def post_prompt(self, prompt: dict[str, Any], number: str) -> None:
        """Queue a prompt. Raises `BatchError` with the server's words where it refuses the workflow."""
        try:
            self.ask("/prompt", json.dumps({"prompt": prompt, "prompt_id": number}).encode())
        except urllib.error.HTTPError as error:
            raise BatchError(refusal(error)) from error

    def upload(self, file: Path) -> str:
        """Put a recording into the server's input folder under a name of its content; the name."""
        data = file.read_bytes()
        name = f"batch-{hashlib.sha256(data).hexdigest()[:16]}{file.suffix}"
        border = uuid.uuid4().hex
        parts = [
            f'--{border}\r\nContent-Disposition: form-data; name="overwrite"\r\n\r\ntrue\r\n'.encode(),
            f'--{border}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'.encode(),
            b"Content-Type: application/octet-stream\r\n\r\n" + data + f"\r\n--{border}--\r\n".encode(),
        ]
        answer = self.ask("/upload/image", b"".join(parts), f"multipart/form-data; boundary={border}")
        return str(json.loads(answer)["name"])

    def finished(self, number: str) -> dict[str, Any] | None:
        """The history's entry of a prompt, None while it is not there."""
        return self.get(f"/history/{number}").get(number)

    def numbers_waiting(self) -> set[str]:
        """Prompts that run or wait."""
        queue = self.get("/queue")
        return {entry[1] for part in ("queue_running", "queue_pending") for entry in queue[part]}


@dataclass
class Journal:
    """What is known of every item, in a file that is only added to; a row that was cut off is ignored."""

    file: Path
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        rows = self.file.read_bytes().split(b"\n") if self.file.is_file() else []
        for row in rows:
            try:
                entry = json.loads(row)
                self.states[entry["key"]] = entry
            except (ValueError, KeyError, TypeError):
                continue
        self._out = self.file.open("ab")
        if rows and rows[-1]:
            self._out.write(b"\n")

    def write(self, job: Job, state: str, **more: Any) -> None:
        entry = {
            "key": job.key,
            "id": job.item[ID],
            "state": state,
            "attempt": job.attempt,
            "server": job.server,
            **more,
        }
        self.states[job.key] = entry
        self._out.write(json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self._out.flush()
        os.fsync(self._out.fileno())


class Batch:
    """Everything that one command does. `failures`: the ids of items that failed, with the reason."""

    def __init__(self, workflow: dict[str, Any], items: list[Item], options: argparse.Namespace) -> None:
        self.workflow, self.options = workflow, options
        self.servers = [Server(url, options.timeout) for url in options.server]
        self.out: Path = options.out
        self.journal = Journal(self.out / "queue.jsonl")
        self.waiting: deque[Job] = deque()
        self.failures: dict[str, str] = {}
        self.done, self.total = 0, len(items)
        for item in items:
            self._take_up(Job(item, content_key(workflow, item, options.voice)))
        self._started, self._done_before = time.monotonic(), self.done

    def run(self) -> int:
        """Until every item is finished or has failed; the exit code."""
        while self.waiting or any(server.jobs for server in self.servers):
            for server in self.servers:
                try:
                    self._collect(server)
                    self._fill(server)
                except ServerDown:
                    self._give_up_on(server)
            if all(self._is_lost(server) for server in self.servers):
                complain(f"no server answers: {', '.join(self.options.server)}")
                return NO_SERVER
            self._show()
            time.sleep(self.options.poll)
        self._show(last=True)
        for name, reason in self.failures.items():
            complain(f"{name}: {reason}")
        return SOME_FAILED if self.failures else OK

    def _take_up(self, job: Job) -> None:
        """Where an earlier start left this item."""
        known = self.journal.states.get(job.key, {})
        job.attempt = int(known.get("attempt", 0))
        state = known.get("state")
        if state == DONE and all((self.out / name).is_file() for name in known["files"]):
            self.done += 1
        elif state == FAILED and not self.options.retry_failed:
            self.failures[job.item[ID]] = f"{known['error']} (failed before; --retry-failed tries again)"
            self.done += 1
        elif state == QUEUED and (server := self._server(known["server"])) is not None:
            job.server = server.url
            server.jobs[job.number] = job
        else:
            job.attempt += bool(state)
            self.waiting.append(job)

    def _server(self, url: str) -> Server | None:
        return next((server for server in self.servers if server.url == url), None)

    def _fill(self, server: Server) -> None:
        while self.waiting and len(server.jobs) < self.options.in_flight:
            job = self.waiting.popleft()
            job.server = server.url
            try:
                prompt = fill_in(self.workflow, job.item, self._voices_on(server))
                self.journal.write(job, QUEUED)
                server.jobs[job.number] = job
                server.post_prompt(prompt, job.number)
            except BatchError as error:
                self._fail(server, job, str(error))
            except ServerDown:
                if job.number not in server.jobs:
                    self.waiting.appendleft(job)
                raise

    def _voices_on(self, server: Server) -> dict[str, str]:
        for name, file in self.options.voice.items():
            if name not in server.voices:
                server.voices[name] = server.upload(file)
        return server.voices

    def _collect(self, server: Server) -> None:
        """Fetch what is finished; queue again what the server no longer knows."""
        if not server.jobs:
            if server.silent_since is not None:
                server.get("/queue")
            return
        alive = server.numbers_waiting()
        for number, job in list(server.jobs.items()):
            if number in alive:
                continue
            entry = server.finished(number)
            if entry is None:
                del server.jobs[number]
                self._queue_again(job)
            elif entry.get("status", {}).get("status_str") == "error":
                self._fail(server, job, error_of(entry))
            else:
                self._save(server, job, entry)

    def _save(self, server: Server, job: Job, entry: dict[str, Any]) -> None:
        files = []
        for name, data in outputs_of(server, entry, job.item[ID]):
            write_whole(self.out / name, data)
            files.append(name)
        if not files:
            self._fail(server, job, "the workflow saved no audio and showed no text: add a Save Audio node")
            return
        self.journal.write(job, DONE, files=files)
        del server.jobs[job.number]
        self.done += 1

    def _fail(self, server: Server, job: Job, reason: str) -> None:
        server.jobs.pop(job.number, None)
        self.journal.write(job, FAILED, error=reason)
        self.failures[job.item[ID]] = reason
        self.done += 1

    def _queue_again(self, job: Job) -> None:
        job.attempt += 1
        self.waiting.append(job)

    def _is_lost(self, server: Server) -> bool:
        silent = server.silent_since
        return silent is not None and time.monotonic() - silent > self.options.patience

    def _give_up_on(self, server: Server) -> None:
        """Items of a server that has been silent for too long go to the others, where there are any that answer."""
        others = any(other.silent_since is None for other in self.servers if other is not server)
        if self._is_lost(server) and others:
            for job in server.jobs.values():
                self._queue_again(job)
            server.jobs.clear()

    def _show(self, last: bool = False) -> None:
        if not sys.stderr.isatty() and not last:
            return
        seconds = time.monotonic() - self._started
        share = self.done / max(self.total, 1)
        new = self.done - self._done_before
        left = f", {seconds / new * (self.total - self.done):.0f} s left" if new and not last else ""
        running = sum(len(server.jobs) for server in self.servers)
        bar = "#" * round(30 * share)
        silent = sum(server.silent_since is not None for server in self.servers)
        down = f", {silent} of {len(self.servers)} servers silent" if silent else ""
        failed = f", {len(self.failures)} failed" if self.failures else ""
        end = "\n" if last else ""
        line = f"\r[{bar:<30}] {self.done}/{self.total}{failed}, {running} queued{down}{left}"
        print(f"{line:<100}", end=end, file=sys.stderr, flush=True)


def content_key(workflow: dict[str, Any], item: Item, voices: dict[str, Path]) -> str:
    """The same for the same work: workflow, item and the voices' recordings."""
    heard = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in sorted(voices.items())}
    said = json.dumps([workflow, item, heard], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fill_in(value: Any, item: Item, voices: dict[str, str]) -> Any:
    """`value` with `{field}` and `{voice:Name}` replaced. Raises `BatchError` where one is missing."""
    if isinstance(value, dict):
        return {key: fill_in(each, item, voices) for key, each in value.items()}
    if isinstance(value, list):
        return [fill_in(each, item, voices) for each in value]
    if not (isinstance(value, str) and value.startswith("{") and value.endswith("}")):
        return value
    name = value[1:-1]
    if name.startswith("voice:"):
        spoken = name.removeprefix("voice:")
        if spoken not in voices:
            raise BatchError(f"the workflow asks for the voice {spoken!r}: give --voice {spoken}=FILE")
        return voices[spoken]
    if name not in item:
        raise BatchError(f"the workflow asks for {name!r}, which this item has not; it has {', '.join(sorted(item))}")
    return item[name]


def outputs_of(server: Server, entry: dict[str, Any], name: str) -> Iterator[tuple[str, bytes]]:
    """File names and contents of what a finished prompt put out."""
    counts: dict[str, int] = {}

    def numbered(suffix: str) -> str:
        counts[suffix] = counts.get(suffix, 0) + 1
        return f"{name}{suffix}" if counts[suffix] == 1 else f"{name}_{counts[suffix]}{suffix}"

    for _, output in sorted(entry.get("outputs", {}).items()):
        for kind in AUDIO_KINDS:
            for file in output.get(kind, ()):
                query = {key: file.get(key, "") for key in ("filename", "subfolder", "type")}
                data = server.ask(f"/view?{urllib.parse.urlencode(query)}")
                yield numbered(Path(file["filename"]).suffix), data
        for text in output.get("text", ()):
            yield numbered(text_suffix(str(text))), str(text).encode("utf-8", "replace")


def text_suffix(text: str) -> str:
    if text.startswith("WEBVTT"):
        return ".vtt"
    first = text.split("\n", 2)
    return ".srt" if len(first) > 1 and first[0].strip().isdigit() and " --> " in first[1] else ".txt"


def error_of(entry: dict[str, Any]) -> str:
    """The server's words for a prompt that failed."""
    for kind, data in entry.get("status", {}).get("messages", ()):
        if kind == "execution_error":
            return f"{data.get('node_type')}: {str(data.get('exception_message', '')).strip()}"
        if kind == "execution_interrupted":
            return "interrupted on the server"
    return "failed without a word"


def refusal(error: urllib.error.HTTPError) -> str:
    """Why a server refused a prompt."""
    try:
        body = json.loads(error.read())
    except ValueError:
        return f"refused: HTTP {error.code}"
    reasons = [
        f"{node.get('class_type')}: {each.get('message')} {each.get('details')}"
        for node in (body.get("node_errors") or {}).values()
        for each in node.get("errors", ())
    ]
    return "refused: " + ("; ".join(reasons) or str(body.get("error", {}).get("message", f"HTTP {error.code}")))


def write_whole(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{os.getpid()}.{file.name}")
    try:
        part.write_bytes(data)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def read_items(inputs: list[Path]) -> list[Item]:
    """The items of all inputs. Raises `BatchError` where one cannot be read or two have one id."""
    items = [item for file in inputs for item in read_input(file)]
    seen: dict[str, str] = {}
    for item in items:
        name = item[ID] = str(item[ID])
        if name.casefold() in seen:
            raise BatchError(f"two items have the id {name!r}; every item needs its own")
        if not name or len(name.encode()) > LONGEST_ID or set(name) & set('/\\:*?"<>|\0') or name.startswith("."):
            raise BatchError(
                f"the id {name[:LONGEST_ID]!r} is no file name; expected up to {LONGEST_ID} bytes, no / or :"
            )
        seen[name.casefold()] = name
    if not items:
        raise BatchError("nothing to do: the inputs hold no items")
    return items


def read_input(file: Path) -> Iterator[Item]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(f"{file}: cannot be read ({error}); expected UTF-8 text") from error
    if file.suffix.lower() != ".jsonl":
        yield {ID: file.stem, SCRIPT: text}
        return
    for number, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        try:
            item = json.loads(row)
        except ValueError as error:
            raise BatchError(f"{file}, row {number}: {error}") from error
        if not (isinstance(item, dict) and SCRIPT in item):
            raise BatchError(f"{file}, row {number}: expected an object with {SCRIPT!r}")
        yield {ID: f"{file.stem}-{number:05}", **item}


def read_workflow(file: Path) -> dict[str, Any]:
    try:
        workflow = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BatchError(f"{file}: cannot be read ({error}); expected a workflow in API format") from error
    if not isinstance(workflow, dict) or not all(isinstance(node, dict) for node in workflow.values()):
        raise BatchError(f"{file}: expected a workflow in API format (in ComfyUI: Workflow, Export (API))")
    if not any("class_type" in node for node in workflow.values()):
        raise BatchError(f"{file}: is a workflow of the page; export it as API format (Workflow, Export (API))")
    if "{script}" not in json.dumps(workflow):
        raise BatchError(f'{file}: no input is "{{script}}"; write it where the script is to go')
    return workflow


def read_voice(given: str) -> tuple[str, Path]:
    name, separator, file = given.partition("=")
    if not (separator and name and Path(file).is_file()):
        raise argparse.ArgumentTypeError(f"got {given!r}, expected NAME=FILE with a file that is there")
    return name, Path(file)


def complain(words: str) -> None:
    print(words, file=sys.stderr)


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    head, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        description=head, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workflow", type=Path, metavar="WORKFLOW")
    parser.add_argument("inputs", type=Path, nargs="+", metavar="INPUT")
    parser.add_argument("--out", type=Path, required=True, help="the folder for what comes out")
    parser.add_argument("--server", action="append", help="a ComfyUI; may be given often (http://127.0.0.1:8188)")
    parser.add_argument("--voice", action="append", type=read_voice, default=[], metavar="NAME=FILE")
    parser.add_argument("--in-flight", type=int, default=2, help="prompts queued at each server at once (2)")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds before a silent server is given up (60)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for one answer (30)")
    parser.add_argument("--poll", type=float, default=0.5, help="seconds between two looks (0.5)")
    parser.add_argument("--retry-failed", action="store_true", help="try again what failed in an earlier start")
    options = parser.parse_args(arguments)
    options.server = [url.rstrip("/") for url in options.server or ["http://127.0.0.1:8188"]]
    options.voice = dict(options.voice)
    for url in options.server:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            parser.error(f"--server: got {url!r}, expected http://HOST:PORT")
    for name, least in (("in_flight", 1), ("patience", 0), ("timeout", 0.1), ("poll", 0.01)):
        if not getattr(options, name) >= least:
            parser.error(f"--{name.replace('_', '-')}: expected {least} or more")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse_options(arguments)
    try:
        batch = Batch(read_workflow(options.workflow), read_items(options.inputs), options)
    except BatchError as error:
        complain(str(error))
        return WRONG_COMMAND
    try:
        return batch.run()
    except KeyboardInterrupt:
        complain("\ninterrupted: what is queued goes on; the same command goes on from here")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
