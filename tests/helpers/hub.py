"""A Hugging Face hub in miniature on 127.0.0.1: metadata, redirects to large files, ranges, and failures."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

Answer: TypeAlias = "Callable[[BaseHTTPRequestHandler], bool]"
"""Answers a request in the hub's place and returns True, or leaves it alone."""

LARGE = 1000
"""Files of at least so many bytes are handed out by another address and tagged with their SHA-256, as on the hub."""


@dataclass
class Hub:
    """`files`: (repository, path) -> content. `cut`: how many bytes each connection carries before it breaks.

    `requests` lists every download as (path, first byte). `announced` replaces content in what the hub announces.
    `instead` is asked first about every request. `tokens`: what came as authorization with (method, path).
    """

    files: dict[tuple[str, str], bytes]
    cut: int | None = None
    announced: dict[tuple[str, str], bytes] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)
    tokens: dict[tuple[str, str], str | None] = field(default_factory=dict)
    instead: Answer = lambda request: False
    endpoint: str = ""

    def find(self, path: str) -> tuple[str, str] | None:
        """The file that `/owner/name/resolve/main/path` names."""
        owner, name, _, _, *rest = path.strip("/").split("/")
        key = (f"{owner}/{name}", "/".join(rest))
        return key if key in self.files else None


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve `hub` until the block ends; its `endpoint` is set."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *args: object) -> None:
        pass

    def _is_answered(self) -> bool:
        self.hub.tokens[self.command, unquote(urlsplit(self.path).path)] = self.headers.get("Authorization")
        return type(self).hub.instead(self)

    def do_HEAD(self) -> None:
        if self._is_answered():
            return None
        key = self.hub.find(unquote(urlsplit(self.path).path))
        if key is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        content = self.hub.announced.get(key, self.hub.files[key])
        if len(content) >= LARGE:
            port = self.server.server_address[1]  # another name for this machine: another host, as a CDN would be
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{port}/cdn/{key[0]}/resolve/main/{key[1]}")
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("Content-Length", "0")
        else:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", "0" * 40)
        return self.end_headers()

    def do_GET(self) -> None:
        if self._is_answered():
            return
        key = self.hub.find(unquote(urlsplit(self.path).path).removeprefix("/cdn"))
        assert key is not None, self.path
        self._send(self.hub.files[key], key[1])

    def _send(self, content: bytes, name: str) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.hub.requests.append((name, start))
        rest = content[start:]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest if self.hub.cut is None else rest[: self.hub.cut])
