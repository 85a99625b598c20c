"""Finished takes, kept by what was said and how, so that a queue after an error or an edit speaks only what is new."""

import hashlib
from collections import OrderedDict
from dataclasses import replace

from ..indextts.options import SpeakOptions
from ..indextts.records import Audio, Emotion, Line, Take
from .settings import ModelSettings

MAX_BYTES = 128 * 2**20


def take_key(line: Line, settings: ModelSettings, options: SpeakOptions) -> str:
    """A digest of all that decides how a line sounds; its place in the script and its neighbours are not in it."""
    assert line.voice is not None, "a line is cast before it is spoken"
    digest = hashlib.blake2b(digest_size=20)
    parts = (settings, options, line.text, line.speed, line.seed, line.voice.boost)
    digest.update(repr(parts).encode("utf-8"))
    _add_audio(digest, line.voice.audio)
    _add_emotion(digest, line.emotion)
    return digest.hexdigest()


def _add_emotion(digest: hashlib.blake2b, emotion: Emotion | None) -> None:
    if emotion is not None:
        digest.update(repr((emotion.mode, emotion.vector, emotion.text, emotion.alpha)).encode("utf-8"))
        _add_audio(digest, emotion.audio)


def _add_audio(digest: hashlib.blake2b, audio: Audio | None) -> None:
    if audio is not None:
        digest.update(repr((audio.sample_rate, tuple(audio.samples.shape))).encode("utf-8"))
        digest.update(audio.samples.contiguous().numpy().tobytes())


class TakeCache:
    """LRU cache of takes, bounded in bytes."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._takes: OrderedDict[str, Take] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def get(self, key: str, line: Line) -> Take | None:
        """The take kept under `key`, as a take of `line`; None where there is none."""
        take = self._takes.get(key)
        if take is None:
            return None
        self._takes.move_to_end(key)
        return replace(take, line=line)

    def put(self, key: str, take: Take) -> None:
        self._drop_take(key)
        self._takes[key] = take
        self._bytes += _take_bytes(take)
        while self._bytes > self._max_bytes and len(self._takes) > 1:
            self._drop_take(next(iter(self._takes)))

    def _drop_take(self, key: str) -> None:
        if (take := self._takes.pop(key, None)) is not None:
            self._bytes -= _take_bytes(take)


def _take_bytes(take: Take) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (take.waveform, *take.codes))


take_cache = TakeCache()
