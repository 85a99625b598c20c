"""Raw text → normalized text → the string SentencePiece gets, against text.json.

Where an entry has `right`, the reference reads the text wrongly and this pack as a native does.
"""

import json
import os
from pathlib import Path

import pytest
from indextts2_multitalk.indextts.text.normalizer import TextNormalizer
from indextts2_multitalk.indextts.text.tokenizer import pretokenize

COMMITTED = Path(__file__).parents[1] / "goldens" / "text.json"


def golden_entries() -> list[dict[str, str]]:
    """The committed entries, and those beside or in the folder under test."""
    folder = Path(os.environ.get("INDEXTTS_GOLDENS", COMMITTED.parent))
    files = {path.resolve() for path in (COMMITTED, folder / "text.json", folder.parent / "text.json") if path.exists()}
    entries = [entry for path in sorted(files) for entry in json.loads(path.read_text(encoding="utf-8"))]
    return list({entry["text"]: entry for entry in entries if "pretokenized" in entry}.values())


@pytest.fixture(scope="module")
def normalizer() -> TextNormalizer:
    return TextNormalizer()


@pytest.mark.parametrize("entry", golden_entries(), ids=lambda entry: entry["text"])
def test_text_is_read_as_the_reference_reads_it(normalizer, entry):
    normalized = normalizer.normalize(entry["text"])
    assert normalized == entry.get("right", entry["normalized"])
    assert pretokenize(entry["normalized"]) == entry["pretokenized"]
