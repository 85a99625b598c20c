"""Times as subtitle files write them, in all their sloppy forms.

Hours and fractions may be missing; digits, colons and arrows may be full width; spaces may stand anywhere.
"""

import re
import unicodedata
from dataclasses import dataclass

_TIME = r"(?:(\d{1,15})\s?[:;.]\s?)?(\d{1,3})\s?[:;.]\s?(\d{1,2})(?:\s?[,.:;]\s?(\d{1,6})|\s(\d{3}))?(?!\d)"
_ARROW = r"\s{0,9}(?:[-=~]{1,3}\s?>{1,2}|→)\s{0,9}"
_INDEX = r"(?:\d{1,5}[.)]?\s{1,9}(?=\d))?"
_TIMING = re.compile(rf"\s{{0,9}}{_INDEX}(?P<bracket>[\[(])?\s?{_TIME}{_ARROW}(?:{_TIME})?\s?[\])]?(?P<rest>.*)")
_WHOLE_TIME = r"\d{1,3}:\d{2}:\d{2}(?:[,.]\d{1,3})?"
_PLAIN_TIMING = re.compile(
    rf"\s{{0,9}}{_INDEX}({_WHOLE_TIME})\s{{0,9}}(?:-{{1,3}}|~|to|至|到|>{{1,2}}|-{{1,3}}(?:》|&gt;))\s{{0,9}}({_WHOLE_TIME})\s{{0,9}}"
)
"""Other marks between two times are one only where both are told to the second."""
_SECONDS_TIMING = re.compile(r"\s{0,9}(\d{1,6}(?:\.\d{1,6})?)\s{0,9}-{1,2}>\s{0,9}(\d{1,6}(?:\.\d{1,6})?)\s{0,9}")
_COMMA_TIMING = re.compile(rf"\s{{0,9}}{_TIME}\s?,\s?{_TIME}\s{{0,9}}(?P<rest>)")
_COMMA_TIMES = re.compile(r"\s{0,9}\d{1,3}:\d{2}:\d{2}\.\d{1,3}\s?,\s?\d{1,3}:\d{2}:\d{2}\.\d{1,3}\s{0,9}")
_SETTING = re.compile(r"[A-Za-z]\w{0,20}:\S{1,60}")
LONGEST_TIMING = 80
_ARROWS = frozenset(">＞→")
_DASHES = str.maketrans("–—−‐‑―ー─。、", "--------.,")


@dataclass(frozen=True)
class Timing:
    """Seconds of a cue, and the text that stands behind them on the same row."""

    start: float
    end: float | None
    text: str


def read_timing(row: str) -> Timing | None:
    """The times of a row such as `00:00:01,000 --> 00:00:02,500`; None for any other row."""
    if _ARROWS.isdisjoint(row[:80]):
        return _read_comma_timing(row) or _read_plain_timing(row)
    if seconds := _SECONDS_TIMING.fullmatch(row):
        start, end = float(seconds[1]), float(seconds[2])
        return Timing(start, end if end > start else None, "")
    match = _TIMING.match(fold_width(row))
    if match is None:
        return _read_plain_timing(row)
    rest = match["rest"].strip()
    text = "" if match["bracket"] is None and all(map(_SETTING.fullmatch, rest.split())) else rest
    return _make_timing(match.groups()[1:11], text)


def looks_like_timing(row: str) -> bool:
    """Whether a row was meant to hold times: it has the arrow."""
    return "-->" in fold_width(row[:200])


def read_seconds(text: str) -> float | None:
    """Seconds of one time, such as `0:00:01.25`; None where `text` is none."""
    match = re.fullmatch(_TIME, fold_width(text).strip())
    return None if match is None else _sum_seconds(match.groups())


def fold_width(text: str) -> str:
    """`text` with half-width digits and marks, and one kind of dash."""
    return unicodedata.normalize("NFKC", text).translate(_DASHES)


def _read_comma_timing(row: str) -> Timing | None:
    """YouTube's SBV: `0:00:01.000,0:00:02.500`."""
    if not _COMMA_TIMES.fullmatch(row):
        return None
    match = _COMMA_TIMING.fullmatch(row)
    return None if match is None else _make_timing(match.groups()[:10], "")


def _read_plain_timing(row: str) -> Timing | None:
    """`00:00:01,000 - 00:00:02,000`, with ~, to, 至 or a broken arrow as well."""
    match = _PLAIN_TIMING.fullmatch(fold_width(row)) if len(row) < LONGEST_TIMING else None
    if match is None:
        return None
    start, end = read_seconds(match[1]), read_seconds(match[2])
    return None if start is None else Timing(start, end if end is not None and end > start else None, "")


def _make_timing(groups: tuple[str | None, ...], text: str) -> Timing:
    start = _sum_seconds(groups[:5])
    end = None if groups[6] is None else _sum_seconds(groups[5:])
    return Timing(start, end if end is not None and end > start else None, text)


def _sum_seconds(groups: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction, spaced = (group or "0" for group in groups)
    part = fraction if groups[3] is not None else spaced
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{part}")
