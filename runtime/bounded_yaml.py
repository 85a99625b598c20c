"""YAML that a stranger wrote, within limits: what is small on disk and huge in memory is refused while it is read.

PyYAML alone follows aliases that double at every step, recurses as deep as the text nests, and takes time that grows
with the square of that depth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import yaml


@dataclass(frozen=True)
class YamlLimits:
    """characters: of the whole text; scalar: of one key or value. nodes: keys, values and collections, those counted
    again that an alias repeats; 0 aliases of them none."""

    characters: int
    nodes: int
    depth: int
    scalar: int
    aliases: bool = True


class _BoundedLoader(yaml.BaseLoader):  # type: ignore[misc]  # PyYAML has no types
    """Composes nodes of text alone; every scalar is what is written."""

    def __init__(self, text: str, limits: YamlLimits) -> None:
        super().__init__(text)
        self._limits, self._depth, self._count = limits, 0, 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node:
        event, before = self.peek_event(), self._count
        self._check_event(event)
        self._depth += 1
        compose = cast(Callable[[yaml.Node | None, Any], yaml.Node], super().compose_node)
        node = compose(parent, index)
        self._depth -= 1
        self._count += self._sizes.get(id(node), 1) if isinstance(event, yaml.AliasEvent) else 1
        if self._count > self._limits.nodes:
            raise _refuse(event, f"got more than {self._limits.nodes} keys and values, aliases followed")
        self._sizes.setdefault(id(node), self._count - before)
        return node

    def _check_event(self, event: yaml.Event) -> None:
        if self._depth == self._limits.depth:
            raise _refuse(event, f"got more than {self._limits.depth} levels, one within the other")
        if getattr(event, "tag", None) is not None:
            raise _refuse(event, f"got a tag, {event.tag[:40]!r}, expected plain keys and values")
        if isinstance(event, yaml.AliasEvent):
            if not self._limits.aliases:
                raise _refuse(event, "got an alias, expected the value itself")
            if event.anchor in self.anchors and id(self.anchors[event.anchor]) not in self._sizes:
                raise _refuse(event, "got an alias within what it stands for")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > self._limits.scalar:
            raise _refuse(event, f"got a text of {len(event.value)} characters, expected at most {self._limits.scalar}")


def compose_bounded(text: str, limits: YamlLimits) -> yaml.Node | None:
    """The nodes of a YAML document, every scalar a text. Raises `yaml.YAMLError` for what is none or too much."""
    if len(text) > limits.characters:
        raise yaml.YAMLError(f"got more than {limits.characters:,} characters")
    loader = _BoundedLoader(text, limits)
    try:
        return cast("yaml.Node | None", loader.get_single_node())
    finally:
        loader.dispose()


def _refuse(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
