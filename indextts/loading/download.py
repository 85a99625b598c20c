"""One file from a Hugging Face hub or a mirror of it, continued where an earlier try stopped.

huggingface_hub says where a file lies, how large it is and what its hash is, and knows the user's token, mirror and
cache. The bytes are fetched here for what its own `hf_hub_download` does not do (looked up in 0.26 to 2.4): newer
versions begin anew after a stop, which costs gigabytes on a bad line; none but Xet compares the SHA-256; a body longer
than announced is written to its end; redirects from https to http are followed; older ones tell no progress, so that
nothing could cancel them.
"""

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from ..errors import CheckpointError
from .safe_path import join_inside
from .web_request import SCHEMES, check_same_scheme, open_url

BLOCK = 1 << 20
TIMEOUT_SECONDS = 30.0
TRIES = 5
"""How often in a row a connection may break without `LEAST_GAIN`."""
LEAST_GAIN = 1 << 14
"""Bytes of a connection that count as progress."""
LARGEST_FILE = 32 << 30
"""More than any file of a model has."""
PASSING_STATUS = (408, 429)
"""What is worth another try although the request is at fault: too slow, too many at once."""

_SHA256 = re.compile(r"[0-9a-f]{64}")

OnProgress = Callable[[str, int, int], None]
"""Called with a file's name, bytes done and bytes in all; what it raises ends the download, to be continued later."""

