"""The README's table of the demonstration voice, from what `training/evaluate.py` measured of it.

A new voice: copy its `evaluation.json` to `benchmarks/results/demo_voice.json` and run `python benchmarks/tables.py`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results" / "demo_voice.json"

HEADERS = (
    "| 50 sentences and 10 speakers never trained on | demonstration voice | flite itself | aimed at |",
    "| 50 个句子、10 位说话人，训练中都没有出现 | 演示声音 | flite 本身 | 目标 |",
)
ROWS: tuple[tuple[tuple[str, str], tuple[str, ...], tuple[str, ...], str, str], ...] = (
    (
        ("words misheard by pocketsphinx", "pocketsphinx 听错的词"),
        ("voice", "word_error_rate"),
        ("flite", "word_error_rate"),
        "{:.1%}",
        "≤ 12 %",
    ),
    (
        ("the same, `use_accel` off", "同上，关闭 `use_accel`"),
        ("plain_loop", "word_error_rate"),
        (),
        "{:.1%}",
        "± 1 %",
    ),
    (
        ("sentences with the right number of words, ± 1", "词数正确的句子（± 1）"),
        ("voice", "right_counts"),
        ("flite", "right_counts"),
        "{}",
        "≥ 47",
    ),
    (
        ("CAMPPlus cosine, right less wrong reference", "CAMPPlus 余弦：正确参考减错误参考"),
        ("cloning", "margin"),
        (),
        "{:.2f}",
        "≥ 0.2",
    ),
    (
        ("right reference nearest of four", "四选一时正确参考最近"),
        ("cloning", "four_way"),
        (),
        "{:.0%}",
        "≥ 90 %",
    ),
    (
        ("correlation of pitch with the reference's", "音高与参考音高的相关"),
        ("cloning", "pitch_correlation"),
        (),
        "{:.2f}",
        "≥ 0.9",
    ),
    (
        ("real-time factor, CPU, 2 threads", "实时率，CPU，2 线程"),
        ("real_time_factor",),
        (),
        "{:.2f}",
        "≤ 0.5",
    ),
)
"""Names, where the figures stand in the file, how they are shown, and the bar."""


def voice_table(language: int) -> str:
    """Empty where nothing was measured yet."""
    if not FILE.is_file():
        return ""
    figures = json.loads(FILE.read_text(encoding="utf-8"))
    lines = [HEADERS[language], "|---|---|---|---|"]
    for names, ours, theirs, form, bar in ROWS:
        lines.append(f"| {names[language]} | {_shown(figures, ours, form)} | {_shown(figures, theirs, form)} | {bar} |")
    return "\n".join(lines) + "\n"


def _shown(figures: Any, path: Sequence[str], form: str) -> str:
    for key in path:
        figures = figures.get(key) if isinstance(figures, dict) else None
    return "–" if figures is None or not path else form.format(figures)
