"""Normalized text to the voice model's token ids, over the SentencePiece model that comes with the weights."""

import re
from dataclasses import dataclass
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from ..errors import CheckpointError

WORD_START = "▁"

# The vocabulary writes lü and nü as LV and NV.
_U_UMLAUT_SYLLABLE = re.compile(r"(?<=[LN])Ü(?=E?[1-5])")

# Hangul, kana, Chinese characters with their punctuation, half-width kana and the supplementary planes of Chinese.
_CJK = re.compile(
    "([\u1100-\u11ff\u2e80-\ua4cf\ua840-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff65-\uffdc\U00020000-\U0002ffff])"
)


@dataclass(frozen=True)
class TokenizedText:
    """`ids` and `pieces` go in step. `unknown`: the characters outside the vocabulary, each once, in order."""

    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    unknown: tuple[str, ...]


def pretokenize(normalized: str) -> str:
    """The string SentencePiece gets: upper-case, every Chinese, Japanese or Korean character on its own."""
    parts = (part.strip().upper() for part in _CJK.split(normalized.strip()))
    return " ".join(part for part in parts if part)


class TextTokenizer:
    """Reads `bpe.model`. Raises `CheckpointError` where the file is missing or is no SentencePiece model."""

    def __init__(self, model_file: Path) -> None:
        if not model_file.is_file():
            raise CheckpointError(f"{model_file}: not found; expected the bpe.model released with IndexTTS-2")
        try:
            self._model = SentencePieceProcessor(model_proto=model_file.read_bytes())
        except (RuntimeError, OSError) as error:
            raise CheckpointError(
                f"{model_file}: got {model_file.stat().st_size} bytes that are no SentencePiece model ({error}); "
                "download bpe.model again"
            ) from error

    def encode(self, text: str) -> TokenizedText:
        """Token ids of normalized `text`. Unknown characters keep their place as the vocabulary's `<unk>`."""
        prepared = _U_UMLAUT_SYLLABLE.sub("V", pretokenize(text))
        pieces = tuple(self._model.encode(prepared, out_type=str))
        ids = tuple(self._model.encode(prepared, out_type=int))
        unk = self._model.unk_id()
        unknown = dict.fromkeys(
            character
            for piece, token in zip(pieces, ids, strict=True)
            if token == unk
            for character in piece.replace(WORD_START, "")
        )
        return TokenizedText(ids, pieces, tuple(unknown))
