"""Imports go nodes -> indextts -> {accel, s2mel} -> runtime and never back; comfy stays in nodes/; nothing prints."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACK = Path(__file__).parents[1]
MAY_IMPORT = {
    "nodes": {"nodes", "indextts"},
    "indextts": {"indextts", "accel", "s2mel", "runtime"},
    "accel": {"accel", "runtime"},
    "s2mel": {"s2mel", "runtime"},
    "runtime": {"runtime"},
}
COMFY = {"comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "server", "execution"}
OWN = {*MAY_IMPORT, "indextts2_multitalk"}
MAY_PRINT = "indextts/commands/"

FILES = [file for room in MAY_IMPORT for file in sorted((PACK / room).rglob("*.py"))] + [PACK / "__init__.py"]
EACH_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACK).as_posix())


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def absolute_imports(file: Path) -> Iterator[str]:
    """Top-level names of modules that are imported by their full name."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def relative_imports(file: Path) -> Iterator[tuple[str, ...]]:
    """Paths inside the pack of what is imported relatively."""
    folder = file.relative_to(PACK).parts[:-1]
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            assert node.level <= len(folder) + 1, f"{file}:{node.lineno} leads out of the pack"
            base = folder[: len(folder) - node.level + 1]
            module = tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, *module, alias.name) for alias in node.names)


@EACH_FILE
def test_rooms_import_only_what_lies_below(file: Path) -> None:
    room = file.relative_to(PACK).parts[0]
    for target in relative_imports(file):
        allowed = MAY_IMPORT.get(room, {"nodes"})
        assert target[0] in allowed, f"{room} may import {sorted(allowed)}, not {'.'.join(target)}"


@EACH_FILE
def test_the_pack_imports_itself_relatively(file: Path) -> None:
    assert not OWN & set(absolute_imports(file)), "the pack's own modules by full name are another pack's in ComfyUI"


@EACH_FILE
def test_comfy_is_known_in_nodes_alone(file: Path) -> None:
    if file.relative_to(PACK).parts[0] not in ("nodes", "__init__.py"):
        assert not COMFY & set(absolute_imports(file))


@EACH_FILE
def test_only_the_command_line_prints(file: Path) -> None:
    if file.relative_to(PACK).as_posix().startswith(MAY_PRINT):
        return
    calls = [node.func for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    assert not {call.id for call in calls if isinstance(call, ast.Name)} & {"print", "eval", "exec"}


def test_importing_the_pack_imports_nothing_else() -> None:
    import indextts2_multitalk

    assert indextts2_multitalk.WEB_DIRECTORY == "./web"
    assert set(absolute_imports(PACK / "__init__.py")) <= {"typing", "comfy_api"}
    assert "comfy" not in sys.modules
