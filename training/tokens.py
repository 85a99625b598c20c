"""The text model `bpe.model`, and texts as token ids with the token that is being spoken at each code.

T codes, N tokens of a text.
"""

import itertools
import os
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from indextts2_multitalk.indextts.text.tokenizer import WORD_START, pretokenize

from .corpus import Corpus
from .sentences import training_texts

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ',.!?-…"
DROPOUT = 0.15
"""Share of BPE's joins that are left undone in every second reading, so that any spelling can be spoken."""


def train_bpe(file: Path, vocabulary: int, texts: int) -> Path:
    """Write the SentencePiece model of the grammar's texts: `<s>` is 0, `</s>` 1, `<unk>` 2, as in the released one."""
    sentences = map(pretokenize, itertools.islice(training_texts(-1), texts))
    part = file.with_suffix(f".{os.getpid()}")
    with part.open("wb") as model:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences,
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary,
            required_chars=ALPHABET,
            bos_id=0,
            eos_id=1,
            unk_id=2,
            minloglevel=2,
            num_threads=1,
        )
    return part.replace(file)


class Reader:
    """Two readings of every utterance: as the released tokenizer splits its text, and split at random.

    ids: int64 [U, N] with start and stop, padded by 0. counts: [U], tokens of each. spoken: int16 [C] on the corpus'
    device, the place in `ids` of the token that is being spoken, -1 where none is. All twice: index 0 or 1.
    """

    def __init__(self, file: Path, corpus: Corpus) -> None:
        self._model = sentencepiece.SentencePieceProcessor(model_proto=file.read_bytes())
        self.ids: list[np.ndarray] = []
        self.counts: list[np.ndarray] = []
        self.spoken: list[torch.Tensor] = []
        words = corpus.words.cpu().numpy()
        bounds = list(zip(corpus.starts.tolist(), corpus.lengths.tolist(), strict=True))
        for split in (False, True):
            rows = [self._pieces(text, split) for text in corpus.texts]
            self.counts.append(np.array([len(row) + 2 for row in rows]))
            self.ids.append(self._padded(rows))
            spoken = [spoken_tokens(words[at : at + n], row) for row, (at, n) in zip(rows, bounds, strict=True)]
            self.spoken.append(torch.from_numpy(np.concatenate(spoken)).to(corpus.device))

    def _pieces(self, text: str, split: bool) -> list[str]:
        prepared = pretokenize(text)
        if not split:
            return self._model.encode(prepared, out_type=str)
        return self._model.encode(prepared, out_type=str, enable_sampling=True, alpha=DROPOUT, nbest_size=-1)

    def _padded(self, rows: list[list[str]]) -> np.ndarray:
        ids = np.zeros((len(rows), max(map(len, rows)) + 2), dtype=np.int64)
        for row, pieces in zip(ids, rows, strict=True):
            row[1 : len(pieces) + 1] = [self._model.piece_to_id(piece) for piece in pieces]
            row[len(pieces) + 1] = 1
        return ids


def spoken_tokens(words: np.ndarray, pieces: list[str]) -> np.ndarray:
    """words [T], the number of the word being said at each code, to the place of the token being said, int16 [T].

    A word's tokens share its time evenly; silence belongs to the token that comes next, in the end to the stop token.
    Places count from 1: 0 is the start token. All -1 where it is not known when the words are said.
    """
    spoken = np.full(len(words), -1, dtype=np.int16)
    if words.max(initial=-1) < 0:
        return spoken
    owner = np.cumsum([piece.startswith(WORD_START) for piece in pieces]) - 1
    following = len(pieces) + 1
    for word in range(words.max(), -1, -1):
        codes, tokens = np.flatnonzero(words == word), np.flatnonzero(owner == word)
        if len(codes) and len(tokens):
            spoken[codes[-1] + 1 :][spoken[codes[-1] + 1 :] < 0] = following
            spoken[codes] = tokens[np.arange(len(codes)) * len(tokens) // len(codes)] + 1
            following = tokens[0] + 1
    spoken[spoken < 0] = following
    return spoken
