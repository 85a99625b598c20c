"""The pack speaks the field's language: its terms are where one looks for them, and a name means one thing."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACK = Path(__file__).parents[1]
ROOMS = ("accel", "indextts", "nodes", "runtime", "s2mel")
MOST_SHARED = 60
"""Top-level definitions that share a name with another: kernels' twins, implementations of an interface."""
MOST_ONE_WORD = 0.40
"""Share of functions, methods and properties whose name is one word."""
TERMS = (
    "KV cache", "block table", "slot mapping", "prefill", "CUDA graph", "split-K", "PDL", "top-k", "beam search",
    "padding mask", "classifier-free guidance", "ODE solver", "LRU", "reorder buffer",
)  # fmt: skip
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules() -> Iterator[ast.Module]:
    for room in ROOMS:
        for file in sorted((PACK / room).rglob("*.py")):
            yield ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def plain(name: str) -> str:
    return name.replace("_", "").lower()


def test_few_top_level_definitions_share_a_name() -> None:
    names = Counter(plain(node.name) for tree in modules() for node in tree.body if isinstance(node, Definition))
    shared = {name: count for name, count in names.items() if count > 1}
    assert sum(shared.values()) <= MOST_SHARED, f"shared: {sorted(shared)}"


def test_most_functions_are_named_by_more_than_one_word() -> None:
    functions = [
        node.name.strip("_")
        for tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not node.name.startswith("__") and node.name != "forward"
    ]
    one_word = [name for name in functions if "_" not in name]
    assert len(one_word) <= MOST_ONE_WORD * len(functions), f"{len(one_word)} of {len(functions)}: {sorted(one_word)}"


@pytest.mark.parametrize("term", TERMS)
def test_the_fields_terms_stand_in_docstrings_first_lines(term: str) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, documented) and term.lower() in (ast.get_docstring(node) or "").split("\n")[0].lower():
                return
    pytest.fail(f"nobody who looks for {term!r} finds where it is")
