"""The speech that `synthesize` wrote, whole on the training device, and batches drawn from it.

C codes of all utterances one behind another, U utterances, B utterances of a batch, T codes of a clip,
S speakers, E emotions and none.
A speaker's utterances lie together, those of one emotion next to each other, so that a reference of any length is a
window of a block.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .acoustics import EDGE16, EDGE22, SAMPLES16, SAMPLES22
from .speakers import NEUTRAL
from .team import ALONE, Team

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Corpus:
    """wav22, wav16: int16 [441 C], [320 C]; either may be empty. phones, progress: uint8 [C]. words: int16 [C].

    starts, lengths (codes), speakers, emotions: int64 [U] on the CPU. pitch_hz: float32 by the speaker's number, each
    one's usual; 0 for numbers that nobody has.
    """

    wav22: Tensor
    wav16: Tensor
    phones: Tensor
    progress: Tensor
    words: Tensor
    starts: Tensor
    lengths: Tensor
    speakers: Tensor
    emotions: Tensor
    pitch_hz: Tensor
    texts: tuple[str, ...]

    @property
    def device(self) -> torch.device:
        return self.phones.device

    @property
    def codes(self) -> int:
        return self.phones.shape[0]

    @property
    def hours(self) -> float:
        return self.codes / 50 / 3600

    def clips16(self, starts: Tensor, codes: int) -> Tensor:
        """float32 [B, 320 T + 240] from the codes `starts` [B]; silence beyond the end."""
        return _clips(self.wav16, starts * SAMPLES16, codes * SAMPLES16 + EDGE16)

    def clips22(self, starts: Tensor, frames: int) -> Tensor:
        """float32 [B, 384 + 256 F + 384] around the F mel frames from the codes `starts` [B]."""
        return _clips(self.wav22, starts * SAMPLES22 - EDGE22, frames * 256 + 2 * EDGE22)

    def take(self, values: Tensor, starts: Tensor, codes: int) -> Tensor:
        """[B, T, …] of something that has one row a code."""
        return values[_rows(carried(starts, values.device), codes).clamp_max(self.codes - 1)]

    def batches(self, codes_per_batch: int) -> Iterator[tuple[Tensor, int]]:
        """Every utterance once: numbers [B] of some that are T codes long, and T; the longest first."""
        for length in self.lengths.unique().flip(0).tolist():
            for numbers in (self.lengths == length).nonzero()[:, 0].split(max(1, codes_per_batch // length)):
                yield numbers, length

    def blocks(self) -> dict[tuple[int, int], tuple[int, int]]:
        """First and one-past-last code of each speaker's utterances of each emotion."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for start, length, speaker, emotion in zip(
            self.starts.tolist(), self.lengths.tolist(), self.speakers.tolist(), self.emotions.tolist(), strict=True
        ):
            first, _ = found.get((speaker, emotion), (start, 0))
            found[speaker, emotion] = (first, start + length)
        return found


