"""Which recognizer hears a language, and what is said where none does."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from indextts2_multitalk.indextts.options import SpeakOptions
from indextts2_multitalk.indextts.records import Line, Take
from indextts2_multitalk.indextts.verify.loop import prepare_recognizers, tell_language
from indextts2_multitalk.indextts.verify.recognizer import VerifyError, load_recognizers
from indextts2_multitalk.indextts.verify.sphinx import PocketSphinx
from indextts2_multitalk.indextts.verify.whisper import FasterWhisper


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)


@pytest.fixture
def whisper(monkeypatch):
    """faster-whisper that hears the same whatever is said; its calls are kept."""
    calls = []

    class WhisperModel:
        def __init__(self, name, compute_type):
            calls.append(name)

        def transcribe(self, samples, language, **options):
            calls.append((samples.dtype, language))
            return [SimpleNamespace(text=" It takes"), SimpleNamespace(text=" 20 minutes.")], None

    module = ModuleType("faster_whisper")
    module.WhisperModel = WhisperModel
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return calls


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello you there.", "hears English here.*pip install pocketsphinx"),
        ("你好", "Chinese.*faster-whisper"),
        ("¿Qué hora es?", "Spanish.*faster-whisper"),
        ("مرحبا", "Arabic.*faster-whisper"),
        ("こんにちは", "Japanese here .none is known"),
    ],
)
@pytest.mark.usefixtures("nothing_installed")
def test_an_absent_recognizer_is_an_error_with_its_remedy(text, words):
    lines = [Line(0, "Ann", text)]
    with pytest.raises(VerifyError, match=f"{words}.*or turn verify off"):
        prepare_recognizers(lines, SpeakOptions(verify=True))
    assert prepare_recognizers(lines, SpeakOptions()) == {}


def test_one_that_hears_both_languages_is_loaded_once(whisper, monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    recognizers = load_recognizers(["en", "zh", "en"])
    assert recognizers["en"] is recognizers["zh"]
    assert whisper == ["small"]


def test_faster_whisper_writes_numbers_as_they_are_spoken(whisper, monkeypatch):
    monkeypatch.setenv("INDEXTTS2_WHISPER", "tiny")
    recognizer = FasterWhisper()
    recognizer.load()
    heard = recognizer.transcribe(np.zeros(16000, dtype=np.float32), "It takes twenty minutes.", "en")
    assert heard == "It takes twenty minutes."
    assert whisper == ["tiny", (np.float32, "en")]
    assert recognizer.pronounce("two") == ("t", "w", "o")


@pytest.fixture(scope="module")
def sphinx():
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    recognizer = PocketSphinx()
    recognizer.load()
    return recognizer


def test_it_comes_first_for_english(sphinx):
    assert load_recognizers(["en"])["en"].name == sphinx.name


def test_silence_and_noise_are_no_error(sphinx):
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    for samples in (np.zeros(10, dtype=np.float32), np.zeros(16000, dtype=np.float32), noise):
        sphinx.transcribe(samples, "Hello there, my friend.", "en")
    assert sphinx.transcribe(noise, "", "en") == ""


def test_words_outside_the_dictionary_have_phones(sphinx):
    assert sphinx.pronounce("hello") == ("HH", "AH", "L", "OW")
    assert sphinx.pronounce("zorblax") == ("Z", "AO", "R", "B", "L", "AE", "K", "S")
    sphinx.transcribe(np.zeros(16000, dtype=np.float32), "Zorblax said hello.", "en")


@pytest.mark.parametrize(
    ("spoken", "line_language", "asked", "told"),
    [
        ("qué hora es", "es", "auto", "es"),
        ("hola", None, "es", "es"),
        ("مرحبا", None, "auto", "ar"),
        ("hello there", None, "auto", "en"),
        ("我的 word", None, "zh-en", "zh"),
    ],
)
def test_a_take_is_heard_in_the_language_it_was_spoken_in(spoken, line_language, asked, told):
    line = Line(0, "Ann", spoken, language=line_language)
    assert tell_language(Take(line, torch.zeros(1, 8), (), spoken=spoken), asked) == told
