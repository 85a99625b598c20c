"""Scripts as tables: Markdown's `| Anna | Hello |`, and columns with tabs between them, into `Anna|Hello`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from .rows import Row

_RULE = re.compile(r"[\s|:+=-]+")
_LONGEST_NAME = 40


def flatten_tables(rows: Sequence[Row], is_name: Callable[[str], bool]) -> list[Row]:
    """`rows` with one bar between two columns, and without the rules of a table.

    is_name: whether the first cell of a row may be a speaker; tabs are columns only where one is.
    """
    framed = [_unframe(row) for row in rows]
    kept = [row for row in framed if row is not None]
    if len(kept) > 1 and all(map(_has_tabs, kept)) and any(is_name(row.text.partition("\t")[0]) for row in kept):
        return [replace(row, text="|".join(cell.strip() for cell in row.text.split("\t"))) for row in kept]
    return kept


def _unframe(row: Row) -> Row | None:
    text = row.text.strip()
    if len(text) < 3 or not (text.startswith("|") and text.endswith("|")):
        return row
    return None if _RULE.fullmatch(text) else replace(row, text=text.strip("|").strip())


def _has_tabs(row: Row) -> bool:
    name, tab, text = row.text.strip().partition("\t")
    return bool(tab and name and text.strip()) and len(name) <= _LONGEST_NAME
