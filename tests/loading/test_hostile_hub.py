"""A hub or mirror that lies: nothing outside the folder, nothing beyond what it announced, no token for others."""

import hashlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from helpers.hub import Answer, Hub, serve
from helpers.waiting import HUNG_SECONDS
from indextts2_multitalk.indextts.errors import CheckpointError
from indextts2_multitalk.indextts.loading import download as downloading
from indextts2_multitalk.indextts.loading.download import RemoteFile, download_file, hub_endpoint
from indextts2_multitalk.indextts.loading.safe_path import join_inside
from indextts2_multitalk.indextts.loading.web_request import open_url

KEY = ("IndexTeam/IndexTTS-2", "config.yaml")
CONTENT = b"gpt: {}\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(downloading, "TIMEOUT_SECONDS", HUNG_SECONDS)
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(Hub({KEY: CONTENT})) as served:
        yield served


@pytest.fixture
def file(tmp_path: Path) -> RemoteFile:
    return RemoteFile(*KEY, tmp_path / "model", "config.yaml")


def answer(method: str, times: int, act: Callable[[BaseHTTPRequestHandler], object]) -> Answer:
    """`act` answers the first `times` requests of that method."""
    left = [times]

    def answer_instead(request: BaseHTTPRequestHandler) -> bool:
        if request.command != method or not left[0]:
            return False
        left[0] -= 1
        act(request)
        return True

    return answer_instead


def send(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], object]:
    def act(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    return act


def announce(size: str = str(len(CONTENT)), tag: str = SHA256, **headers: str) -> Answer:
    """What HEAD says of the file."""
    return answer("HEAD", 9, send(200, Content_Length=size, ETag=f'"{tag}"', X_Repo_Commit="0" * 40, **headers))


def written(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "place",
    [
        *("", "..", ".", "../x", "a/../../x", "a/../b", "/etc/x", "a//b", "a/", "a\\b", "..\\x", "C:x", "C:/x"),
        *("\\\\host\\share", "a:b", "x\0y", "x\ny", "x\u2028y", "\ud83d", "n" * 256, "é" * 128, "a/...", "*", "a|b"),
    ],
)
def test_a_name_leads_into_the_folder_or_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(CheckpointError, match="expected a plain relative path"):
        join_inside(tmp_path, place)


def test_a_link_that_leads_out_is_refused(tmp_path: Path, file: RemoteFile, hub: Hub) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "model" / "sub").symlink_to(tmp_path / "outside")
    (tmp_path / "model" / "loop").symlink_to(tmp_path / "model" / "loop")
    for name in ("sub", "loop"):
        with pytest.raises(CheckpointError, match="a link leads out"):
            download_file(RemoteFile(*KEY, file.folder, f"{name}/config.yaml"), hub.endpoint)
    assert not written(tmp_path)


def test_a_linked_model_folder_is_the_users_own(tmp_path: Path, file: RemoteFile, hub: Hub) -> None:
    (tmp_path / "elsewhere").mkdir()
    file.folder.symlink_to(tmp_path / "elsewhere")
    download_file(file, hub.endpoint)
    assert (tmp_path / "elsewhere" / "config.yaml").read_bytes() == CONTENT


@pytest.mark.parametrize("scheme", ["file", "ftp", "https", "data", ""])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_another_scheme_is_not_followed(tmp_path: Path, file: RemoteFile, hub: Hub, method: str, scheme: str) -> None:
    """A hub answers with 302 for large files; `file:` would read this machine's."""
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    place = f"{scheme}://{secret}" if scheme else "//:bad/"
    redirect = send(
        302, Location=place, X_Linked_Size=str(len(CONTENT)), X_Linked_ETag=f'"{SHA256}"', X_Repo_Commit="0" * 40
    )
    hub.instead = answer(method, 99, redirect)
    with pytest.raises(CheckpointError, match="cannot be downloaded"):
        download_file(file, hub.endpoint)
    assert not file.target.exists()
    assert all(path.stat().st_size == 0 for path in file.folder.rglob("*"))


def test_token_is_not_sent_without_https(file: RemoteFile, hub: Hub) -> None:
    download_file(file, hub.endpoint)
    assert len(hub.tokens) == 2
    assert set(hub.tokens.values()) == {None}


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://hub.example/IndexTeam/x", True),
        ("https://cdn.example/IndexTeam/x", False),
        ("https://hub.example.evil/x", False),
        ("https://hub.example:444/x", False),
        ("http://hub.example/x", False),
        ("https://hub.example@evil.example/x", False),
    ],
)
def test_token_is_for_the_hub_alone(url: str, sent: bool) -> None:
    assert (downloading._choose_token(url, "https://hub.example") is None) == sent
    assert downloading._choose_token(url, "http://hub.example") is False


