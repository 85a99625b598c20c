"""The README's table of flow solvers, from the newest results of `benchmarks/flow_quality.py`."""

import re
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

SOLVERS = ("reference", "auto", "draft")
HEADERS = (
    "| `flow_solver`, 50 sentences by two speakers | steps | words misheard by pocketsphinx | CAMPPlus cosine with the "
    "speaker | log-spectral distance from the converged solution |",
    "| `flow_solver`，50 句、两位说话人 | 步数 | pocketsphinx 听错的词 | 与说话人的 CAMPPlus 余弦 | "
    "与收敛解的对数谱距离 |",
)
FIGURES = (("word-error-rate", "{:.1f} %"), ("speaker-similarity", "{:.3f}"), ("log-spectral-distance", "{:.2f} dB"))


def quality_table(rows: Sequence[Row], language: int) -> str:
    """Empty where nothing was measured yet."""
    newest = {row["case"]: row for row in rows if row["benchmark"] == "flow_quality"}
    lines = [HEADERS[language], "|---|---|---|---|---|"]
    for solver in SOLVERS:
        found = [newest.get(f"{solver}-{name}") for name, _ in FIGURES]
        if any(row is None for row in found):
            return ""
        shown = [form.format(row["value"]) for row, (_, form) in zip(found, FIGURES, strict=True) if row]
        steps = re.search(r"\d+ steps?, [^:]+", found[0]["schedule"]) if found[0] else None
        lines.append(f"| `{solver}` | {steps.group() if steps else '–'} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"
