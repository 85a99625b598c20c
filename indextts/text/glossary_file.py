"""A glossary as a user writes it: YAML, one term and its reading a line.

    k8s: K eight S
    行长: HANG2 ZHANG3
    AI: {en: A I, zh: 人工智能}
    US: {en: U S, case: exact}

Every value is text (911 and no are no number and no truth value); nothing is constructed but these mappings.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from ...runtime.bounded_yaml import YamlLimits, compose_bounded
from ..errors import ConfigError
from .glossary import EXACT, Reading
from .language import FIVE_LANGUAGES

MAX_CHARACTERS, MAX_TERMS, MAX_TERM, MAX_READING = 1_000_000, 5_000, 100, 1_000
_LIMITS = YamlLimits(MAX_CHARACTERS, nodes=10 * MAX_TERMS, depth=3, scalar=MAX_READING, aliases=False)
_KEYS = (*FIVE_LANGUAGES, "case")
_REMEDY = "write one `term: reading` a line, or `term: {zh: reading, en: reading}`; quote what holds signs of YAML"
_FULL_WIDTH_COLON = re.compile(r"^([^\s:：#'\"{][^:：\n]*)：\s*", re.MULTILINE)


def user_glossary_file() -> Path:
    """Where a user's own glossary for all models lies; `INDEXTTS2_CONFIG` names another folder."""
    return Path(os.environ.get("INDEXTTS2_CONFIG", Path.home() / ".config" / "indextts2")) / "glossary.yaml"


def read_glossaries(files: Iterable[Path | None], text: str = "") -> dict[str, Reading]:
    """The entries of all `files` that exist and of `text`; a later one's reading of a term wins.

    Raises `ConfigError` that names file and line.
    """
    entries: dict[str, Reading] = {}
    for file in dict.fromkeys(files):
        if file is not None and file.is_file():
            entries |= parse_glossary(read_glossary_file(file), str(file))
    return entries | parse_glossary(text, "glossary")


def read_glossary_file(file: Path) -> str:
    """The text of a glossary. Raises `ConfigError` for what is no text."""
    try:
        with file.open(encoding="utf-8-sig") as opened:
            return opened.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error}); expected a text file in UTF-8") from error


def parse_glossary(text: str, source: str) -> dict[str, Reading]:
    """The entries of `text`. `source` is how an error calls it."""
    text = _FULL_WIDTH_COLON.sub(r"\1: ", text)
    try:
        root = compose_bounded(text, _LIMITS)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{_place(source, mark)}: {error.problem or error.context}; {_REMEDY}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: {error}; {_REMEDY}") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{_place(source, root.start_mark)}: got no `term: reading`; {_REMEDY}")
    if len(root.value) > MAX_TERMS:
        raise ConfigError(f"{source}: got {len(root.value)} terms, expected at most {MAX_TERMS}")
    entries: dict[str, Reading] = {}
    for key, value in root.value:
        term = _read_term(key, source)
        if term in entries:
            raise ConfigError(f"{_place(source, key.start_mark)}: got {term!r} twice; keep one of its readings")
        entries[term] = _read_reading(value, source, term)
    return entries


def _read_term(node: yaml.Node, source: str) -> str:
    term = _read_scalar(node, source, MAX_TERM)
    if not any(map(str.isalnum, term)):
        raise ConfigError(f"{_place(source, node.start_mark)}: got {term!r}, expected a term with a letter or digit")
    return term


def _read_reading(node: yaml.Node, source: str, term: str) -> Reading:
    if not isinstance(node, yaml.MappingNode):
        return _read_scalar(node, source, MAX_READING)
    reading = {}
    for key, value in node.value:
        name = _read_scalar(key, source, MAX_TERM)
        if name not in _KEYS:
            raise ConfigError(
                f"{_place(source, key.start_mark)}: got {name!r} for {term!r}, expected one of {', '.join(_KEYS)}"
            )
        reading[name] = _read_scalar(value, source, MAX_READING)
        if name == "case" and reading[name] != EXACT:
            raise ConfigError(f"{_place(source, value.start_mark)}: case is {reading[name]!r}, expected {EXACT}")
    if reading.keys().isdisjoint(FIVE_LANGUAGES):
        raise ConfigError(f"{_place(source, node.start_mark)}: {term!r} has no reading; give one for zh, en or another")
    return reading


def _read_scalar(node: yaml.Node, source: str, longest: int) -> str:
    value = node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
    if not value or len(value) > longest:
        got = f"{len(value)} characters" if value else "nothing that can be read"
        place = _place(source, node.start_mark)
        raise ConfigError(f"{place}: got {got}, expected 1 to {longest} characters of text; {_REMEDY}")
    return value


def _place(source: str, mark: yaml.Mark | None) -> str:
    return source if mark is None else f"{source}, line {mark.line + 1}"
