"""`indextts2 say`: one text with one voice."""

import argparse
from dataclasses import replace

from ..audio_file import check_output, read_audio
from ..dialogue.emotions import EMOTION_NAMES, read_emotion
from ..errors import EmotionError, TextError
from ..records import Emotion, Line, Voice
from .speaking import check_distinct, spoken_timeline, write_result


def say(options: argparse.Namespace) -> int:
    """`indextts2 say`: the text as it stands, in one voice."""
    check_output(options.output)
    check_distinct({"-o": options.output}, [options.voice, options.emotion_audio])
    if not any(map(str.isalnum, options.text)):
        raise TextError(f"got {options.text[:60]!r}, expected at least one letter or number to speak")
    voice = Voice("speaker", read_audio(options.voice), options.boost)
    line = Line(0, voice.name, options.text, voice=voice, emotion=_choose_emotion(options), speed=options.speed)
    with spoken_timeline([line], options, silence_seconds=0.0) as timeline:
        return write_result(timeline, options)


def _choose_emotion(options: argparse.Namespace) -> Emotion | None:
    if options.emotion_audio:
        return Emotion("audio", audio=read_audio(options.emotion_audio), alpha=options.emotion_alpha)
    if options.emotion_text:
        return Emotion("text", text=options.emotion_text, alpha=options.emotion_alpha)
    if not options.emotion:
        return None
    try:
        emotion = read_emotion(options.emotion)
    except ValueError as error:
        raise EmotionError(f"--emotion: {error}") from error
    if emotion is None:
        raise EmotionError(
            f"--emotion: got {options.emotion[:60]!r}, expected one of {EMOTION_NAMES}, or weights of them"
        )
    return replace(emotion, alpha=options.emotion_alpha)
