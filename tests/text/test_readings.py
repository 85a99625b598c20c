"""Tables of written text and how it is read, by kind of fault: what users reported, widened."""

from pathlib import Path

import pytest
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer

TABLE = Path(__file__).with_name("readings_zh.txt")


def read_table() -> list[tuple[str, str, list[str]]]:
    """`kind, written, readings`; a row is `written|reading|another reading`, a row with # begins a kind."""
    rows, kind = [], ""
    for row in TABLE.read_text(encoding="utf-8").splitlines():
        if row.startswith("# "):
            kind = row[2:]
        elif row:
            written, *readings = row.split("|")
            rows.append((kind, written, readings))
    return rows


@pytest.fixture(scope="module")
def normalizer() -> TextNormalizer:
    return TextNormalizer()


def without_spaces(text: str) -> str:
    return "".join(text.split()).lower()


@pytest.mark.parametrize(("kind", "written", "readings"), read_table())
def test_text_of_a_kind_is_read_rightly(normalizer, kind, written, readings):
    spoken = normalizer.normalize(written, "zh")
    assert without_spaces(spoken) in map(without_spaces, readings), f"{kind}: {spoken}"
