"""What SECURITY.md promises: nothing listens, only downloads reach out, and no file's code is run."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("accel", "indextts", "nodes", "runtime", "s2mel")
SOURCES = {
    file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for room in ROOMS
    for file in sorted((ROOT / room).rglob("*.py"))
}

SERVERS = {"socket", "socketserver", "http.server", "wsgiref", "xmlrpc", "multiprocessing.connection"}
CLIENTS = {"urllib.request", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "huggingface_hub"}
MAY_ASK = {
    "indextts/loading/download.py",  # where files lie
    "indextts/loading/layouts.py",  # where the hub's cache lies
    "indextts/loading/web_request.py",  # the files
    "nodes/routes.py",  # a route of ComfyUI's own server
}
RUNNERS = {"eval", "exec", "compile", "__import__"}
COMMANDS = {"subprocess", "pty", "os.system", "os.popen", "os.exec", "pickle.load", "pickle.loads", "pickle.Unpickler"}
COMMANDS |= {"marshal.load", "marshal.loads", "shelve", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "dill"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def called(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize("file", SOURCES)
def test_nothing_listens_reaches_out_or_runs_a_files_code(file: str) -> None:
    tree = SOURCES[file]
    names = set(imported(tree))
    assert not [name for name in names if is_within(name, SERVERS | COMMANDS)]
    assert file in MAY_ASK or not [name for name in names if is_within(name, CLIENTS)]
    for call in called(tree):
        name = ast.unparse(call.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert name not in RUNNERS, f"line {call.lineno}"
        assert not is_within(name, COMMANDS), f"line {call.lineno}"
        assert name != "torch.load" or given.get("weights_only") == "True", f"line {call.lineno}"
        assert not name.endswith("np.load") or given.get("allow_pickle", "False") == "False", f"line {call.lineno}"
        assert given.get("trust_remote_code", "False") == "False", f"line {call.lineno}"
        assert given.get("shell", "False") == "False", f"line {call.lineno}"


def test_the_release_is_audited() -> None:
    workflow = (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    assert "pip-audit" in workflow
    assert "needs: [test, audit]" in workflow
    rows = (ROOT / ".ci" / "accepted_vulnerabilities.txt").read_text(encoding="utf-8").splitlines()
    accepted = [row for row in rows if row and not row.startswith("#")]
    assert all(row.partition("#")[2].strip() for row in accepted), "each says why"


def test_both_lists_of_requirements_are_the_same() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for row in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert row.startswith("#") or f'"{row}"' in project
