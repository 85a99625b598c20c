"""The report of a training: each stage's time, loss curve and final figure, and what the evaluation came to.

python -m training.report --work output/training --evaluation output/evaluation/evaluation.json --out output/report
"""

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from .plan import LANES

Rows = list[dict[str, float]]

CURVES = {
    "semantic": ("phone", "pitch"),
    "codec": ("phone", "neighbours"),
    "gpt": ("code", "pointer", "pitch"),
    "flow": ("velocity",),
    "style": ("loss", "accuracy"),
    "vocoder": ("mel", "adversarial"),
}
"""What each stage's plot shows."""
COLOURS = ("#1f6fb4", "#d1495b", "#3c8d5a")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 260, 56, 34, 26

BARS = (
    ("word error rate", ("voice", "word_error_rate"), "at most", 0.12),
    ("word error rate of flite itself", ("flite", "word_error_rate"), "", None),
    ("lines with the right number of words", ("voice", "right_counts"), "at least", 47),
    ("cosine, right less wrong reference", ("cloning", "margin"), "at least", 0.2),
    ("right reference nearest of four", ("cloning", "four_way"), "at least", 0.9),
    ("correlation of pitch with the reference's", ("cloning", "pitch_correlation"), "at least", 0.9),
    ("real-time factor", ("real_time_factor",), "at most", 0.5),
)


def write_report(work: Path, out: Path, evaluation: dict[str, Any] | None) -> Path:
    """`report.md` and one plot a stage."""
    out.mkdir(parents=True, exist_ok=True)
    lines = ["# How the demonstration voice was trained", ""]
    lines += ["| stage | updates | seconds | final figures |", "|---|---|---|---|"]
    stages = [name for lane in LANES for name in lane if (work / f"{name}.pt").is_file()]
    lines += [_stage_row(work, name) for name in stages]
    for name in stages:
        (out / f"{name}.svg").write_text(plot(name, smoothed(read_log(work, name)), CURVES[name]), encoding="utf-8")
        lines += ["", f"![{name}]({name}.svg)"]
    if evaluation is not None:
        lines += ["", "## What it came to", "", *_evaluation_rows(evaluation)]
    file = out / "report.md"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def read_log(work: Path, stage: str) -> Rows:
    """The stage's log, one dict a line."""
    file = work / f"{stage}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def smoothed(rows: Rows, points: int = 120) -> Rows:
    """At most `points` rows, each the mean of its neighbours."""
    size = max(1, math.ceil(len(rows) / points))
    groups = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        {name: sum(row[name] for row in group) / len(group) for name in group[0] if all(name in row for row in group)}
        for group in groups
    ]


def plot(title: str, rows: Rows, names: Sequence[str]) -> str:
    """An SVG of some columns over the step, each curve on its own scale from 0 to its largest value."""
    steps = [row["step"] for row in rows] or [1.0]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - 10}" fill="none" stroke="#888"/>',
        f'<text x="{LEFT}" y="16" font-weight="bold">{title}</text>',
        f'<text x="{WIDTH - 12}" y="{HEIGHT - 12}" text-anchor="end">{steps[-1]:.0f} updates</text>',
    ]
    for place, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        points = [(row["step"], row[name]) for row in rows if name in row and math.isfinite(row[name])]
        parts += _curve(points, max(steps), colour, f"{name}", place)
    return "\n".join([*parts, "</svg>"])


def _curve(points: Sequence[tuple[float, float]], last: float, colour: str, name: str, place: int) -> list[str]:
    if not points:
        return []
    top = max(value for _, value in points) or 1.0
    x = [LEFT + (WIDTH - LEFT - 10) * step / last for step, _ in points]
    y = [HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * max(0.0, value) / top for _, value in points]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    label = f"{name}: {points[0][1]:.3g} to {points[-1][1]:.3g}"
    return [
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>',
        f'<text x="{LEFT + 90 + 185 * place}" y="16" fill="{colour}">{label}</text>',
    ]


def _stage_row(work: Path, name: str) -> str:
    progress = torch.load(work / f"{name}.pt", map_location="cpu", weights_only=True, mmap=True)["progress"]
    figures = {key: value for key, value in progress["figures"].items() if key not in ("steps", "seconds")}
    shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items()) or "not done"
    return f"| {name} | {progress['steps']} | {progress['seconds']:.0f} | {shown} |"


def _evaluation_rows(evaluation: dict[str, Any]) -> list[str]:
    rows = ["| | measured | must be |", "|---|---|---|"]
    for label, path, word, bar in BARS:
        value: Any = evaluation
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        shown = "not measured" if value is None else f"{value:.3g}"
        rows.append(f"| {label} | {shown} | {f'{word} {bar:g}' if bar is not None else ''} |")
    emotions = evaluation.get("emotions") or {}
    if emotions:
        rows += ["", "| emotion | semitones | pitch span | length | decibels |", "|---|---|---|---|---|"]
        rows += [
            f"| {name} | {c['semitones']:+.1f} | ×{c['span']:.2f} | ×{c['length']:.2f} | {c['decibels']:+.1f} |"
            for name, c in emotions.items()
        ]
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, help="evaluation.json")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    evaluation = json.loads(options.evaluation.read_text(encoding="utf-8")) if options.evaluation else None
    write_report(options.work, options.out, evaluation)


if __name__ == "__main__":
    main()
