"""One file from a Hugging Face hub or a mirror of it, continued where an earlier try stopped.

huggingface_hub says where a file lies, how large it is and what its hash is; newer versions of it begin every
download anew, so the bytes are fetched here.
"""

import hashlib
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import CheckpointError

BLOCK = 1 << 20
TIMEOUT_SECONDS = 30.0
TRIES = 5
"""How often in a row a connection may break without a byte gained."""

OnProgress = Callable[[str, int, int], None]
"""Called with a file's name, bytes done and bytes in all; what it raises ends the download, to be continued later."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a hub repository and the place it goes to."""

    repo: str
    path: str
    target: Path


@dataclass(frozen=True)
class _DownloadSource:
    url: str
    size: int
    etag: str
    headers: dict[str, str]


def hub_endpoint(endpoint: str | None = None) -> str:
    """The hub's address: as given, or HF_ENDPOINT, or the public hub."""
    from huggingface_hub.constants import ENDPOINT

    return (endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def list_files(repo: str, folder: str, endpoint: str) -> list[str]:
    """Paths of a repository's files below `folder`. Raises `CheckpointError` where the hub does not answer."""
    from huggingface_hub import HfApi

    try:
        paths = HfApi(endpoint=endpoint).list_repo_files(repo)
    except Exception as error:  # the hub client's errors differ from version to version
        raise _unreachable_error(repo, endpoint, error) from error
    return [path for path in paths if path.startswith(f"{folder}/")]


def download_file(file: RemoteFile, endpoint: str, on_progress: OnProgress | None = None) -> None:
    """Bring `file` to its target, whole and checked, or raise `CheckpointError` and keep the part that came.

    A target that is there already with the right size stays as it is.
    """
    source = _resolve_source(file, endpoint)
    if file.target.is_file() and file.target.stat().st_size == source.size:
        return
    part = file.target.with_name(f"{file.target.name}.{source.etag[:16]}.partial")
    with _translate_write_errors(file.target.parent):
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    _check_disk_space(part, source.size)
    _receive_file(file, source, part, on_progress or (lambda name, done, total: None))
    _check_hash(file, source, part)
    with _translate_write_errors(file.target):
        os.replace(part, file.target)


def _resolve_source(file: RemoteFile, endpoint: str) -> _DownloadSource:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(file.repo, file.path, endpoint=endpoint)
    try:
        metadata = get_hf_file_metadata(url)
    except Exception as error:  # the hub client's errors differ from version to version
        raise _unreachable_error(f"{file.repo}/{file.path}", endpoint, error) from error
    if metadata.size is None:
        raise _unreachable_error(
            f"{file.repo}/{file.path}", endpoint, ValueError("the hub does not tell the file's size")
        )
    location = metadata.location or url
    # Where the hub sends on to another host, the link itself is the permission: the token stays here.
    own = urlsplit(location).netloc == urlsplit(endpoint).netloc
    return _DownloadSource(location, metadata.size, metadata.etag or "unversioned", build_hf_headers() if own else {})


def _receive_file(file: RemoteFile, source: _DownloadSource, part: Path, on_progress: OnProgress) -> None:
    """Append to `part` until it is whole; a broken connection is taken up again where it broke."""
    failures = 0
    while (have := part.stat().st_size) < source.size:
        try:
            _append_response(file, source, part, have, on_progress)
            broken: Exception = EOFError("the connection ended early")
        except (OSError, urllib.error.HTTPError) as error:
            broken = error
        failures = 0 if part.stat().st_size > have else failures + 1
        if failures == TRIES or (isinstance(broken, urllib.error.HTTPError) and broken.code < 500):
            raise _unreachable_error(f"{file.repo}/{file.path}", source.url, broken) from broken
        time.sleep(0.1 * failures**2)


def _append_response(file: RemoteFile, source: _DownloadSource, part: Path, have: int, on_progress: OnProgress) -> None:
    request = urllib.request.Request(source.url, headers={**source.headers, "Range": f"bytes={have}-"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=_tls_context()) as answer:
        resumed = answer.status == 206
        with part.open("ab" if resumed else "wb") as out:
            done = have if resumed else 0
            while block := answer.read(BLOCK):
                out.write(block)
                done += len(block)
                on_progress(file.path, done, source.size)


@contextmanager
def _translate_write_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{place}: cannot be written ({error}); close what uses it, or choose another folder with --to"
        ) from error


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:  # Python from python.org on macOS brings no certificates
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _check_disk_space(part: Path, size: int) -> None:
    needed = size - part.stat().st_size
    free = shutil.disk_usage(part.parent).free
    if free < needed:
        raise CheckpointError(
            f"{part.parent}: {free / 2**30:.1f} GiB free, {needed / 2**30:.1f} GiB needed; make room or choose "
            "another folder with --to"
        )


def _check_hash(file: RemoteFile, source: _DownloadSource, part: Path) -> None:
    """Large files carry their SHA-256 as their tag; of small ones the size must do."""
    digest: Any = hashlib.sha256()
    if len(source.etag) == 2 * digest.digest_size:
        with part.open("rb") as data:
            while block := data.read(BLOCK):
                digest.update(block)
    if part.stat().st_size != source.size or (len(source.etag) == 64 and digest.hexdigest() != source.etag):
        part.unlink()
        raise CheckpointError(
            f"{file.path}: what arrived from {file.repo} is not what the hub announced ({source.size} bytes, "
            f"{source.etag[:16]}); run the same command again"
        )


def _unreachable_error(what: str, where: str, error: Exception) -> CheckpointError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    host = urlsplit(where).netloc
    return CheckpointError(
        f"{what}: cannot be downloaded from {host} ({reason}). Check the connection, or name a mirror with --endpoint "
        "or HF_ENDPOINT; the same command continues where this one stopped"
    )
