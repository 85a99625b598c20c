"""Eight emotion weights from a text, asked of the Qwen3 model released with IndexTTS-2."""

import json
import logging
import math
import re
import threading
from pathlib import Path
from typing import Any

import torch

from ..errors import EmotionError
from ..records import EMOTIONS
from .emotion import EmotionWeights

logger = logging.getLogger(__name__)

SYSTEM_PROMPT = "文本情感分类"
LABELS = ("高兴", "愤怒", "悲伤", "恐惧", "反感", "低落", "惊讶", "自然")
"""The model's words for `EMOTIONS`, in the same order."""
MAX_WEIGHT = 1.2
MAX_NEW_TOKENS = 256
MELANCHOLIC_WORDS = ("低落", "melancholy", "melancholic", "depression", "depressed", "gloomy")
"""The model never answers 低落; a text that says one of these means it by 悲伤."""

_BY_NAME = dict(zip(LABELS, LABELS, strict=True)) | dict(zip(EMOTIONS, LABELS, strict=True))
_PAIR = re.compile(r'["\']?([^\s"\'{},:：]+)["\']?\s*[:：]\s*["\']?(-?\d+(?:\.\d+)?)')


class TextEmotion:
    """Loads the model when it is first asked. `folder` None, or missing, is an error only then."""

    def __init__(self, folder: Path | None, device: torch.device | str = "cpu") -> None:
        self.folder = folder
        self.device = torch.device(device)
        self._loaded: tuple[Any, Any] | None = None
        self._lock = threading.Lock()

    def read_weights(self, text: str) -> EmotionWeights:
        """How strongly `text` is of each of `EMOTIONS`, 0…1.2; a text without emotion is calm.

        Raises `EmotionError` where the model is absent or cannot be loaded, or its answer cannot be read.
        """
        answer = self._ask_model(text)
        logger.debug("text emotion of %r: %s", text, answer)
        return read_answer(answer, text)

    def unload(self) -> None:
        """Let go of the model; the next question loads it again."""
        with self._lock:
            self._loaded = None

    @torch.inference_mode()
    def _ask_model(self, text: str) -> str:
        tokenizer, model = self._ensure_loaded()
        messages = [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": text}]
        prompt = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        inputs = tokenizer([prompt], return_tensors="pt").to(self.device)
        # Greedy, whatever the folder's own settings say: the same text has the same emotion every time.
        output = model.generate(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=tokenizer.eos_token_id,
        )
        answer = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return answer.rpartition("</think>")[2].strip()

    def _ensure_loaded(self) -> tuple[Any, Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load_model()
            return self._loaded

    def _load_model(self) -> tuple[Any, Any]:
        folder = self.folder
        if folder is None or not (folder / "config.json").is_file():
            raise EmotionError(
                f"Emotion from text: got no Qwen model at {folder or 'the usual places'}, expected the folder "
                "qwen0.6bemo4-merge of IndexTeam/IndexTTS-2; fetch it with `indextts2 fetch`, or set the emotion by "
                "audio or by vector"
            )
        # Imported here: a pipeline that never asks has no use for the model's classes.
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, torch_dtype="auto")
        except Exception as error:
            raise EmotionError(
                f"Emotion from text: {folder} cannot be loaded ({error}); it needs transformers 4.51 or newer and "
                "whole files: fetch the folder again"
            ) from error
        # CPUs multiply half precision slowly, and the model is small.
        return tokenizer, (model.float() if self.device.type == "cpu" else model.to(self.device)).eval()


def read_answer(answer: str, text: str) -> EmotionWeights:
    """Weights from the model's answer to `text`. Raises `EmotionError` where the answer holds none."""
    scores = _read_scores(answer)
    if any(word in text.lower() for word in MELANCHOLIC_WORDS):
        scores["悲伤"], scores["低落"] = scores.get("低落", 0.0), scores.get("悲伤", 0.0)
    weights = tuple(min(MAX_WEIGHT, max(0.0, scores.get(label, 0.0))) for label in LABELS)
    if any(weights):
        return weights
    return tuple(1.0 if name == "calm" else 0.0 for name in EMOTIONS)


def _read_scores(answer: str) -> dict[str, float]:
    """Label → score. An answer may also name one emotion outright, which counts as 1."""
    found = _parse_answer(answer)
    scores: dict[str, float] = {}
    for name, value in found.items():
        label = _BY_NAME.get(str(name).strip().lower())
        named = _BY_NAME.get(value.strip().lower()) if isinstance(value, str) else None
        if named is not None:
            scores[named] = 1.0
        elif label is not None:
            scores[label] = _parse_score(value, answer)
    if found and not scores:
        raise _unreadable_answer(answer)
    return scores


def _parse_answer(answer: str) -> dict[str, Any]:
    start, end = answer.find("{"), answer.rfind("}")
    try:
        data = json.loads(answer[start : end + 1] if 0 <= start < end else answer)
    except ValueError:
        data = dict(_PAIR.findall(answer))
        if not data:
            raise _unreadable_answer(answer) from None
    if isinstance(data, str):
        data = {"label": data}
    if not isinstance(data, dict):
        raise _unreadable_answer(answer)
    return data


def _parse_score(value: Any, answer: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _unreadable_answer(answer) from None
    if not math.isfinite(number):
        raise _unreadable_answer(answer)
    return number


def _unreadable_answer(answer: str) -> EmotionError:
    return EmotionError(
        f"Emotion from text: got the answer {answer[:120]!r}, expected JSON with scores for {', '.join(LABELS)}; "
        "say the emotion in other words, or set it by vector"
    )
