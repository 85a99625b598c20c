"""Draws docs/architecture.svg from the pack's imports: the rooms in the order of the data, arrows for who imports whom.

python docs/draw_architecture.py            writes it
python docs/draw_architecture.py --check    fails where the committed one is another

Needs the standard library alone. An arrow that would lead sideways or up, or a room without a place, is an error.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

PACK = Path(__file__).resolve().parents[1]
PICTURE = Path(__file__).with_name("architecture.svg")

ROWS = (
    ("nodes", "indextts/commands"),
    ("indextts/verify",),
    ("indextts",),
    ("indextts/dialogue", "indextts/loading", "shared"),
    ("indextts/text", "indextts/conditioning", "indextts/gpt", "s2mel", "indextts/vocoder"),
    ("accel",),
    ("runtime",),
)
"""Every room stands above what it imports; the stages stand in a row."""

COLUMNS = {
    "nodes": (0, 2), "indextts/commands": (3, 4), "indextts/verify": (2, 3),
    "indextts/dialogue": (0, 0), "indextts": (1, 3),
    "indextts/loading": (3, 4), "shared": (5, 5), "accel": (2, 2), "runtime": (0, 4),
}  # fmt: skip
"""From which column to which a room reaches; a stage has its place in the row."""

STAGES = ROWS[4]
PASSED_ON = ("tokens", "voice,\nemotion", "codes,\nlatents", "mel", "waveform,\ntimeline")
"""What each stage hands to the next; takes make a timeline in the end."""

INSIDE = {"indextts/dialogue", "indextts/loading", *(stage for stage in STAGES if stage != "s2mel")}
"""Rooms of `indextts/` below its pipeline; the modules beside the pipeline that they import are its shared types."""

COLORS = {
    "nodes": "#8250a8", "indextts/commands": "#b4531f", "indextts": "#1f6fb2", "indextts/loading": "#2e8555",
    "shared": "#6b7280",
}  # fmt: skip
PLAIN = "#374151"

MARGIN, BOX, GAP = 28, 172, 66
CHANNEL = 74
"""Pixels between two rows, where arrows run."""
LINE = 15
RADIUS = 6
FONT = 'font-family="DejaVu Sans, Verdana, sans-serif" font-size="11"'
LOUD = 'font-size="14" font-weight="bold" fill="#9a6700"'
HALO = 'fill="#7a5200" stroke="#ffffff" stroke-width="4" paint-order="stroke"'
TOLD = 'fill="#374151"'
DATA = 'fill="#f5d68a" stroke="#d9a83a"'


@dataclass
class Room:
    """name: its folder, or `shared`. says: lines of text in its box. uses_shared: whether it imports shared types."""

    name: str
    says: list[str]
    uses_shared: bool = False
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def reached_from(self, x: float) -> float:
        """Straight down into a wide room, else to the middle of its roof."""
        return x if self.width > BOX and self.covers(x) else self.middle

    def covers(self, x: float) -> bool:
        return self.x - RADIUS < x < self.x + self.width + RADIUS


@dataclass
class Bus:
    """The arrows of one room through one channel: in at the top, along, and out to rooms below or further down."""

    source: str
    entry: float
    exits: list[tuple[float, str]] = field(default_factory=list)
    """Where, and which room of the next row; an empty name goes on through it."""

    @property
    def straight(self) -> bool:
        return all(x == self.entry for x, _ in self.exits)


def main(arguments: Sequence[str]) -> int:
    drawn = draw()
    if arguments != ["--check"]:
        PICTURE.write_text(drawn, encoding="utf-8")
        return 0
    if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawn:
        return 0
    sys.stderr.write(f"{PICTURE} is not what {Path(__file__).name} draws now\n")
    return 1


def draw() -> str:
    """The whole picture as SVG."""
    imports = set(module_imports())
    shared = {to for source, to in imports if room_of(source) in INSIDE and is_top_level(to)}
    arrows = room_arrows(imports, shared)
    rooms = {name: Room(name, said_of(name, shared), name in users_of(imports, shared)) for row in ROWS for name in row}
    unplaced = {name for arrow in arrows for name in arrow} - rooms.keys()
    assert not unplaced, f"no place in the picture for {sorted(unplaced)}"
    place(rooms)
    body = [*lines(rooms, arrows), *data_flow(rooms), *(box(room) for room in rooms.values()), *legend(rooms)]
    width = max(room.x + room.width for room in rooms.values()) + MARGIN
    height = rooms["runtime"].bottom + 84
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {FONT}>'
    title = "<title>The rooms of the pack, in the order of the data, and who imports whom</title>"
    return "\n".join((opened, title, '<rect width="100%" height="100%" fill="#ffffff"/>', *body, "</svg>", ""))


def module_imports() -> Iterator[tuple[Path, Path]]:
    """(module, module that it imports), relative to the pack, of all rooms."""
    for top in sorted({name.split("/")[0] for row in ROWS for name in row} - {"shared"}):
        for file in sorted((PACK / top).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level:
                    yield from ((file.relative_to(PACK), to) for to in imported_modules(file, node))


def imported_modules(file: Path, node: ast.ImportFrom) -> Iterator[Path]:
    """Modules that `from ..some.module import names` in `file` means; a package is its `__init__.py`."""
    origin = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
    for alias in node.names:
        for found in (
            origin / f"{alias.name}.py",
            origin / alias.name / "__init__.py",
            origin.with_suffix(".py"),
            origin / "__init__.py",
        ):
            if found.is_file():
                yield found.relative_to(PACK)
                break


def room_of(module: Path) -> str:
    """`indextts/gpt/prompt.py` is in `indextts/gpt`, `accel/cache/pages.py` in `accel`."""
    deep = module.parts[0] == "indextts" and len(module.parts) > 2
    return "/".join(module.parts[: 2 if deep else 1])


def is_top_level(module: Path) -> bool:
    """Whether a module lies beside the pipeline."""
    return room_of(module) == "indextts"


def room_arrows(imports: Iterable[tuple[Path, Path]], shared: set[Path]) -> set[tuple[str, str]]:
    """(room, room that it imports); what leads to the shared types alone is left out."""
    named = {tuple("shared" if module in shared else room_of(module) for module in pair) for pair in imports}
    return {(source, to) for source, to in named if source != to and to != "shared"}


def users_of(imports: Iterable[tuple[Path, Path]], shared: set[Path]) -> set[str]:
    """Rooms that import the shared types."""
    return {room_of(source) for source, to in imports if to in shared and source not in shared}


def said_of(name: str, shared: set[Path]) -> list[str]:
    """What a room says of itself in its docstring, and the names of what lies in it, where it is no stage."""
    folder = PACK / ("indextts" if name == "shared" else name)
    inside = sorted(
        file.stem
        for file in folder.glob("*.py")
        if file.stem != "__init__"
        and (name not in ("indextts", "shared") or (file.relative_to(PACK) in shared) == (name == "shared"))
    )
    if name == "shared":
        return ["What its rooms share:", *inside]
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    folders = sorted(file.parent.name for file in folder.glob("*/__init__.py"))
    first, last = COLUMNS.get(name, (0, 0))
    letters = int((BOX + (last - first) * (BOX + GAP)) / 7)
    named = {"indextts": inside, "runtime": inside, "accel": folders}.get(name, [])
    return [*wrap(docstring.split("\n")[0].split(". ")[0].rstrip("."), letters), *wrap(", ".join(named), letters)]


def place(rooms: dict[str, Room]) -> None:
    """Give every room its rectangle."""
    y = 58.0
    for row in ROWS:
        height = max(LINE * len(rooms[name].says) for name in row) + 38
        for number, name in enumerate(row):
            first, last = COLUMNS.get(name, (number, number))
            room = rooms[name]
            room.x, room.y, room.height = MARGIN + first * (BOX + GAP), y, height
            room.width = BOX + (last - first) * (BOX + GAP)
        y += height + CHANNEL


def lines(rooms: dict[str, Room], arrows: set[tuple[str, str]]) -> Iterator[str]:
    """Every arrow, row by row."""
    rows = {name: number for number, row in enumerate(ROWS) for name in row}
    for source, to in sorted(arrows):
        assert rows[source] < rows[to], f"{source} imports {to}, which does not lie below it"
    alive: list[tuple[str, float]] = []
    for number, row in enumerate(ROWS[:-1]):
        alive += [(name, rooms[name].middle) for name in row]
        ends = {name: {to for source, to in arrows if source == name and rows[to] > number} for name, _ in alive}
        alive = [(name, x) for name, x in alive if ends[name]]
        buses = [route(name, x, ends[name], rows, number + 1, rooms) for name, x in alive]
        spread(buses, rooms)
        yield from channel(buses, rooms[row[0]].bottom, rooms[ROWS[number + 1][0]])
        alive = [(bus.source, x) for bus in buses for x, to in bus.exits if not to]


def route(source: str, entry: float, ends: set[str], rows: dict[str, int], row: int, rooms: dict[str, Room]) -> Bus:
    """Through the channel above `row`: to the rooms there, and to where it can go on to those below it."""
    bus = Bus(source, entry, [(rooms[to].reached_from(entry), to) for to in sorted(ends) if rows[to] == row])
    further = [rooms[to].middle for to in ends if rows[to] > row]
    if further:
        wanted = sum(further) / len(further) if len(further) == 1 else entry
        bus.exits.append((free_place(wanted, entry, [rooms[name] for name in ROWS[row]]), ""))
    return bus


def free_place(wanted: float, entry: float, row: list[Room]) -> float:
    """Where one can pass between the rooms of a row: straight on where nothing is in the way, else the nearest gap."""
    if not any(room.covers(entry) for room in row):
        return entry
    gaps = [(one.x + one.width + other.x) / 2 for one, other in pairwise(row)]
    sides = [row[0].x - GAP / 2, row[-1].x + row[-1].width + GAP / 2]
    return min((*gaps, *(sides if len(row) == 1 else ())), key=lambda x: (abs(x - wanted), x))


def spread(buses: list[Bus], rooms: dict[str, Room]) -> None:
    """Arrows that would end at, or pass through, one place stand side by side."""
    places: dict[tuple[float, str], list[Bus]] = {}
    for bus in buses:
        for end in bus.exits:
            places.setdefault(end, []).append(bus)
    for (x, to), sharing in places.items():
        step = 10.0 if not to else min(26.0, rooms[to].width / (len(sharing) + 1))
        for number, bus in enumerate(sorted(sharing, key=lambda bus: bus.entry)):
            moved = x + (number - (len(sharing) - 1) / 2) * step
            bus.exits = [(moved, to) if end == (x, to) else end for end in bus.exits]


def channel(buses: list[Bus], top: float, below: Room) -> Iterator[str]:
    """The arrows between two rows, each source at a height of its own."""
    bent = [bus for bus in buses if not bus.straight]
    heights = {id(bus): top + (number + 1) * (below.y - top - 8) / (len(bent) + 1) for number, bus in enumerate(bent)}
    for bus in buses:
        color, y = COLORS.get(bus.source, PLAIN), heights.get(id(bus), top)
        for x, to in bus.exits:
            yield line(bus.entry, top, x, y, below.y if to else below.bottom, color, bool(to))


def line(x: float, top: float, to: float, y: float, bottom: float, color: str, ends: bool) -> str:
    """Down, along at the height y, and down; with a head where it ends."""
    if x == to:
        path = f"M{x:g} {top:g}V{bottom:g}"
    else:
        r = min(RADIUS, abs(to - x) / 2)
        side = r if to > x else -r
        path = (
            f"M{x:g} {top:g}V{y - r:g}Q{x:g} {y:g} {x + side:g} {y:g}H{to - side:g}"
            f"Q{to:g} {y:g} {to:g} {y + r:g}V{bottom:g}"
        )
    drawn = f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    head = f'<path d="M{to - 4:g} {bottom - 8:g}L{to:g} {bottom:g}L{to + 4:g} {bottom - 8:g}Z" fill="{color}"/>'
    return drawn + head if ends else drawn


def data_flow(rooms: dict[str, Room]) -> Iterator[str]:
    """What is handed from stage to stage."""
    nodes = rooms["nodes"]
    yield text(nodes.x, 30, "script + voices", LOUD)
    yield text(nodes.x + 128, 30, "go in at the top, and down through the stages from left to right", 'fill="#9a6700"')
    for name, passed in zip(STAGES, PASSED_ON, strict=True):
        room = rooms[name]
        x, y = room.x + room.width, room.y + room.height / 2
        yield (
            f'<path d="M{x + 3:g} {y - 5:g}H{x + GAP - 15:g}V{y - 10:g}L{x + GAP - 3:g} {y:g}'
            f'L{x + GAP - 15:g} {y + 10:g}V{y + 5:g}H{x + 3:g}Z" {DATA}/>'
        )
        for number, word in enumerate(reversed(passed.split("\n"))):
            yield text(x + GAP / 2, y - 15 - 13 * number, word, f'text-anchor="middle" {HALO}')
    last = rooms[STAGES[-1]]
    yield text(last.x + last.width + GAP + 4, last.y + last.height / 2 + 5, "AUDIO", LOUD)


def box(room: Room) -> str:
    """A room: its name, what it says of itself, and a dot where it speaks of lines and voices."""
    stage = room.name in STAGES
    color = COLORS.get(room.name, PLAIN)
    shown = {"indextts": "indextts/ (the pipeline)", "shared": "indextts/ (shared)"}.get(room.name, f"{room.name}/")
    parts = [
        f'<rect x="{room.x:g}" y="{room.y:g}" width="{room.width:g}" height="{room.height:g}" rx="7" '
        f'fill="{"#fff8e6" if stage else "#f7f8fa"}" stroke="{color}" stroke-width="1.6"/>',
        text(room.x + 10, room.y + 20, shown, f'font-size="12.5" font-weight="bold" fill="{color}"'),
        *(text(room.x + 10, room.y + 38 + LINE * n, said, TOLD) for n, said in enumerate(room.says)),
    ]
    if room.uses_shared:
        parts.append(
            f'<circle cx="{room.x + room.width - 12:g}" cy="{room.bottom - 12:g}" r="4.5" fill="{COLORS["shared"]}"/>'
        )
    return "\n".join(parts)


def legend(rooms: dict[str, Room]) -> Iterator[str]:
    x, y = MARGIN, rooms["runtime"].bottom + 34
    yield line(x + 14, y - 12, x + 14, y, y + 4, PLAIN, True)
    yield text(x + 38, y, "imports, in the color of the one that imports; all lead down, none to a neighbor", TOLD)
    yield f'<circle cx="{x + 14:g}" cy="{y + 18:g}" r="4.5" fill="{COLORS["shared"]}"/>'
    yield text(x + 38, y + 22, "imports the shared types of indextts/", TOLD)
    yield f'<path d="M{x + 330:g} {y + 13:g}h18v-5l10 10l-10 10v-5h-18Z" {DATA}/>'
    yield text(x + 368, y + 22, "the way of the data; the pipeline calls the stages, for none knows another", TOLD)


def text(x: float, y: float, content: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(content)}</text>'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
