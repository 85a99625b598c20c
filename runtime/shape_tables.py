"""Tables of kernel shapes as JSON: of this card, written by tuning, and of cards that were measured, with the pack.

A table says which GPU and which Triton it was made with, and holds shapes by family and size. Sizes say a model's width
and its precision, so that one table serves all models on a card.
"""

import functools
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from .cache_folder import cache_folder, write_whole
from .card import Card

log = logging.getLogger(__name__)

Fields = dict[str, int]
Table = Mapping[str, Mapping[str, Fields]]
"""Family -> size -> fields of a shape."""

SHIPPED = Path(__file__).with_name("measured_shapes.json")


def tuned_path(card: Card) -> Path:
    """Where the table of a card lies with the Triton that is installed."""
    name = re.sub(r"\W+", "-", f"{card.name} triton {_triton_version()}")
    return cache_folder() / "kernel_shapes" / f"{name}.json"


@functools.cache
def tuned_table(card: Card) -> Table:
    """What was tuned on this card; empty where nothing was, or with a line in the log where it cannot be used."""
    path = tuned_path(card)
    try:
        text = path.read_text(encoding="utf-8")
        return _parse_table(text, card)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s; indextts2 tune writes a new one", path, error)
        return {}


def save_tuned(card: Card, shapes: Table) -> Path:
    """Add shapes to the table of a card. Whoever reads it meanwhile has the old one or the new one."""
    path, known = tuned_path(card), tuned_table(card)
    merged = {name: {**known.get(name, {}), **shapes.get(name, {})} for name in sorted({*known, *shapes})}
    table = {"gpu": card.name, "triton": _triton_version(), "shapes": merged}
    write_whole(path, (json.dumps(table, indent=1) + "\n").encode())
    return path


@functools.cache
def measured_table(card: Card) -> Table:
    """What was measured by hand on cards like this one."""
    tables = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return next((table["shapes"] for table in tables if card.name in table["gpus"]), {})


def describe_shapes(card: Card) -> str:
    """Where the kernel shapes of a card come from."""
    if tuned_table(card):
        return f"tuned on this card, in {tuned_path(card)}"
    if measured_table(card):
        return f"those measured on an {card.name}"
    return "by rule, as nobody measured this card; indextts2 tune does, in 90 s at most"


def _parse_table(text: str, card: Card) -> Table:
    """Raises ValueError where it is not a table, or not of this card and Triton."""
    table = json.loads(text)
    if not isinstance(table, dict) or not isinstance(table.get("shapes"), dict):
        raise ValueError("it is no table of kernel shapes")
    made, here = (table.get("gpu"), table.get("triton")), (card.name, _triton_version())
    if made != here:
        raise ValueError(f"it was made on {made[0]} with Triton {made[1]}, here are {here[0]} and {here[1]}")
    for sizes in table["shapes"].values():
        for fields in sizes.values() if isinstance(sizes, dict) else [None]:
            if not isinstance(fields, dict) or not all(isinstance(value, int) for value in fields.values()):
                raise ValueError("it is no table of kernel shapes")
    shapes: Table = table["shapes"]
    return shapes


def _triton_version() -> str:
    import triton

    return str(triton.__version__)
