"""Write the README's tables from the result files: `python benchmarks/tables.py` (`--check` only compares).

A table stands between `<!-- NAME -->` and `<!-- /NAME -->`. It shows what was measured last for a case, on an H200
if it ever was; toggles are compared within one run.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from memory_table import memory_table
from quality_table import quality_table
from voice_table import voice_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
READMES = ("README.md", "README_zh.md")

Row = dict[str, Any]

STAGES = {
    "1-line": ("GPT, one line, one beam, per code", "GPT，单行、单束，每码"),
    "1-line-3-beams": ("GPT, one line, 3 beams, per code", "GPT，单行、3 束，每码"),
    "16-lines": ("GPT, 16 lines together, per code and line", "GPT，16 行同时，每码每行"),
    "64-lines": ("GPT, 64 lines together, per code and line", "GPT，64 行同时，每码每行"),
    "16-lines-3-beams": ("GPT, 16 lines of 3 beams, per code and line", "GPT，16 行、各 3 束，每码每行"),
    "64-lines-3-beams": ("GPT, 64 lines of 3 beams, per code and line", "GPT，64 行、各 3 束，每码每行"),
    "first-code": ("first code after the request", "请求到第一个码"),
    "flow": ("flow", "流匹配"),
    "flow-16-lines": ("flow of 16 lines, 8 at a time", "16 行的流匹配，每批 8 行"),
    "vocoder": ("vocoder", "声码器"),
    "conditioning": ("a voice not heard before", "新的参考音色"),
    "whole-line": ("a whole line of 10 s, one beam", "整行 10 秒，单束"),
    "whole-line-3-beams": ("a whole line of 10 s, 3 beams", "整行 10 秒，3 束"),
    "dialogue-16": ("a dialogue of 16 lines, 160 s, one beam", "16 行对话，160 秒，单束"),
    "dialogue-16-3-beams": ("a dialogue of 16 lines, 160 s, 3 beams", "16 行对话，160 秒，3 束"),
    "dialogue-16-mixed": ("16 lines of 2 to 15 s, 3 beams", "16 行，每行 2 至 15 秒，3 束"),
    "text-16": ("text of 16 new lines", "16 行新文本的前端处理"),
    "load": ("loading the models", "加载模型"),
    "first-line": ("first line of a new process", "新进程的第一行"),
    "first-line-fresh": ("first line after installing", "安装后的第一行"),
    "peak-memory-1-line": ("peak memory, one line", "峰值显存，单行"),
    "peak-memory-16-lines": ("peak memory, 16 lines", "峰值显存，16 行"),
    "reserved-16-lines": ("reserved memory, 16 lines", "保留显存，16 行"),
    "peak-memory-low": ("peak memory, low-memory mode", "峰值显存，低显存模式"),
}
ON_A_CPU = {
    ("cpu-whole-line", "GPT acceleration"): ("one beam", "单束"),
    ("cpu-whole-line", "no acceleration"): ("one beam, `use_accel` off", "单束，关闭 `use_accel`"),
    ("cpu-whole-line-3-beams", "GPT acceleration"): ("3 beams", "3 束"),
    ("cpu-whole-line-3-beams", "no acceleration"): ("3 beams, `use_accel` off", "3 束，关闭 `use_accel`"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a table is not what the results say")
    check = parser.parse_args().check
    rows = read_results()
    stale = False
    for language, name in enumerate(READMES):
        file = ROOT / name
        old = file.read_text(encoding="utf-8")
        tables = {
            "speed": speed_table,
            "toggles": toggle_table,
            "memory": memory_table,
            "cpu": cpu_table,
            "flow": quality_table,
        }
        new = with_tables(
            old, {table: make(rows, language) for table, make in tables.items()} | {"voice": voice_table(language)}
        )
        stale = stale or new != old
        if not check:
            file.write_text(new, encoding="utf-8")
    return int(check and stale)


def read_results() -> list[Row]:
    """All results, oldest file first."""
    files = sorted(RESULTS.glob("*.jsonl"), key=lambda file: (file.stem.partition("-")[2], file.stem))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]


def with_tables(text: str, tables: dict[str, str]) -> str:
    """Raises `ValueError` where a table has no place."""
    for name, table in tables.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        if not end:
            raise ValueError(f"no <!-- {name} --> … <!-- /{name} --> to write the table between")
        text = before + start + table + end + after
    return text


def last(rows: list[Row], case: str, reference: bool) -> Row | None:
    """The newest result of a case on an H200, or on another GPU."""
    found = [
        row
        for row in rows
        if row["case"] == case and (row["benchmark"] == "reference") == reference and "CPU" not in row["device"]
    ]
    found.sort(key=lambda row: "H200" in row["device"])
    return found[-1] if found else None


def speed_table(rows: list[Row], language: int) -> str:
    header = (
        "| on one NVIDIA H200, where nothing else is said | ours | reference | |",
        "| 单张 NVIDIA H200（另有注明者除外） | 本项目 | 参考实现 | |",
    )[language]
    lines = [header, "|---|---|---|---|"]
    for case, names in STAGES.items():
        ours, theirs = last(rows, case, reference=False), last(rows, case, reference=True)
        if ours is not None:
            ratio = f"{theirs['value'] / ours['value']:.1f} ×" if theirs else ""
            name = names[language] + steps_of(ours, language) + card(ours)
            lines.append(f"| {name} | {shown(ours)} | {shown(theirs) if theirs else '–'} | {ratio} |")
    return "\n".join(lines) + "\n"


def toggle_table(rows: list[Row], language: int) -> str:
    """Of the newest run that had every toggle off as well."""
    names = {
        "plain-whole-line": ("no acceleration", "不加速"),
        "gpt-only-whole-line": ("`use_accel`", "`use_accel`"),
        "whole-line": ("all on", "全部打开"),
    }
    lines_of_10_s = [row for row in rows if row["case"] in names and row["benchmark"] == "end_to_end"]
    base = [row for row in lines_of_10_s if row["case"] == "plain-whole-line"][-1]
    run = {row["case"]: row for row in lines_of_10_s if same_run(row, base)}
    name = chip(base)
    header = (
        f"| a line of 10 s, one beam, {name} | time | RTF | against none |",
        f"| 整行 10 秒，单束，{name} | 用时 | RTF | 相对不加速 |",
    )[language]
    lines = [header, "|---|---|---|---|"]
    for case, words in names.items():
        row = run[case]
        speed = f"{100 * base['value'] / row['value']:.0f} %"
        lines.append(f"| {words[language]} | {shown(row)} | {row['rtf']:.4f} | {speed} |")
    return "\n".join(lines) + "\n"


def same_run(row: Row, other: Row) -> bool:
    return all(row[key] == other[key] for key in ("device", "commit", "date"))


def cpu_table(rows: list[Row], language: int) -> str:
    """Processor time, all threads together: other programs ran beside, so that the clock says less."""
    header = (
        "| a line of 3 s on a CPU, float32 | ours | reference | |",
        "| CPU 上整行 3 秒，float32 | 本项目 | 参考实现 | |",
    )[language]
    lines = [header, "|---|---|---|---|"]
    for (case, toggles), names in ON_A_CPU.items():
        ours, theirs = on_a_cpu(rows, case, toggles)
        if ours and theirs:
            mine, other = ours["process_s"], theirs["process_s"]
            lines.append(f"| {names[language]} | {mine:.0f} s | {other:.0f} s | {other / mine:.1f} × |")
    ours, theirs = on_a_cpu(rows, "cpu-whole-line-3-beams", "GPT acceleration")
    if ours and theirs:
        name = ("peak memory, pages of mapped files included", "峰值内存，含映射文件的页")[language]
        memory = " | ".join(f"{row['peak_memory_gib']:.1f} GiB" for row in (ours, theirs))
        lines.append(f"| {name} | {memory} | |")
    return "\n".join(lines) + "\n"


def on_a_cpu(rows: list[Row], case: str, toggles: str) -> tuple[Row | None, Row | None]:
    """The newest result of a case, ours under `toggles` and the reference's."""
    found = [row for row in rows if row["case"] == case and "CPU" in row["device"]]
    ours = [row for row in found if row.get("toggles") == toggles]
    theirs = [row for row in found if row["benchmark"] == "reference"]
    return (ours or [None])[-1], (theirs or [None])[-1]


def steps_of(row: Row, language: int) -> str:
    """How a flow that is measured alone was solved; what does not say so is from when it always was 25 steps."""
    if row["case"] not in ("flow", "flow-16-lines"):
        return ""
    steps = row.get("schedule", "flow: 25 steps, Euler").removeprefix("flow: ").partition(":")[0]
    return (", ", "，")[language] + steps


def card(row: Row) -> str:
    """Which GPU a figure is from, where it is not the table's; the reference's stay those of the table's."""
    return "" if "H200" in row["device"] else f" ({chip(row)})"


def chip(row: Row) -> str:
    return row["device"].removeprefix("NVIDIA ").split()[0]


def shown(row: Row) -> str:
    unit = row["unit"].partition("/")[0]
    return f"{row['value']:.3g} {unit}"


if __name__ == "__main__":
    sys.exit(main())
