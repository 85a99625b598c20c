"""Finished takes, kept by what was said and how, so that a queue after an error or an edit speaks only what is new."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import replace

from ..indextts.conditioning.cache import count_tensor_bytes
from ..indextts.conditioning.reference import hash_audio
from ..indextts.options import SpeakOptions
from ..indextts.records import Line, Take
from ..indextts.text.glossary import Reading, list_present
from .settings import ModelSettings
from .take_store import TakeStore, take_store

MAX_BYTES = 128 * 2**20


def take_key(
    line: Line,
    settings: ModelSettings,
    options: SpeakOptions,
    glossary: Mapping[str, Reading] | None = None,
    schedule: Hashable = None,
    weights: str = "",
) -> Hashable:
    """All that decides how a line sounds; its place in the script and its neighbours are not in it.

    Of the `glossary` only what is in the line. schedule: the flow's, None where it has to be measured first. weights:
    which files the model is made of.
    """
    assert line.voice is not None, "a line is cast before it is spoken"
    voice, said = line.voice, (line.text, line.language, line.speed, line.seed, line.wished_seconds, line.fixed_seconds)
    felt = line.emotion and (line.emotion.mode, line.emotion.vector, line.emotion.text, line.emotion.alpha)
    recordings = [audio and hash_audio(audio) for audio in (voice.audio, line.emotion and line.emotion.audio)]
    options = replace(options, glossary=repr(list_present(glossary or {}, line.text)))
    return (weights, settings, options, schedule, said, voice.boost, felt, *recordings)


class TakeCache:
    """LRU cache of takes, bounded in bytes. Those that `store` has, too, may be dropped at any time."""

    def __init__(self, max_bytes: int = MAX_BYTES, store: TakeStore = take_store) -> None:
        self._store, self._stored = store, set[Hashable]()
        self._takes: OrderedDict[Hashable, Take] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def get(self, key: Hashable, line: Line, on_disk: bool = False) -> Take | None:
        """The take kept under `key`, as a take of `line`; None where there is none."""
        take = self._takes.get(key)
        if take is not None:
            self._takes.move_to_end(key)
            return replace(take, line=line)
        found = self._store.get(key, line) if on_disk else None
        if found is not None:
            self._keep(key, found)
            self._stored.add(key)
        return found

    def put(self, key: Hashable, take: Take, on_disk: bool = False) -> None:
        self._keep(key, take)
        if on_disk and self._store.put(key, take):
            self._stored.add(key)

    def drop_stored(self) -> None:
        """Give back the RAM of all takes that are on disk."""
        for key in self._stored & self._takes.keys():
            self._drop_take(key)
        self._stored.clear()

    def _keep(self, key: Hashable, take: Take) -> None:
        self._drop_take(key)
        self._takes[key] = take
        self._bytes += _take_bytes(take)
        while self._bytes > self._max_bytes and len(self._takes) > 1:
            self._drop_take(next(iter(self._takes)))

    def _drop_take(self, key: Hashable) -> None:
        if (take := self._takes.pop(key, None)) is not None:
            self._bytes -= _take_bytes(take)


def _take_bytes(take: Take) -> int:
    return count_tensor_bytes((take.waveform, take.codes))


take_cache = TakeCache()
