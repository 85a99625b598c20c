"""Scripts as data: JSON, JSON lines, a recognizer's segments, CSV with a header, as rows or as cues of subtitles."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ScriptError
from .rows import Row, SubtitleCue, clean_name, clean_text
from .subtitle_times import read_seconds

_SPEAKER = ("speaker", "name", "character", "role", "voice", "角色", "说话人", "人物")
_TEXT = ("text", "line", "content", "dialogue", "dialog", "sentence", "台词", "文本", "内容")
_START, _END = ("start", "begin", "start_time", "开始"), ("end", "stop", "end_time", "结束")
_LISTS = ("lines", "script", "dialogue", "dialog", "segments", "items", "subtitles", "cues", "conversation", "results")
_ATTRIBUTES = {
    "emotion": ("emotion", "emo", "情感", "情绪"),
    "speed": ("speed", "rate", "语速", "速度"),
    "seed": ("seed", "种子"),
    "lang": ("language", "lang", "语言"),
    "pause": ("pause", "pause_after", "停顿"),
}
LONGEST_TIME, MOST_SECONDS = 40, 1e6
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Structured:
    """`cues` where every entry has a time, else `rows`."""

    rows: list[Row]
    cues: list[SubtitleCue] | None


def read_structured(text: str) -> Structured | None:
    """The entries of a script that is data; None where it is plain text. An entry's number is its row's.

    Raises `ScriptError` on JSON that is none, and on entries without text.
    """
    entries = _read_json(text)
    if entries is None:
        entries = _read_csv(text)
    if entries is None:
        return None
    rows = _name_all([_make_row(entry, number) for number, entry in enumerate(entries, start=1)])
    times = [_read_times(entry, number) for number, entry in enumerate(entries, start=1)]
    if not rows or any(time is None for time in times):
        return Structured(rows, None)
    cues = [SubtitleCue(*time, (row,)) for time, row in zip(times, rows, strict=True) if time is not None]
    return Structured(rows, sorted(cues, key=lambda cue: cue.start))


def _read_json(text: str) -> list[Mapping[str, Any]] | None:
    plain = text.strip().removeprefix("\ufeff").strip()
    if not (plain.startswith("{") or (plain.startswith("[") and plain[1:].lstrip()[:1] in ("{", "[", '"'))):
        return None
    try:
        entries = _entries_of(json.loads(plain))
    except (ValueError, RecursionError) as error:
        entries = _read_json_rows(plain)
        if entries is None and _looks_like_json(plain):
            raise ScriptError(f"the script looks like JSON and is none: {error}") from error
    return entries


def _read_json_rows(text: str) -> list[Mapping[str, Any]] | None:
    """JSON lines: an object in each row."""
    try:
        values = [json.loads(row) for row in text.splitlines() if row.strip()]
    except (ValueError, RecursionError):
        return None
    return [value for value in values if isinstance(value, dict)] if len(values) > 1 else None


def _looks_like_json(text: str) -> bool:
    return '":' in text[:200].replace(" ", "") and any(f'"{key}"' in text[:2000] for key in (*_TEXT, *_LISTS))


def _entries_of(value: Any) -> list[Mapping[str, Any]] | None:
    """The list of lines in what was read; None where there is none."""
    if isinstance(value, dict):
        inner = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
        return _entries_of(inner) if inner is not None else ([value] if _pick(value, _TEXT) is not None else None)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        return value
    pairs = isinstance(value, list) and value and all(isinstance(each, list) and len(each) == 2 for each in value)
    return [{"speaker": each[0], "text": each[1]} for each in value] if pairs else None


def _read_csv(text: str) -> list[Mapping[str, Any]] | None:
    """Rows under a header that names a speaker's and a text's column."""
    head = text.lstrip("\ufeff \t\r\n").split("\n", 1)[0].strip()
    separator = next((mark for mark in _SEPARATORS if mark in head), None)
    if separator is None or len(head) > 400:
        return None
    names = [cell.strip().strip('"').casefold() for cell in head.split(separator)]
    if not (set(names) & set(_SPEAKER) and set(names) & set(_TEXT)):
        return None
    rows = csv.reader(text.lstrip("\ufeff \t\r\n").splitlines(), delimiter=separator)
    entries: list[Mapping[str, Any]] = [dict(zip(names, row, strict=False)) for row in _whole_rows(rows)]
    return entries[1:]


def _whole_rows(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from (row for row in rows if any(cell.strip() for cell in row))
    except csv.Error as error:
        raise ScriptError(f"the script looks like CSV and cannot be read: {error}") from error


def _make_row(entry: Mapping[str, Any], number: int) -> Row:
    text = _pick(entry, _TEXT)
    if not isinstance(text, str | int | float):
        raise ScriptError(f"entry {number} has no text; expected one of the keys {', '.join(_TEXT[:4])}", number)
    name = clean_name(_value(entry, _SPEAKER))
    given = tuple((key, value) for key, names in _ATTRIBUTES.items() if (value := _value(entry, names)))
    return Row(clean_text(str(text)), number, name, given, is_text=bool(name))


def _name_all(rows: list[Row]) -> list[Row]:
    """An entry without a speaker is of the one before."""
    named: list[Row] = []
    for row in rows:
        speaker = row.speaker or (named[-1].speaker if named else "")
        named.append(replace(row, speaker=speaker, is_text=bool(speaker)))
    return named


def _read_times(entry: Mapping[str, Any], number: int) -> tuple[float, float | None] | None:
    start, end = (_pick(entry, names) for names in (_START, _END))
    if start is None or start == "":
        return None
    try:
        begun = _to_seconds(start)
        ended = None if end in (None, "") else _to_seconds(end)
    except ValueError as error:
        raise ScriptError(f"entry {number}: {error}", number) from error
    return begun, ended if ended is None or ended > begun else None


def _to_seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"got the time {str(value)[:40]!r}, expected seconds or 00:00:01,000")
    seconds: float | None
    try:
        seconds = float(value)
    except OverflowError:
        seconds = None
    except ValueError:
        seconds = read_seconds(str(value)[:40]) if len(str(value)) < LONGEST_TIME else None
    if seconds is None or not 0 <= seconds < MOST_SECONDS:
        raise ValueError(f"got the time {str(value)[:40]!r}, expected seconds or 00:00:01,000")
    return seconds


def _value(entry: Mapping[str, Any], names: Iterable[str]) -> str:
    """A text or a number; lists and objects are neither."""
    value = _pick(entry, names)
    return clean_text(str(value)) if isinstance(value, str | int | float) else ""


def _pick(entry: Mapping[str, Any], names: Iterable[str]) -> Any:
    known = {str(key).casefold(): value for key, value in entry.items()}
    return next((known[name] for name in names if name in known), None)
