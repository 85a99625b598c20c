"""Emotion from text: the model's answers, read or refused."""

import json
from pathlib import Path

import pytest
import transformers
from helpers.tiny_models import write_qwen
from indextts2_multitalk.indextts.conditioning.text_emotion import TextEmotion, read_answer
from indextts2_multitalk.indextts.errors import EmotionError

HAS_QWEN3 = hasattr(transformers, "Qwen3ForCausalLM")
needs_qwen3 = pytest.mark.skipif(not HAS_QWEN3, reason=f"transformers {transformers.__version__} has no Qwen3")


def weights(**named):
    order = ("happy", "angry", "sad", "afraid", "disgusted", "melancholic", "surprised", "calm")
    return tuple(named.get(name, 0.0) for name in order)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"高兴": 0.6, "惊讶": 0.2}', weights(happy=0.6, surprised=0.2)),
        (
            '{"愤怒": 0.1, "悲伤": 0.2, "恐惧": 0.3, "反感": 0.4, "自然": 0.5}',
            weights(angry=0.1, sad=0.2, afraid=0.3, disgusted=0.4, calm=0.5),
        ),
        ('```json\n{"高兴": 1}\n```', weights(happy=1.0)),
        ('{"高兴": "0.7"}', weights(happy=0.7)),
        ('{"高兴": 7, "悲伤": -3}', weights(happy=1.2)),
        ('{"happy": 0.3}', weights(happy=0.3)),
        ('{"高兴": 0.3, "思考": 1}', weights(happy=0.3)),
        ("高兴: 0.4, 悲伤：0.1", weights(happy=0.4, sad=0.1)),
        ('{"高兴": 0.5, "悲伤": 0.2', weights(happy=0.5, sad=0.2)),
        ('{"情感": "惊讶"}', weights(surprised=1.0)),
        ('"愤怒"', weights(angry=1.0)),
        ("{}", weights(calm=1.0)),
        ('{"高兴": 0, "悲伤": 0.0}', weights(calm=1.0)),
    ],
)
def test_answers_that_can_be_read(answer, expected):
    assert read_answer(answer, "a text") == pytest.approx(expected)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I feel happy today",
        "[1, 2]",
        "0.5",
        '{"高兴": null}',
        '{"高兴": "very"}',
        '{"思考": 1}',
        '{"高兴": NaN}',
        "null",
    ],
)
def test_answers_that_cannot_are_an_error_and_never_a_guess(answer):
    with pytest.raises(EmotionError, match="expected JSON with scores"):
        read_answer(answer, "what a happy, gloomy day")


@pytest.mark.parametrize("text", ["他很低落", "So GLOOMY today", "a melancholic tune", "depression"])
def test_melancholy_in_the_text_takes_the_place_of_sadness(text):
    assert read_answer('{"悲伤": 0.8, "自然": 0.1}', text) == pytest.approx(weights(melancholic=0.8, calm=0.1))


@needs_qwen3
def test_the_prompt_follows_the_chat_template(tmp_path):
    emotion = TextEmotion(write_qwen(tmp_path / "qwen"))
    assert emotion.read_weights("What a day!") == pytest.approx(weights(happy=0.6, surprised=0.2))
    emotion.unload()
    assert emotion.read_weights("今天天气真好") == pytest.approx(weights(happy=0.6, surprised=0.2))


@needs_qwen3
def test_thinking_is_not_part_of_the_answer(tmp_path):
    answer = '<think>{"悲伤": 1}</think>\n{"高兴": 0.5}'
    emotion = TextEmotion(write_qwen(tmp_path / "qwen", answer))
    assert emotion.read_weights("Hello") == pytest.approx(weights(happy=0.5))


@needs_qwen3
def test_an_unparsable_answer_names_itself(tmp_path):
    emotion = TextEmotion(write_qwen(tmp_path / "qwen", "no idea"))
    with pytest.raises(EmotionError, match="'no idea'"):
        emotion.read_weights("Hello")


@pytest.mark.parametrize("exists", [False, True])
def test_an_absent_folder_says_what_to_fetch(tmp_path, exists):
    folder = tmp_path / "qwen0.6bemo4-merge"
    if exists:
        folder.mkdir()
    with pytest.raises(EmotionError, match=r"qwen0.6bemo4-merge of IndexTeam/IndexTTS-2; fetch it"):
        TextEmotion(folder).read_weights("Hello")
    with pytest.raises(EmotionError, match="fetch it"):
        TextEmotion(None).read_weights("Hello")


def test_a_broken_folder_says_so(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    with pytest.raises(EmotionError, match="cannot be loaded"):
        TextEmotion(tmp_path).read_weights("Hello")


def test_a_reader_that_is_in_the_way_goes_on_on_the_cpu():
    reader = TextEmotion(None, "meta")
    assert not reader.retreat_to_cpu(), "it was never asked for"
    with pytest.raises(EmotionError):
        reader.read_weights("a text")
    assert reader.retreat_to_cpu() and reader.device.type == "cpu"
    assert not reader.retreat_to_cpu(), "there is nothing left to give up"
    reader.unload()
    assert reader.device.type == "meta"


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", {"model_type": "transfo-xl"}),
        ("config.json", {"model_type": ["qwen3"]}),
        ("config.json", {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}),
        ("tokenizer_config.json", {"tokenizer_class": "TransfoXLTokenizer"}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}),
    ],
)
def test_another_kind_of_model_is_refused(tmp_path: Path, file: str, change: dict) -> None:
    folder = write_qwen(tmp_path / "qwen")
    (folder / "evil.py").write_text("raise SystemExit('code of the folder was run')", encoding="utf-8")
    settings = json.loads((folder / file).read_text(encoding="utf-8"))
    (folder / file).write_text(json.dumps(settings | change), encoding="utf-8")
    with pytest.raises(EmotionError, match="expected the Qwen3 model and tokenizer released with IndexTTS-2, without"):
        TextEmotion(folder).read_weights("a text")
