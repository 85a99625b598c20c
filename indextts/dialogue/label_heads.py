"""What stands before a row's first colon or bar, without bullets, bold marks, times and brackets around the name."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .emotions import is_emotion
from .rows import Row
from .speakers import Speakers, fold_name

BARS = "|｜"

_GROUP = r"\[[^\[\]]{0,200}\]|【[^【】]{0,200}】|\([^()（）]{0,80}\)|（[^()（）]{0,80}）"
_HEAD = re.compile(rf"(?:{_GROUP}|[^\[\]【】<>()（）:：|｜\\]){{1,120}}?(?=[:：|｜])")
_GROUPS = re.compile(f"({_GROUP})")
_PREFIX = re.compile(r"\s{0,40}(?:[>@]\s{0,9}|[-–—•·*+]\s{1,9}|\d{1,4}[.)、]\s{0,9})?")
_BOLD = re.compile(r"\*{1,3}|__|`")
_CLOCK_BEFORE = re.compile(r"\s{0,40}\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?\s{1,9}(?:[-–—]\s{0,9})?")
_CLOCK_BEHIND = re.compile(r"(?P<name>.{1,120}?)\s{1,9}[(\[]?\d{1,2}:\d{2}(?::\d{2})?[)\]]?\s{0,9}[:：]?\s{0,9}")
_LONGEST_NAME_ROW = 160
_DECORATED = re.compile(
    r"[\s>@`\"'“”*_]{0,12}(?P<name>[^\s:：|｜>»→`\"”*_][^:：|｜>»→\t`\"”*_]{0,40}?)[\s`\"”*_]{0,9}"
    r"(?P<mark>[:：|｜>»→\t]|(?<=\s)[-–—]{1,2}(?=\s))[`\"”*_]{0,3}"
)
_SAYING = re.compile(
    r"(?P<name>.{1,40}?)(?:\s{1,9}(?:says|said|asks|asked|replies|replied|answers|answered|adds|added|shouts|shouted"
    r"|whispers|whispered)(?:\s{1,9}\w{2,12}ly)?|(?:[^\s:：]{1,4}[着地声])?(?:说道|说|问道|问|答道|回答|答|喊道|喊|叫道|叫|道))",
    re.IGNORECASE,
)
_MOOD = re.compile(r"(?P<name>[^,，、]{1,40})[,，、]\s{0,9}(?P<mood>[^:：]{1,40})")


@dataclass(frozen=True)
class Head:
    """`name` at `column`, from 1. `mark`: the colon or bar. `end`: the offset behind it, where the text begins.

    `groups`: brackets beside the name, each with its column.
    """

    name: str
    column: int
    mark: str
    end: int
    groups: tuple[tuple[str, int], ...] = ()


def read_head(text: str, position: int, speakers: Speakers) -> Head | None:
    """The head of a row from offset `position` on; None where nothing there can be one."""
    if clock := _CLOCK_BEFORE.match(text, position):
        head = split_head(text, clock.end())
        if head is not None and (speakers.names is None or speakers.find_speaker(head.name)):
            return head
    exact = _HEAD.match(text, position)
    if exact and speakers.find_speaker(exact.group()):
        mark, end = text[exact.end()], _skip_double(text, exact.end() + 1)
        return Head(exact.group().strip(), first_column(text, position), mark, end)
    return split_head(text, position)


def split_head(text: str, position: int) -> Head | None:
    """Like `read_head`, whoever the speakers are."""
    prefix = _PREFIX.match(text, position)
    name, name_offset, offset = "", 0, prefix.end() if prefix else position
    match = _HEAD.match(text, offset)
    if match is None:
        return None
    groups = []
    for part in _GROUPS.split(text[offset : match.end()]):
        if _GROUPS.fullmatch(part):
            groups.append((part, offset + 1))
        elif part.strip(" \t\u3000*_"):
            if name:
                return None
            name, name_offset = part, offset
        offset += len(part)
    plain, end = _strip_bold(name.strip(), text, match.end() + 1)
    column = name_offset + 1 + len(name) - len(name.lstrip())
    end = _skip_double(text, end)
    return Head(plain, column, text[match.end()], end, tuple(groups)) if plain else None


def _skip_double(text: str, end: int) -> int:
    """Behind the second of two colons."""
    return end + (text[end - 1 : end + 1] in ("::", "：："))


def read_decorated_head(text: str, position: int, speakers: Speakers) -> Head | None:
    """The head of a known speaker whose name stands between marks or before another one: `"Anna": …`, `Anna - …`."""
    match = None if speakers.is_lone else _DECORATED.match(text, position)
    if match is None or speakers.find_speaker(match["name"]) is None:
        return None
    return Head(match["name"].strip(), match.start("name") + 1, match["mark"], match.end())


def find_name_within(head: Head, is_known: Callable[[str], bool]) -> Head:
    """`head` with the known name alone that stands in it with a verb or a mood: `Anna says: …`, `Anna, happy: …`."""
    if (saying := _SAYING.fullmatch(head.name)) and is_known(saying["name"].strip()):
        return replace(head, name=saying["name"].strip())
    mood = _MOOD.fullmatch(head.name)
    if mood and is_known(mood["name"].strip()) and is_emotion(mood["mood"]):
        return replace(head, name=mood["name"].strip(), groups=(*head.groups, (f"({mood['mood']})", head.column)))
    return head


def name_before_clock(text: str, position: int) -> str | None:
    """The name of a row such as `Anna 00:01`, above what she says in a meeting's transcript."""
    match = _CLOCK_BEHIND.fullmatch(text, position) if len(text) <= _LONGEST_NAME_ROW else None
    return match["name"].strip() if match else None


def folded_head(row: Row) -> str | None:
    """The folded name before a row's first colon, for counting how often it stands there."""
    head = split_head(row.text, 0)
    return fold_name(head.name) if head is not None and head.mark not in BARS else None


def first_column(text: str, position: int) -> int:
    """The column, from 1, of the first letter from offset `position` on."""
    rest = text[position:]
    return position + 1 + len(rest) - len(rest.lstrip())


def _strip_bold(name: str, text: str, end: int) -> tuple[str, int]:
    """A name without Markdown's bold or code marks, and where the text begins: the bold may close behind the colon."""
    opened = _BOLD.match(name)
    if opened is None:
        return name, end
    mark, inner = opened.group(), name[opened.end() :]
    if inner.endswith(mark):
        return inner.removesuffix(mark).strip(), end
    if text.startswith(mark, end):
        return inner.strip(), end + len(mark)
    return name, end
