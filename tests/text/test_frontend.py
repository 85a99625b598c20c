import pytest
from helpers.bpe import train_bpe
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.errors import CheckpointError, TextError
from indextts2_multitalk.indextts.text.frontend import TextFrontend
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
    whole = frontend.tokenizer.encode(prepared.normalized)
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
    assert "".join(frontend.tokenizer.encode("lü4 NÜE3 lü").pieces) == "▁LV4▁NVE3▁LÜ"


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
    ids = frontend.tokenizer.encode(prepared.normalized).ids
    assert sum(prepared.segments, ()) == (ids if any(map(str.isalnum, prepared.normalized)) else ())
