"""The tables of readings beside the tests of text."""

from pathlib import Path

TABLES = {language: Path(__file__).parents[1] / "text" / f"readings_{language}.txt" for language in ("zh", "en")}


def read_table(language: str) -> list[tuple[str, str, str, list[str]]]:
    """`language, kind, written, readings`; a row is `written|reading|another reading`, a row with # begins a kind."""
    rows, kind = [], ""
    for row in TABLES[language].read_text(encoding="utf-8").splitlines():
        if row.startswith("# "):
            kind = row[2:]
        elif row:
            written, *readings = row.split("|")
            rows.append((language, kind, written, readings))
    return rows