def test_token_follows_no_redirect(hub: Hub) -> None:
    port = hub.endpoint.rpartition(":")[2]
    hub.instead = answer("GET", 1, send(302, Location=f"http://localhost:{port}/{KEY[0]}/resolve/main/{KEY[1]}"))
    with open_url(f"{hub.endpoint}/first", {}, {"Authorization": "Bearer hf_secret"}, HUNG_SECONDS) as got:
        assert got.read() == CONTENT
    assert hub.tokens["GET", "/first"] == "Bearer hf_secret"
    assert hub.tokens["GET", f"/{KEY[0]}/resolve/main/{KEY[1]}"] is None


def test_redirects_in_a_circle_end(file: RemoteFile, hub: Hub) -> None:
    hub.instead = answer("GET", 999, send(302, Location="/circle"))
    with pytest.raises(CheckpointError, match="cannot be downloaded"):
        download_file(file, hub.endpoint)


@pytest.mark.parametrize("tag", [SHA256, "a" * 40], ids=["with its hash", "without"])
def test_a_body_longer_than_announced_stops(file: RemoteFile, hub: Hub, tag: str) -> None:
    hub.instead = lambda request: announce(tag=tag)(request) or answer("GET", 1, endless)(request)
    with pytest.raises(CheckpointError, match="not what the hub announced"):
        download_file(file, hub.endpoint)
    assert not written(file.folder)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(CONTENT * 1000)
    except OSError:  # the other side has gone
        pass


@pytest.mark.parametrize("size", ["-5", "many", str(10**15), "9" * 4000])
def test_sizes_that_no_file_has(file: RemoteFile, hub: Hub, size: str) -> None:
    hub.instead = announce(size)
    with pytest.raises(CheckpointError, match="cannot be downloaded"):
        download_file(file, hub.endpoint)
    assert not written(file.folder)


@pytest.mark.parametrize("tag", ["../../../escaped", "/etc/passwd", "a/b", "\\\\host\\x", "x" * 3000, "a" * 40])
def test_a_tag_is_no_path(tmp_path: Path, file: RemoteFile, hub: Hub, tag: str) -> None:
    hub.instead = announce(tag=tag)
    download_file(file, hub.endpoint)
    assert written(tmp_path) == {"config.yaml"}


def nonsense(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"no status line at all\r\n\r\n")
    request.close_connection = True


def incomplete(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\ngpt: ")
    request.close_connection = True


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


FAILURES = {
    "BadStatusLine": nonsense,
    "IncompleteRead": incomplete,
    "no answer": hang_up,
    "500": send(500),
    "429": send(429),
    "another part": send(206, CONTENT, Content_Range="bytes 3-7/8"),
}


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_passing_failure_is_tried_again_and_a_lasting_one_told(
    file: RemoteFile, hub: Hub, method: str, failure: str
) -> None:
    if method == "HEAD" and failure in ("IncompleteRead", "another part"):
        return  # of a body
    hub.instead = answer(method, 2, FAILURES[failure])
    download_file(file, hub.endpoint)
    assert file.target.read_bytes() == CONTENT
    file.target.unlink()
    hub.instead = answer(method, 99, FAILURES[failure])
    with pytest.raises(CheckpointError, match=r"cannot be downloaded from 127.0.0.1:\d+ \(.+\)\. Check the connection"):
        download_file(file, hub.endpoint)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_is_refused_is_not_asked_for_again(file: RemoteFile, hub: Hub, status: int) -> None:
    for method in ("HEAD", "GET"):
        hub.instead = answer(method, 1, send(status))
        with pytest.raises(CheckpointError, match="cannot be downloaded"):
            download_file(file, hub.endpoint)


def test_a_file_that_a_revision_may_lack(file: RemoteFile, hub: Hub) -> None:
    download_file(RemoteFile(KEY[0], "merges.txt", file.folder, "merges.txt", optional=True), hub.endpoint)
    assert not written(file.folder.parent)


@pytest.mark.parametrize(
    "endpoint",
    [
        "nonsense",
        "file:///etc",
        "ftp://hub",
        "https://",
        "https://user:word@hub",
        "https://hub:x",
        "https://a b",
        "//h",
    ],
)
def test_an_endpoint_that_is_none(endpoint: str) -> None:
    with pytest.raises(CheckpointError, match=r"--endpoint or HF_ENDPOINT: got .*expected an address as https://HOST"):
        hub_endpoint(endpoint)
