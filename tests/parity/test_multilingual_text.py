"""Text of IndexTTS-2.5, from a script's words to token ids, against text-2.5.json.

An entry's `right` says what this pack does where the reference reads, cuts or encodes the text wrongly.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.multilingual import VOCABULARY, read_ids, write_segments
from indextts2_multitalk.indextts.errors import TextError
from indextts2_multitalk.indextts.text.annotations import show_annotations
from indextts2_multitalk.indextts.text.frontend import TextFrontend
from indextts2_multitalk.indextts.text.language_table import SPECIAL_TOKENS, find_language_row

COMMITTED = Path(__file__).parents[1] / "goldens" / "text-2.5.json"
FOLDER = Path(os.environ.get("INDEXTTS_GOLDENS", COMMITTED.parent))
RELEASED = [*FOLDER.glob("multilingual*.tiktoken"), *FOLDER.parent.glob("multilingual*.tiktoken")]
VOCABULARIES = {"small_": VOCABULARY} | ({"": RELEASED[0]} if RELEASED else {})
SPOKEN = {"zh": "zh", "en": "en", "ja": "ja", "es": "es", "ar": "ar", "zhen": "zh-en"}


def golden_entries() -> list[dict[str, Any]]:
    """The committed entries, and those beside or in the folder under test; entries of other versions have no `ids`."""
    files = {path.resolve() for path in (FOLDER / "text.json", FOLDER.parent / "text.json", COMMITTED) if path.exists()}
    entries = [entry for path in sorted(files) for entry in json.loads(path.read_text(encoding="utf-8"))]
    ours = [entry for entry in entries if "ids" in entry]
    ours.sort(key=lambda entry: "right" in entry)
    return list({(entry["lang"], entry["text"], entry.get("normalize")): entry for entry in ours}.values())


ENTRIES = golden_entries()


@pytest.fixture(scope="module", params=VOCABULARIES, ids=lambda prefix: prefix or "released")
def vocabulary(request):
    """Prefix of the keys that hold its ids, and the front end that reads it."""
    return request.param, TextFrontend(VOCABULARIES[request.param])


def test_the_table_is_whole():
    assert len(SPECIAL_TOKENS) == len(set(SPECIAL_TOKENS)) == 60509 - 58836
    assert [find_language_row(name) for name in ("en", "zh", "es", "ja", "ar", "common")] == [0, 1, 3, 7, 13, 105]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['lang']}-{entry['text'][:30]}")
def test_segments_become_the_ids_of_the_reference(vocabulary, entry):
    if "<|HAPPY|>" in entry["text"]:
        pytest.skip("the reference takes a control token from the user's text")
    if entry["lang"] == "ja" and "SPECIAL" in entry["spoken"]:
        pytest.skip("the reference's words tear the markers apart")
    prefix, frontend = vocabulary
    tokenizer = frontend.encoder.tokenizer
    segments = entry.get(f"{prefix}segments", entry["segments"])
    assert write_segments(tokenizer, segments) == read_ids(entry[f"{prefix}ids"])
    assert find_language_row(entry["lang"].lower()) == entry["language_row"]


@pytest.mark.parametrize(
    "entry",
    [entry for entry in ENTRIES if entry.get("normalize", True)],
    ids=lambda entry: f"{entry['lang']}-{entry['text'][:30]}",
)
def test_text_is_read_and_cut_as_it_should_be(vocabulary, entry):
    prefix, frontend = vocabulary
    language = SPOKEN.get(entry["lang"].lower())
    if language not in (*frontend.encoder.languages, "zh-en"):
        with pytest.raises(TextError, match="got the language"):
            frontend.prepare_text(entry["text"], language or entry["lang"])
        return
    right = entry.get("right", {})
    normalized = show_annotations(frontend.normalizer.normalize(entry["text"], language))
    assert normalized == right.get("normalized", entry["normalized"] or entry["text"])
    prepared = frontend.prepare_text(entry["text"], language, entry.get("max_tokens", 120))
    segments = right.get(f"{prefix}segments", right.get("segments"))
    tokenizer = frontend.encoder.tokenizer
    expected = write_segments(tokenizer, segments) if segments else read_ids(entry[f"{prefix}ids"])
    assert [list(segment) for segment in prepared.segments] == expected
    assert prepared.language_row == entry["language_row"]
