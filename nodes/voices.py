"""INDEXTTS2_VOICE: a recording with its name and emotion, and where a node takes one of these or plain AUDIO."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..indextts.errors import AudioError
from ..indextts.records import Emotion, Line
from .emotions import SpeakerEmotion
from .lines import NodeScript


@dataclass(frozen=True, eq=False)
class NodeVoice:
    """What flows through an INDEXTTS2_VOICE socket. `recording`: AUDIO. `name`: what scripts call it, or nothing."""

    recording: Any
    name: str = ""
    boost: bool = True
    emotion: SpeakerEmotion | None = None


def voice_from(value: Any, name: str) -> NodeVoice:
    """A connected voice; AUDIO is a voice without a name. Raises `AudioError` where nothing is connected."""
    if value is None:
        raise AudioError(f"{name}: got no voice; connect an IndexTTS2 Voice or a Load Audio node")
    return value if isinstance(value, NodeVoice) else NodeVoice(value)


def script_of_voices(text: str, voices: Mapping[int, NodeVoice], sockets: str, **more: Any) -> NodeScript:
    """A script spoken by `voices`, by number from 1. `sockets` names their inputs, `more` is as in `NodeScript`."""

    def choose_emotion(line: Line, number: int) -> Emotion | None:
        own = voices[number].emotion
        return line.emotion or (own.emotion if own is not None else None)

    return NodeScript(
        text=text,
        recordings={number: voice.recording for number, voice in voices.items()},
        sockets=sockets,
        emotion=choose_emotion,
        names={number: voice.name for number, voice in voices.items() if voice.name},
        boosted=frozenset(number for number, voice in voices.items() if voice.boost),
        **more,
    )
