"""Imports go nodes -> indextts -> {accel, s2mel} -> runtime and never back; no stage knows another; no circles.

comfy stays in nodes/; nothing but the command line prints.
"""

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
STAGES = {
    ("indextts", "text"): set(),
    ("indextts", "conditioning"): set(),
    ("indextts", "gpt"): {("accel",)},
    ("indextts", "vocoder"): set(),
    ("s2mel",): set(),
}
"""Stages stand in a row: what each may import beside itself and `BELOW_STAGES`."""
BELOW_STAGES = {("indextts", "records"), ("indextts", "config"), ("indextts", "errors"), ("runtime",)}
COMFY = {"comfy", "comfy_api", "comfy_execution", "comfy_extras", "folder_paths", "server", "execution"}
OWN = {*MAY_IMPORT, "indextts2_multitalk"}
MAY_PRINT = "indextts/commands/"

FILES = [file for room in MAY_IMPORT for file in sorted((PACK / room).rglob("*.py"))] + [PACK / "__init__.py"]
EACH_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACK).as_posix())


MODULES = {file.relative_to(PACK).with_suffix("").parts for file in FILES}
MODULES |= {module[:-1] for module in MODULES if module[-1] == "__init__"}


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


def imported_modules(file: Path) -> set[tuple[str, ...]]:
    """What `file` imports relatively, wherever in it: `from .. import x` is the module x where there is one."""
    targets = set()
    for target in relative_imports(file):
        while target not in MODULES and target:
            target = target[:-1]
        targets.add(target)
    return targets


@pytest.mark.parametrize("stage", STAGES, ids="/".join)
def test_no_stage_imports_a_stage(stage: tuple[str, ...]) -> None:
    allowed = {stage} | STAGES[stage] | BELOW_STAGES
    for file in PACK.joinpath(*stage).rglob("*.py"):
        for target in imported_modules(file):
            assert any(target[: len(room)] == room for room in allowed), f"{file} imports {'.'.join(target)}"


def test_nothing_is_imported_in_a_circle() -> None:
    imports = {}
    for file in FILES:
        module = file.relative_to(PACK).with_suffix("").parts
        module = module[:-1] if module[-1] == "__init__" else module
        imports[module] = imported_modules(file) - {module}
    done: set[tuple[str, ...]] = set()

    def follow(module: tuple[str, ...], path: tuple[tuple[str, ...], ...]) -> None:
        assert module not in path, " -> ".join(".".join(step) for step in (*path, module))
        if module not in done:
            for target in imports.get(module, ()):
                follow(target, (*path, module))
            done.add(module)

    for module in imports:
        follow(module, ())


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