T = TypeVar("T")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a hub repository, to lie at the path `place` below `folder`.

    optional: nothing is wrong where the repository has no such file.
    """

    repo: str
    path: str
    folder: Path
    place: str
    optional: bool = False

    @property
    def target(self) -> Path:
        """Where it goes to. Raises `CheckpointError` where that is not inside `folder`."""
        return join_inside(self.folder, self.place)

    @property
    def name(self) -> str:
        return f"{self.repo}/{self.path}"


@dataclass(frozen=True)
class _DownloadSource:
    url: str
    size: int
    etag: str
    headers: dict[str, str]
    secret_headers: dict[str, str]

    @property
    def sha256(self) -> str | None:
        """Large files carry it as their tag; of small ones the size must do."""
        return self.etag if _SHA256.fullmatch(self.etag) else None


class _NoSuchFile(Exception):
    pass


def hub_endpoint(endpoint: str | None = None) -> str:
    """The hub's address: as given, or HF_ENDPOINT, or the public hub. Raises `CheckpointError` for what is none."""
    from huggingface_hub.constants import ENDPOINT

    address = (endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")
    try:
        parts = urlsplit(address)
        sound = parts.scheme in SCHEMES and parts.hostname and not parts.username and (parts.port or 1)
    except ValueError:
        sound = False
    if not sound or not (address.isascii() and address.isprintable()) or " " in address:
        raise CheckpointError(f"--endpoint or HF_ENDPOINT: got {address[:80]!r}, expected an address as https://HOST")
    return address


def download_file(file: RemoteFile, endpoint: str, on_progress: OnProgress | None = None) -> None:
    """Bring `file` to its target, whole and checked, or raise `CheckpointError` and keep the part that came.

    A target that is there already with the right size stays as it is.
    """
    target, tell_progress = file.target, on_progress or (lambda name, done, total: None)
    try:
        source = _resolve_source(file, endpoint)
    except _NoSuchFile:
        return
    if target.is_file() and target.stat().st_size == source.size:
        return
    part = target.with_name(f"{target.name}.{hashlib.sha256(source.etag.encode()).hexdigest()[:16]}.partial")
    with _translate_write_errors(target.parent):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    _check_disk_space(part, source.size)
    _receive_file(file, source, part, tell_progress)
    _check_content(file, source, part, tell_progress)
    with _translate_write_errors(target):
        os.replace(part, target)


def _resolve_source(file: RemoteFile, endpoint: str) -> _DownloadSource:
    """Where the hub sends for the file's bytes. The token goes to the hub alone, and over https alone: where it sends
    on to another host, the link itself is the permission."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(file.repo, file.path, endpoint=endpoint)
    metadata = _try_repeatedly(
        file, endpoint, lambda: get_hf_file_metadata(url, token=_choose_token(url, endpoint), timeout=TIMEOUT_SECONDS)
    )
    if metadata.size is None or not 0 <= metadata.size <= LARGEST_FILE:
        size = "no size" if metadata.size is None else f"a size of {metadata.size} bytes"
        raise _unreachable_error(file.name, endpoint, ValueError(f"the hub tells {size}"))
    location = metadata.location or url
    try:
        check_same_scheme(url, location)
    except (OSError, ValueError) as error:
        raise _unreachable_error(file.name, endpoint, error) from error
    headers = build_hf_headers(token=_choose_token(location, endpoint))
    secret = {name: headers.pop(name) for name in list(headers) if name.lower() == "authorization"}
    return _DownloadSource(location, metadata.size, metadata.etag or "unversioned", headers, secret)


def _choose_token(url: str, endpoint: str) -> bool | None:
    """What makes the hub's client send the user's token with a request for `url` (None), or no token (False)."""
    hub, other = urlsplit(endpoint), urlsplit(url)
    return None if hub.scheme == "https" and (hub.scheme, hub.netloc) == (other.scheme, other.netloc) else False


def _try_repeatedly(file: RemoteFile, endpoint: str, ask_hub: Callable[[], T]) -> T:
    for failures in range(1, TRIES + 1):
        try:
            return ask_hub()
        except Exception as error:  # the hub client's errors differ from version to version
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status == 404 and file.optional:
                raise _NoSuchFile from error
            if failures == TRIES or _is_final(status):
                raise _unreachable_error(file.name, endpoint, error) from error
        time.sleep(0.1 * failures**2)
    raise AssertionError("the last failure is raised")


def _is_final(status: int | None) -> bool:
    """Whether asking again would bring the same answer."""
    return status is not None and status < 500 and status not in PASSING_STATUS


def _receive_file(file: RemoteFile, source: _DownloadSource, part: Path, on_progress: OnProgress) -> None:
    """Append to `part` until it is whole; a broken connection is taken up again where it broke."""
    failures = 0
    while (have := part.stat().st_size) < source.size:
        try:
            _append_response(file, source, part, have, on_progress)
            broken: Exception = EOFError("the connection ended early")
        except (OSError, HTTPException, ValueError) as error:  # ValueError: of the standard library, for odd addresses
            broken = error
        failures = 0 if part.stat().st_size >= have + LEAST_GAIN else failures + 1
        if (failures == TRIES and part.stat().st_size < source.size) or _is_final(getattr(broken, "code", None)):
            raise _unreachable_error(file.name, source.url, broken) from broken
        time.sleep(0.1 * failures**2)


def _append_response(file: RemoteFile, source: _DownloadSource, part: Path, have: int, on_progress: OnProgress) -> None:
    headers = {**source.headers, "Range": f"bytes={have}-"}
    with open_url(source.url, headers, source.secret_headers, TIMEOUT_SECONDS) as answer:
        done = _first_byte(answer, have)
        with _translate_write_errors(part):
            out = part.open("ab" if done else "wb")
        with out:  # one byte more than announced ends it, and fails the check of the content
            while done <= source.size and (block := answer.read1(min(BLOCK, source.size - done + 1))):
                with _translate_write_errors(part):
                    out.write(block)
                done += len(block)
                on_progress(file.path, min(done, source.size), source.size)


def _first_byte(answer: HTTPResponse, asked: int) -> int:
    """Where in the file the body begins: as asked for, or at the start."""
    if answer.status != 206:
        return 0
    if not (answer.headers.get("Content-Range") or "").startswith(f"bytes {asked}-"):
        raise HTTPException("the hub answered with another part of the file than was asked for")
    return asked


@contextmanager
def _translate_write_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{place}: cannot be written ({error}); close what uses it, or choose another folder with --to"
        ) from error


def _check_disk_space(part: Path, size: int) -> None:
    needed = size - part.stat().st_size
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise CheckpointError(
            f"{part.parent}: {free / 2**30:.1f} GiB free, {needed / 2**30:.1f} GiB needed; make room or choose "
            "another folder with --to"
        )


def _check_content(file: RemoteFile, source: _DownloadSource, part: Path, on_progress: OnProgress) -> None:
    digest = hashlib.sha256()
    if source.sha256:
        with part.open("rb") as data:
            while block := data.read(BLOCK):
                digest.update(block)
                on_progress(file.path, source.size, source.size)
    if part.stat().st_size != source.size or (source.sha256 and digest.hexdigest() != source.sha256):
        part.unlink()
        raise CheckpointError(
            f"{file.path}: what arrived from {file.repo} is not what the hub announced ({source.size} bytes, "
            f"{source.etag[:16]}); run the same command again"
        )


def _unreachable_error(what: str, where: str, error: Exception) -> CheckpointError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    host = urlsplit(where).netloc.rpartition("@")[2]
    return CheckpointError(
        f"{what}: cannot be downloaded from {host} ({reason}). Check the connection, or name a mirror "
        "with --endpoint or HF_ENDPOINT; the same command continues where this one stopped"
    )
