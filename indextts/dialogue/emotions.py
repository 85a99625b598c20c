"""Emotions by name, by weights or in words, as a script writes them between brackets."""

import re
from collections.abc import Iterable

from ..records import EMOTIONS, Emotion

EMOTION_NAMES = ", ".join(EMOTIONS)
"""As a user is told them, in the order of a vector."""

NAMED_WEIGHT = 0.8
"""Weight of an emotion called by its name alone: the most that the model takes in all."""

_SYNONYMS = {
    "happy": "happiness joy joyful joyous cheerful excited delighted glad amused laughing "
    "高兴 开心 快乐 喜悦 愉快 欢快 兴奋 激动",
    "angry": "anger mad furious rage annoyed irritated 生气 愤怒 恼怒 恼火 发怒 暴怒",
    "sad": "sadness sorrow sorrowful unhappy crying grieving 悲伤 难过 伤心 悲痛 哀伤 伤感",
    "afraid": "fear fearful scared frightened terrified nervous anxious worried 害怕 恐惧 惊恐 恐慌 紧张 担心 焦虑",
    "disgusted": "disgust hate hatred hateful contempt 厌恶 反感 讨厌 嫌弃 憎恨 恶心",
    "melancholic": "melancholy low down depressed gloomy lonely 低落 忧郁 沮丧 抑郁 消沉 失落",
    "surprised": "surprise shocked amazed astonished 惊讶 吃惊 震惊 惊奇 诧异 意外",
    "calm": "neutral natural normal relaxed peaceful gentle 平静 自然 中性 冷静 平和 淡定 温柔",
}
_CANONICAL = {name: emotion for emotion, others in _SYNONYMS.items() for name in [emotion, *others.split()]}

_NUMBER = r"\d*\.?\d+"
_SEPARATOR = re.compile(r"\s*[|,;，；、]\s*")
_WEIGHTED = re.compile(rf"([^\W\d][^:=：]*?)\s*[:=：]\s*({_NUMBER})")
_NUMBERS = re.compile(rf"{_NUMBER}(?:[\s,，|;]+{_NUMBER})+")


def is_emotion(text: str) -> bool:
    """Whether `text` is an emotion's name, English or Chinese, whatever its case."""
    return text.strip().casefold() in _CANONICAL


def read_emotion(text: str) -> Emotion | None:
    """The emotion that `Happy`, `happy:0.5|sad:0.2` or eight numbers stand for; None where `text` is none of these.

    Raises ValueError, in words for the user, where it is one of these but wrong: a weight outside 0 to 1, a name
    nobody knows among weighted ones, a count of numbers that is not eight.
    """
    text = text.strip()
    if is_emotion(text):
        return _weigh_emotions([(_CANONICAL[text.casefold()], NAMED_WEIGHT)])
    if _NUMBERS.fullmatch(text):
        return _from_numbers([float(number) for number in re.findall(_NUMBER, text)])
    parts = [part for part in _SEPARATOR.split(text) if part]
    weighted = [_WEIGHTED.fullmatch(part) for part in parts]
    if any(weighted) or (parts and all(map(is_emotion, parts))):
        return _weigh_emotions([_read_weight(part) for part in parts])
    return None


def _from_numbers(numbers: list[float]) -> Emotion:
    if len(numbers) != len(EMOTIONS):
        raise ValueError(f"got {len(numbers)} numbers, expected eight: {EMOTION_NAMES}")
    return _weigh_emotions(zip(EMOTIONS, numbers, strict=True))


def _read_weight(part: str) -> tuple[str, float]:
    match = _WEIGHTED.fullmatch(part)
    name, weight = (match.group(1), float(match.group(2))) if match else (part, NAMED_WEIGHT)
    if not is_emotion(name):
        raise ValueError(f"unknown emotion {name!r}, expected one of {EMOTION_NAMES} (or a synonym, or its Chinese)")
    return _CANONICAL[name.casefold()], weight


def _weigh_emotions(weights: Iterable[tuple[str, float]]) -> Emotion:
    vector = dict.fromkeys(EMOTIONS, 0.0)
    for name, weight in weights:
        if weight > 1:
            raise ValueError(f"{name} has weight {weight:g}, expected 0 to 1")
        vector[name] = max(vector[name], weight)
    return Emotion(mode="vector", vector=tuple(vector.values()))
