"""The README's table of what runs in how much memory, from the results of fits.py."""

from typing import Any

Row = dict[str, Any]

CARDS = {
    "fits-unlimited": ("no limit", "不限"),
    "fits-8-gib": ("8 GiB", "8 GiB"),
    "fits-6-gib": ("6 GiB", "6 GiB"),
    "fits-4-gib": ("4 GiB", "4 GiB"),
    "fits-3-gib-low": ("3 GiB, `low_memory`", "3 GiB，`low_memory`"),
}
CASES = {
    "1-line": ("a line of 10 s", "一行 10 秒"),
    "16-lines-3-beams": ("16 lines, 3 beams", "16 行，3 束"),
    "64-lines-3-beams": ("64 lines, 3 beams", "64 行，3 束"),
    "30-s": ("a line of 30 s", "一行 30 秒"),
}
ABOUT = (
    "What runs in how much free memory, in half precision, lines of 10 s, kernels compiled before. All that the "
    "process takes counts, weights too; the codes are those that are said without a limit.",
    "在多少空闲显存中能运行什么：半精度，每行 10 秒，内核已编译。进程占用的一切都计入，包括权重；"
    "说出的码与不限显存时相同。",
)
CORNER = ("free memory", "空闲显存")
MOST = ("reserved at most", "最多保留")


def memory_table(rows: list[Row], language: int) -> str:
    """Nothing as long as nothing is measured. A case that failed is a cross."""
    newest = {row["case"]: row for row in rows if row["benchmark"] == "fits" and "CPU" not in row["device"]}
    if not newest:
        return ""
    header = [CORNER[language], *(names[language] for names in CASES.values()), MOST[language]]
    lines = [_join_cells(header), "|" + "---|" * len(header)]
    for card, names in CARDS.items():
        found = [newest.get(f"{card}-{case}") for case in CASES]
        peaks = [row["peak_reserved_gib"] for row in found if row is not None]
        if peaks:
            lines.append(_join_cells([names[language], *map(_show_cell, found), f"{max(peaks):.1f} GiB"]))
    return ABOUT[language] + "\n\n" + "\n".join(lines) + "\n"


def _show_cell(row: Row | None) -> str:
    if row is None:
        return "–"
    return f"{row['value']:.3g} s" if row["value"] else "✗"


def _join_cells(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