class Windows:
    """References: windows of a speaker's neutral speech, or of any speaker's in some emotion."""

    def __init__(self, corpus: Corpus) -> None:
        blocks = corpus.blocks()
        self.speakers = np.unique([speaker for speaker, _ in blocks])
        self._edges = np.zeros((self.speakers.max() + 1, NEUTRAL + 1, 2), dtype=np.int64)
        for speaker in self.speakers:
            for emotion in range(NEUTRAL + 1):
                self._edges[speaker, emotion] = blocks.get((speaker, emotion)) or blocks[speaker, NEUTRAL]

    def starts(self, speakers: ArrayLike, emotions: ArrayLike, codes: int, rng: np.random.Generator) -> Tensor:
        """int64 [B] on the CPU. A block shorter than `codes` is overrun into the same speaker's next one."""
        first, end = self._edges[np.asarray(speakers), np.asarray(emotions)].T
        return torch.from_numpy(rng.integers(first, np.maximum(first + 1, end - codes)))

    def of_everyone(self, codes: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, Tensor]:
        """Every speaker with every emotion, speaker by speaker: who, which, and where a window starts; all [S · E]."""
        speakers, emotions = (g.flatten() for g in np.meshgrid(self.speakers, range(NEUTRAL + 1), indexing="ij"))
        return speakers, emotions, self.starts(speakers, emotions, codes, rng)

    def others(self, speakers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each speaker [B] half of the time the same one, else anyone."""
        return np.where(rng.random(len(speakers)) < 0.5, speakers, rng.choice(self.speakers, len(speakers)))


class Lengths:
    """Draws utterances of one length at a time, so that no batch is padded; long ones come in smaller batches."""

    def __init__(self, corpus: Corpus, codes_per_batch: int, longest: int | None = None) -> None:
        lengths = corpus.lengths.numpy()
        kept = np.arange(len(lengths)) if longest is None else np.flatnonzero(lengths <= longest)
        self._groups = {int(n): kept[lengths[kept] == n] for n in np.unique(lengths[kept])}
        self._names = np.array(list(self._groups))
        weights = np.array([len(group) for group in self._groups.values()]) * self._names
        self._weights = weights / weights.sum()
        self._budget = codes_per_batch

    def draw(self, rng: np.random.Generator) -> Tensor:
        """int64 [B], numbers of utterances."""
        length = int(rng.choice(self._names, p=self._weights))
        group = self._groups[length]
        return torch.from_numpy(rng.choice(group, max(2, self._budget // length)))


def load_corpus(
    folder: Path, device: torch.device, wavs: Sequence[str] = ("wav22", "wav16"), team: Team = ALONE
) -> Corpus:
    """Every shard that is there now, or this process's share of them. Raises FileNotFoundError where none is."""
    files = team.share_of(sorted(file for file in folder.glob("*.npz") if not file.name.endswith(".part.npz")))
    if not files:
        raise FileNotFoundError(f"{folder}: no speech; run training.synthesize first")
    columns: dict[str, list[np.ndarray]] = {}
    tables, texts = [], []
    pitches: dict[int, float] = {}
    for file in files:
        with np.load(file) as shard:
            for name in ("phones", "progress", "words", *wavs):
                columns.setdefault(name, []).append(shard[name])
            table = shard["table"].astype(np.int64)
            tables.append(np.column_stack((table, np.full(len(table), speaker_number(file)))))
            texts += json.loads(bytes(shard["texts"]))
            pitches[speaker_number(file)] = float(shard["facts"][0])
    lengths, emotions, speakers = torch.from_numpy(np.concatenate(tables)).unbind(1)
    flat = {name: torch.from_numpy(np.concatenate(parts)).to(device) for name, parts in columns.items()}
    empty = torch.empty(0, dtype=torch.int16, device=device)
    corpus = Corpus(
        **{"wav22": empty, "wav16": empty, **flat},
        starts=lengths.cumsum(0) - lengths,
        lengths=lengths,
        speakers=speakers,
        emotions=emotions,
        pitch_hz=torch.tensor([pitches.get(number, 0.0) for number in range(max(pitches) + 1)]),
        texts=tuple(texts),
    )
    logger.info("%.2f h of %d speakers in %d utterances", corpus.hours, len(files), len(texts))
    return corpus


def speaker_number(file: Path) -> int:
    """The same whatever other shards there are: `speaker_0012.npz` is 12."""
    return int(file.stem.rsplit("_", 1)[1])


def wait_for_shards(folder: Path, count: int, deadline: float) -> int:
    """Waits until `count` speakers are there or `deadline` (of time.monotonic) has passed; returns how many are."""
    while (there := sum(1 for _ in folder.glob("*_[0-9][0-9][0-9][0-9].npz"))) < count and time.monotonic() < deadline:
        time.sleep(1)
    return there


def carried(values: Tensor, device: torch.device) -> Tensor:
    """`values` on `device`, copied without the host waiting for what the device still has to do."""
    if values.is_cuda or device.type == "cpu":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def _rows(starts: Tensor, length: int) -> Tensor:
    return starts[:, None] + torch.arange(length, device=starts.device)


def _clips(wav: Tensor, starts: Tensor, length: int) -> Tensor:
    rows = _rows(carried(starts, wav.device), length)
    inside = (rows >= 0) & (rows < wav.shape[0])
    return wav[rows.clamp(0, wav.shape[0] - 1)].float() / 2**15 * inside
