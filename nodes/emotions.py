"""SPEAKER_EMOTION_CONFIG: one speaker's emotion as a node sets it, as the pipeline takes it, and in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..indextts.errors import EmotionError
from ..indextts.records import EMOTIONS, Audio, Emotion, Take

READ_AS = "emotion read as "
MODES = ("inherit", "audio_prompt", "emotion_vector", "text_description", "auto")


@dataclass(frozen=True, eq=False)
class SpeakerEmotion:
    """What flows through a SPEAKER_EMOTION_CONFIG socket. `emotion` None leaves the speaker as the voice sounds."""

    speaker: str
    mode: str
    emotion: Emotion | None


def emotion_for(mode: str, audio: Audio | None, vector: tuple[float, ...], text: str, alpha: float) -> Emotion | None:
    """The emotion of a mode in `MODES`. `vector`: eight weights in the order of `EMOTIONS`.

    Raises `EmotionError` for "audio_prompt" without audio and for an unknown mode.
    """
    if mode == "inherit":
        return None
    if mode == "audio_prompt":
        if audio is None:
            raise EmotionError("emotion_audio: got no audio, but emotion_mode is audio_prompt; connect a recording")
        return Emotion("audio", audio=audio, alpha=alpha)
    if mode == "emotion_vector":
        return Emotion("vector", vector=vector, alpha=alpha)
    if mode == "text_description":
        return Emotion("text", text=text.strip() or None, alpha=alpha)
    if mode == "auto":
        return Emotion("text", text=None, alpha=alpha)
    raise EmotionError(f"emotion_mode: got {mode!r}, expected one of {', '.join(MODES)}")


def describe_emotion(emotion: Emotion | None) -> str:
    """An emotion in a few words."""
    if emotion is None or emotion.mode == "speaker":
        return "as in the speaker's own recording"
    return f"{_describe_source(emotion)}, strength {emotion.alpha:g}"


def _describe_source(emotion: Emotion) -> str:
    if emotion.mode == "audio":
        assert emotion.audio is not None, "an audio emotion has audio"
        return f"as in an emotion recording of {emotion.audio.seconds:.1f} s"
    if emotion.mode == "vector":
        assert emotion.vector is not None, "a vector emotion has a vector"
        return _format_weights(emotion.vector)
    return f'as described: "{emotion.text}"' if emotion.text else "read from the line's own text"


def with_reading(take: Take, weights: tuple[float, ...] | None) -> Take:
    """`take` with a note on the weights that were read from its text, if any were."""
    return take if weights is None else replace(take, notes=(*take.notes, f"{READ_AS}{_format_weights(weights)}"))


def analyze_emotions(takes: Sequence[Take]) -> str:
    """The `emotion_analysis` output. One row a line: who spoke, with what emotion, what was said."""
    return "\n".join(f"{take.line.index + 1}. {take.line.speaker}: {_describe_take(take)}" for take in takes)


def _describe_take(take: Take) -> str:
    read = [note.removeprefix("emotion ") for note in take.notes if note.startswith(READ_AS)]
    return f"{', '.join([describe_emotion(take.line.emotion), *read])} | {shorten_text(take.line.text)}"


def _format_weights(vector: tuple[float, ...]) -> str:
    weights = [f"{name} {weight:g}" for name, weight in zip(EMOTIONS, vector, strict=True) if weight]
    return ", ".join(weights) or "no emotion weighted"


def shorten_text(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
