"""Emotions by name, by weights or in words, as a script writes them between brackets."""

import re
from collections.abc import Iterable

from ..records import EMOTIONS, Emotion
from .pauses import NUMBER

EMOTION_NAMES = ", ".join(EMOTIONS)
"""As a user is told them, in the order of a vector."""

NAMED_WEIGHT = 0.8
"""Weight of an emotion called by its name alone: the most that the model takes in all."""

_SYNONYMS = {
    "happy": "happiness happily joy joyful joyous cheerful cheery merry ecstatic overjoyed elated jolly "
    "delighted glad amused playful laughing smiling excited "
    "高兴 开心 快乐 喜悦 愉快 欢快 兴奋 激动 欣喜 俏皮 微笑 大笑 狂喜 得意 幸福 感动 "
    "兴高采烈 笑",
    "angry": "anger angrily mad furious fury rage raging enraged bitter indignant annoyed irritated "
    "frustrated outraged hostile stern shouting yelling screaming "
    "大喊 大吼 生气 愤怒 恼怒 恼火 发怒 暴怒 气愤 烦躁 不耐烦 严厉 气恼 怨恨 不满 吼 咆哮",
    "sad": "sadness sadly sorrow sorrowful unhappy crying grieving heartbroken tearful mournful hurt grief "
    "weeping sobbing regretful miserable "
    "悲伤 难过 伤心 悲痛 哀伤 伤感 心碎 哭泣 委屈 哭 哽咽 忧伤 凄凉 痛苦 悲哀 悔恨",
    "afraid": "fear fearful scared frightened terrified nervous anxious worried panicked tense alarmed uneasy "
    "horrified dread timid insecure "
    "害怕 恐惧 惊恐 恐慌 紧张 担心 焦虑 不安 慌张 忧虑 胆怯 惶恐 恐怖 惊慌",
    "disgusted": "disgust hate hatred hateful contempt contemptuous scornful disdainful sarcastic "
    "厌恶 反感 讨厌 嫌弃 憎恨 恶心 鄙视 轻蔑 讽刺 嘲讽 冷笑 不屑 嫉妒",
    "melancholic": "melancholy low down depressed gloomy lonely weary tired exhausted sleepy bored hopeless "
    "discouraged disappointed wistful nostalgic "
    "低落 忧郁 沮丧 抑郁 消沉 失落 疲惫 失望 孤独 惆怅 怀念 疲倦 无奈 困倦",
    "surprised": "surprise shocked amazed astonished stunned startled incredulous "
    "惊讶 吃惊 震惊 惊奇 诧异 意外 惊喜 惊愕 难以置信",
    "calm": "calmly neutral natural normal relaxed peaceful gentle soft serene composed serious steady "
    "soothing patient polite relieved sincere solemn whispering whispered whisper whispers softly quietly gently "
    "hushed "
    "低语 耳语 悄声 小声 轻声 平静 自然 中性 冷静 平和 淡定 温柔 轻柔 沉稳 严肃 镇定 认真 坚定 郑重 庄重 从容 安慰 "
    "耐心 礼貌",
}
_BLENDS = {
    (("happy", 0.3), ("surprised", 0.5)): "curious curiously intrigued interested inquisitive wondering "
    "好奇 感兴趣 疑惑 疑问",
    (("happy", 0.7), ("surprised", 0.1)): "enthusiastic eager energetic passionate lively thrilled "
    "热情 热烈 热切 激昂 充满活力 活泼",
    (("melancholic", 0.2), ("calm", 0.6)): "thoughtful pensive reflective contemplative 沉思 思索 若有所思 深思",
    (("happy", 0.3), ("calm", 0.5)): "warm kind caring friendly loving tender hopeful grateful confident proud content "
    "reassuring 温暖 亲切 友好 关切 体贴 深情 期待 希望 感激 自信 骄傲 自豪 满足 欣慰",
    (("afraid", 0.2), ("surprised", 0.4)): "confused puzzled bewildered perplexed doubtful skeptical hesitant "
    "困惑 迷惑 迷茫 怀疑 犹豫",
    (("afraid", 0.2), ("sad", 0.4)): "embarrassed ashamed guilty apologetic shy 尴尬 羞愧 内疚 抱歉 害羞",
    (("calm", 0.7), ("melancholic", 0.1)): "indifferent cold aloof 无聊 冷淡 冷漠 无所谓",
    (("afraid", 0.5), ("surprised", 0.2)): "urgent desperate pleading 急切 着急 焦急 绝望 恳求",
}
"""Moods that the eight emotions have no word for, as weights of these."""
_WEIGHTS = {
    **{name: ((emotion, 1.0),) for emotion, others in _SYNONYMS.items() for name in [emotion, *others.split()]},
    **{name: weights for weights, names in _BLENDS.items() for name in names.split()},
}

