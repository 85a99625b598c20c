import pytest
from helpers.bpe import train_bpe
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import CheckpointError, TextError
from indextts2_multitalk.indextts.text import frontend as frontend_module
from indextts2_multitalk.indextts.text.frontend import TextFrontend
from indextts2_multitalk.indextts.text.pieces import MAX_PIECE
from indextts2_multitalk.indextts.text.tokenizer import TextTokenizer


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    return train_bpe(tmp_path_factory.mktemp("bpe"))


@pytest.fixture(scope="module")
def frontend(model_file):
    return TextFrontend(model_file)


def test_segments_hold_every_token(frontend):
    text = "Hello, how are you today? I'm doing great. " * 30 + "今天天气怎么样？我很好。"
    prepared = frontend.prepare_text(text)
    whole = frontend.encoder.tokenizer.encode(prepared.normalized)
    assert sum(prepared.segments, ()) == whole.ids
    assert len(prepared.segments) > 1
    assert all(0 < len(segment) <= 120 for segment in prepared.segments)


def test_unknown_characters_are_reported_and_keep_their_place(frontend):
    prepared = frontend.prepare_text("你好囧囧 ★ hello")
    assert prepared.unknown == ("囧", "★")
    assert 2 in prepared.segments[0]
    assert frontend.prepare_text("你好 hello").unknown == ()


@pytest.mark.parametrize("text", ["", "  \n", "!", "…", "★☆", "“”（）", "\u200b"])
def test_symbols_alone_are_a_pause(frontend, text):
    assert frontend.prepare_text(text).segments == ()


def test_a_script_outside_the_vocabulary_cannot_be_spoken(frontend):
    with pytest.raises(TextError, match="speaks Chinese and English"):
        frontend.prepare_text("привет")


def test_u_umlaut_is_spelled_as_the_vocabulary_spells_it(frontend):
    assert "".join(frontend.encoder.tokenizer.encode("lü4 NÜE3 lü").pieces) == "▁LV4▁NVE3▁LÜ"


def test_missing_and_damaged_models_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="not found"):
        TextTokenizer(tmp_path / "bpe.model")
    (tmp_path / "bpe.model").write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(CheckpointError, match="15 bytes that are no SentencePiece model"):
        TextTokenizer(tmp_path / "bpe.model")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_spoken_or_refused(frontend, text):
    try:
        prepared = frontend.prepare_text(text, max_tokens=7)
    except TextError:
        return
    ids = frontend.encoder.tokenizer.encode(prepared.normalized).ids
    assert sum(prepared.segments, ()) == (ids if any(map(str.isalnum, prepared.normalized)) else ())


LONG = {
    "words": "the train at ten takes 3 hours and people wait ",
    "sentences": "The train at 10:45 takes 3 hours, and 25 people wait. ",
    "chinese": "今天有25个人在等火车他们等了3个小时",
    "one word": "a",
    "digits": "7",
    "quotes": "' ",
}


@pytest.mark.parametrize("unit", LONG.values(), ids=LONG)
def test_a_long_text_is_read_in_short_pieces_and_can_be_stopped(model_file, unit, monkeypatch):
    """Work is counted: what the grammars are asked about grows as the text does, piece by piece."""
    text = unit * (40_000 // len(unit.encode()))
    frontend = TextFrontend(model_file)
    asked, calls = [], 0
    grammar = frontend.normalizer._chinese
    monkeypatch.setattr(grammar, "_verbalize_exactly", lambda part: asked.append(len(part)) or part)

    def count_pieces():
        nonlocal calls
        calls += 1

    language = "zh" if unit == LONG["chinese"] else "en"
    frontend.prepare_text("X " + text, language, between_pieces=count_pieces)
    assert calls >= len(text) / MAX_PIECE
    assert max(asked, default=0) <= MAX_PIECE
    assert sum(asked) <= 2 * len(text)

    class Stop(BaseException):
        pass

    def stop():
        raise Stop

    with pytest.raises(Stop):
        frontend.prepare_text("Y " + text, language, between_pieces=stop)
    assert frontend.prepare_text("X " + text, language, between_pieces=stop).segments  # it is known already


def test_the_cache_of_texts_is_bounded(model_file, monkeypatch):
    monkeypatch.setattr(frontend_module, "CACHED_CHARACTERS", 33)
    frontend = TextFrontend(model_file)
    read = []
    prepare = frontend._prepare_text
    monkeypatch.setattr(frontend, "_prepare_text", lambda text, *rest: read.append(text) or prepare(text, *rest))
    for text in ("how are you today", "hello", "how are you today", "hello again you", "how are you today", "hello"):
        frontend.prepare_text(text)
    assert read == ["how are you today", "hello", "hello again you", "hello"]
    assert frontend._cached_characters == sum(len(text) for text, *_ in frontend._prepared) <= 33
    frontend.forget_texts()
    frontend.prepare_text("hello")
    assert read[4:] == ["hello"]
    assert frontend._cached_characters == len("hello")
