"""A WebSocket client of 60 lines: enough for ComfyUI's progress and for steering a browser, on this machine only."""

import base64
import json
import os
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

from helpers.waiting import HUNG_SECONDS

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class WebSocket:
    """Connects to a ws:// address. `binaries`: messages that are no text, in order."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=HUNG_SECONDS)
        self._stream = self._socket.makefile("rb")
        self.binaries: list[bytes] = []
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        status = self._stream.readline()
        assert b" 101 " in status, f"{url} answered {status!r}"
        while self._stream.readline().strip():
            pass

    def receive(self) -> dict[str, Any]:
        """The next message that is JSON; binary ones are put aside. Raises OSError where none comes."""
        while True:
            kind, payload = self._message()
            if kind == PING:
                self._send(PONG, payload)
            elif kind == CLOSE:
                raise OSError("the other side closed the connection")
            elif kind == BINARY:
                self.binaries.append(payload)
            elif kind == TEXT:
                return json.loads(payload)

    def send(self, message: dict[str, Any]) -> None:
        self._send(TEXT, json.dumps(message).encode())

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _message(self) -> tuple[int, bytes]:
        """A whole message, put together from its frames."""
        kind, payload, final = 0, b"", False
        while not final:
            head = self._stream.read(2)
            if len(head) < 2:
                raise OSError("the other side is gone")
            first, second = head
            final, kind, length = bool(first & 0x80), first & 0x0F or kind, second & 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self._stream.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self._stream.read(8))
            payload += self._stream.read(length)
        return kind, payload

    def _send(self, kind: int, payload: bytes) -> None:
        """One masked frame; the mask is zero, which is a mask too."""
        size = len(payload)
        length = struct.pack(">B", 0x80 | size) if size < 126 else struct.pack(">BQ", 0x80 | 127, size)
        self._socket.sendall(struct.pack(">B", 0x80 | kind) + length + bytes(4) + payload)