_LONGEST_WORD = 40
_DEGREE = re.compile(
    r"^(?:(?:very|so|really|quite|rather|slightly|somewhat|a bit|a little|extremely)\s{1,9}"
    r"|很|非常|有点|有些|十分|特别|极其|略带|带着)"
)
_SUFFIXES = (("ly", ""), ("ily", "y"), ("ically", "ic"), ("地", ""), ("的", ""), ("着", ""))
_SEPARATOR = re.compile(r"[|,;，；、]")
_NUMBER = re.compile(NUMBER)
_NUMBER_SEPARATOR = re.compile(r"[\s,，|;]+")


def is_emotion(text: str) -> bool:
    """Whether `text` is an emotion's name, English or Chinese, whatever its case."""
    return _find_word(text) is not None


def _find_word(text: str) -> str | None:
    """The word of the table that `text` is, whatever its case, as an adverb or with one before it."""
    word = text.strip().casefold()
    if word in _WEIGHTS or len(word) > _LONGEST_WORD:
        return word if word in _WEIGHTS else None
    word = _DEGREE.sub("", word)
    stems = (word, *(word.removesuffix(old) + new for old, new in _SUFFIXES if word.endswith(old)))
    return next((stem for stem in stems if stem in _WEIGHTS), None)


def read_emotion(text: str) -> Emotion | None:
    """The emotion that `Happy`, `happy:0.5|sad:0.2` or eight numbers stand for; None where `text` is none of these.

    Raises ValueError, in words for the user, where it is one of these but wrong: a weight outside 0 to 1, a name
    nobody knows among weighted ones, a count of numbers that is not eight.
    """
    text = text.strip()
    if is_emotion(text):
        return _weigh_emotions(_named_weights(text, None))
    numbers = _NUMBER_SEPARATOR.split(text)
    if len(numbers) > 1 and all(map(_NUMBER.fullmatch, numbers)):
        return _from_numbers([float(number) for number in numbers])
    parts = [part.strip() for part in _SEPARATOR.split(text) if part.strip()]
    weighted = [_split_weight(part) for part in parts]
    if any(weight is not None for _, weight in weighted) or (parts and all(map(is_emotion, parts))):
        return _weigh_emotions(pair for name, weight in weighted for pair in _named_weights(name, weight))
    return None


def _from_numbers(numbers: list[float]) -> Emotion:
    if len(numbers) != len(EMOTIONS):
        raise ValueError(f"got {len(numbers)} numbers, expected eight: {EMOTION_NAMES}")
    return _weigh_emotions(zip(EMOTIONS, numbers, strict=True))


def _split_weight(part: str) -> tuple[str, float | None]:
    """Name and weight of `sad:0.2`; the weight is None where there is none."""
    for mark in ":=：":
        name, found, weight = part.rpartition(mark)
        if found and name.strip()[:1].isalpha() and _NUMBER.fullmatch(weight.strip()):
            return name.strip(), float(weight)
    return part, None


def _named_weights(name: str, weight: float | None) -> list[tuple[str, float]]:
    """A name's emotions; a mood of several is scaled so that the greatest has the weight that was asked for."""
    if not is_emotion(name):
        raise ValueError(
            f"unknown emotion {name[:40]!r}, expected one of {EMOTION_NAMES} (or a synonym, or its Chinese)"
        )
    if weight is not None and weight > 1:
        raise ValueError(f"{name} has weight {weight:g}, expected 0 to 1")
    parts = _WEIGHTS[_find_word(name) or name]
    if len(parts) == 1:
        return [(parts[0][0], NAMED_WEIGHT if weight is None else weight)]
    scale = 1.0 if weight is None else weight / max(share for _, share in parts)
    return [(emotion, share * scale) for emotion, share in parts]


def _weigh_emotions(weights: Iterable[tuple[str, float]]) -> Emotion:
    vector = dict.fromkeys(EMOTIONS, 0.0)
    for name, weight in weights:
        if weight > 1:
            raise ValueError(f"{name} has weight {weight:g}, expected 0 to 1")
        vector[name] = max(vector[name], weight)
    return Emotion(mode="vector", vector=tuple(vector.values()))
