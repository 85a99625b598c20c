"""What differs between the versions of the model, as data: whoever meets a difference asks for its field.

`loading/models.py` alone builds modules from it, `loading/find.py` tells the version of a folder by its files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FRAMES_PER_FEATURE = 1.72
"""Mel frames that the released models give one semantic feature, of which there are 50 a second."""

_SHARED_FILES = {
    "speaker_matrix": "feat1.pt",
    "emotion_matrix": "feat2.pt",
    "w2v_statistics": "wav2vec2bert_stats.pt",
}


@dataclass(frozen=True)
class ModelVersion:
    """number, title: as a user reads them. features_per_code: semantic features that the codec makes of one code.

    speaker: what the prompt says of the voice: rows read off its recording, or one of its style. codec: MaskGCT's, or
    the one in `codec.pth`. has_latents: whether the flow also reads the GPT's hidden states, in a second pass.
    has_languages: whether text is marked with its language. prompt_rows: of a prompt without its text.
    codes_per_text_token: usually, and of a speaker who takes time; what memory is kept for. usual_codes: what the
    engine's cache starts with for a line; it grows where lines get longer. core_files: field of `CheckpointFiles` ->
    file name as released, in `repo`. number_text_tokens, weight_bytes: as released, the latter of all modules in half
    precision.
    """

    number: str
    title: str
    features_per_code: int
    speaker: Literal["latents", "style"]
    codec: Literal["maskgct", "halved"]
    has_latents: bool
    has_languages: bool
    prompt_rows: int
    codes_per_text_token: int
    slow_codes_per_text_token: int
    usual_codes: int
    languages: tuple[str, ...]
    number_text_tokens: int
    weight_bytes: int
    repo: str
    core_files: Mapping[str, str] = field(repr=False, hash=False)

    @property
    def codes_per_second(self) -> int:
        return 50 // self.features_per_code

    @property
    def frames_per_code(self) -> float:
        return self.features_per_code * FRAMES_PER_FEATURE

    @property
    def folder(self) -> str:
        """What the model's folder is called, in its repository and by other packs."""
        return self.title


V2_0 = ModelVersion(
    number="2.0",
    title="IndexTTS-2",
    features_per_code=1,
    speaker="latents",
    codec="maskgct",
    has_latents=True,
    has_languages=False,
    prompt_rows=36,
    codes_per_text_token=12,
    slow_codes_per_text_token=18,
    usual_codes=1000,
    languages=("zh", "en"),
    number_text_tokens=12_000,
    weight_bytes=2926 * 2**20,
    repo="IndexTeam/IndexTTS-2",
    core_files={
        "config": "config.yaml",
        "gpt": "gpt.pth",
        "s2mel": "s2mel.pth",
        "vocabulary": "bpe.model",
        **_SHARED_FILES,
    },
)

V2_5 = ModelVersion(
    number="2.5",
    title="IndexTTS-2.5",
    features_per_code=2,
    speaker="style",
    codec="halved",
    has_latents=False,
    has_languages=True,
    prompt_rows=5,
    codes_per_text_token=7,
    slow_codes_per_text_token=12,
    usual_codes=500,
    languages=("zh", "en", "ja", "es", "ar"),
    number_text_tokens=60_509,
    weight_bytes=2716 * 2**20,
    repo="IndexTeam/IndexTTS-2.5",
    core_files={
        "config": "config.yaml",
        "gpt": "gpt.pth",
        "semantic_codec": "codec.pth",
        "s2mel": "s2mel.pth",
        "vocabulary": "multilingual_zh_ja_yue_char_del.tiktoken",
        **_SHARED_FILES,
    },
)

VERSIONS = (V2_0, V2_5)
"""In the order in which they came; where both are installed and none is named, the first that is complete is used."""


def find_version(number: str) -> ModelVersion:
    """The version of that number, one of `VERSIONS`."""
    return next(version for version in VERSIONS if version.number == number)
