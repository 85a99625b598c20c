"""Kernel shapes: which tiles, warps and stages a family of kernels takes, for one size on one card.

Asked in this order: the table that was tuned on this card, if there is one; the table that comes with the pack, for
cards that were measured; the family's rule, which knows a card by its numbers (card.py). A family stands beside its
kernels, with its rule, the candidates that tuning tries and what they need of a card.
"""

import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import torch

from .card import Card, card_of
from .shape_tables import measured_table, tuned_table

log = logging.getLogger(__name__)

Size = TypeVar("Size", bound="tuple[Any, ...]")
Shape = TypeVar("Shape")
Place = tuple["KernelFamily[Any, Any]", tuple[Any, ...]]
"""A family and a size: what has one shape on a card."""


@dataclass(frozen=True, eq=False)
class KernelFamily(Generic[Size, Shape]):
    """Kernels that are cut alike. name: in tables. rule: the shape of a size on a card never measured. candidates: what
    tuning tries beside it, and all that a table may say. fits: whether a card can launch a shape."""

    name: str
    rule: Callable[[Size, Card], Shape]
    candidates: Callable[[Size, Card], Iterable[Shape]]
    fits: Callable[[Shape, Size, Card], bool] = lambda shape, size, card: True

    def choose(self, size: Size, device: torch.device) -> Shape:
        """The shape for a size on a device."""
        trial, card = _TRIAL.get(), card_of(device)
        shape: Shape = _look_up(self, size, card) if trial is None else trial.choose(self, size, card)
        return shape

    def list_shapes(self, size: Size, card: Card) -> list[Shape]:
        """All that a card can launch, the rule's first."""
        rule = self.rule(size, card)
        others = (shape for shape in self.candidates(size, card) if shape != rule and self.fits(shape, size, card))
        return [rule, *dict.fromkeys(others)]


@dataclass(frozen=True)
class ShapeTrial:
    """Shapes to take in place of what tables and rules say. asked: of every place that was asked for, what it got."""

    shapes: Mapping[Place, Any]
    asked: dict[Place, Any] = field(default_factory=dict)

    def choose(self, family: KernelFamily[Any, Any], size: tuple[Any, ...], card: Card) -> Any:
        place = family, size
        shape = self.shapes[place] if place in self.shapes else _look_up(family, size, card)
        return self.asked.setdefault(place, shape)


_TRIAL: ContextVar[ShapeTrial | None] = ContextVar("shapes in place of the tables'", default=None)


@contextmanager
def try_shapes(shapes: Mapping[Place, Any]) -> Iterator[ShapeTrial]:
    """In this context alone, take these shapes; what is not among them stays as it is."""
    trial = ShapeTrial(shapes)
    token = _TRIAL.set(trial)
    try:
        yield trial
    finally:
        _TRIAL.reset(token)


@functools.cache
def _look_up(family: KernelFamily[Any, Any], size: tuple[Any, ...], card: Card) -> Any:
    shapes, name = family.list_shapes(size, card), size_name(size)
    for table in (tuned_table(card), measured_table(card)):
        fields = table.get(family.name, {}).get(name)
        known = next((shape for shape in shapes if asdict(shape) == fields), None)
        if known is not None:
            return known
        if fields is not None:
            log.warning("kernel shapes of %s, %s: a table says %s, which does not run here", family.name, name, fields)
    return shapes[0]


def size_name(size: tuple[Any, ...]) -> str:
    """A size in tables, as `inputs=1280 outputs=3840`."""
    fields = size._asdict()  # type: ignore[attr-defined]  # every size is a NamedTuple
    return " ".join(f"{name}={value}" for name, value in fields.items())


def tabulate_shapes(shapes: Mapping[Place, Any]) -> dict[str, dict[str, dict[str, int]]]:
    """Shapes as a table has them."""
    table: dict[str, dict[str, dict[str, int]]] = {}
    for (family, size), shape in shapes.items():
        table.setdefault(family.name, {})[size_name(size)] = asdict(shape)
    return table


def forget_tables() -> None:
    """Read tables anew where shapes are asked for from now on; captured graphs keep what they were captured with."""
    for cached in (_look_up, tuned_table, measured_table):
        cached.cache_clear()
