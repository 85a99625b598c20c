"""The small w2v-bert: what is being said, how far each phone has come, and at what pitch, heard frame by frame.

The synthesizer knows when each phone begins and ends, so every code has its label and no alignment must be found.
B clips, T codes, W semantic width.
"""

import numpy as np
import torch
from indextts2_multitalk.indextts.config import ModelConfig
from torch import Tensor, nn
from torch.nn import functional

from .acoustics import Acoustics, pitch, semantic_input
from .corpus import Corpus
from .sizes import Listener
from .stage import Stage
from .synthesize import PHONES

CLIP_CODES = 200
MIDDLE_HZ = 130.0
NOISY_SHARE = 0.6


class SemanticStage(Stage):
    """Trains on clips of four seconds cut anywhere; `finish` measures and sets the features' mean and variance."""

    name = "semantic"

    def __init__(
        self, config: ModelConfig, corpus: Corpus, unheard: Corpus, device: torch.device, codes_per_batch: int = 12800
    ) -> None:
        width = config.semantic_codec.hidden_size
        heads = nn.ModuleDict({
            "phone": nn.Linear(width, len(PHONES)),
            "sound": nn.Linear(width, 3),
            "bands": nn.Linear(width, 160),
        })  # fmt: skip
        modules = {"encoder": Listener(config), "heads": heads, "acoustics": Acoustics()}
        super().__init__(modules, device, rate=1.5e-3)
        self.corpus, self.unheard = corpus, unheard
        self.clips = max(2, codes_per_batch // CLIP_CODES)

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        starts = torch.from_numpy(rng.integers(0, max(1, self.corpus.codes - CLIP_CODES), self.clips))
        losses = self._losses(self.corpus, starts, noisy=True)
        loss = losses["phone"] + 0.5 * losses["progress"] + losses["pitch"] + 0.3 * losses["voiced"]
        norm = self.step(loss + 0.1 * losses["bands"])
        return {"loss": loss.detach(), **{name: value.detach() for name, value in losses.items()}, "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        encoder: Listener = self.modules["encoder"]
        encoder.mean.zero_()
        encoder.var.fill_(1.0)
        hidden = encode_corpus(encoder, self.modules["acoustics"], self.corpus, most=400_000).float()
        variance, mean = torch.var_mean(hidden, dim=0)
        encoder.mean.copy_(mean)
        encoder.var.copy_(variance.clamp_min(1e-6))
        clips = max(1, self.unheard.codes // CLIP_CODES)
        losses = self._losses(self.unheard, torch.arange(clips) * CLIP_CODES, noisy=False)
        return {f"unheard_{name}": float(value) for name, value in losses.items()}

    def _losses(self, corpus: Corpus, starts: Tensor, noisy: bool) -> dict[str, Tensor]:
        """Cross-entropy of phones and its accuracy, and the errors of progress (0…1), pitch (octaves) and voicing."""
        wav = corpus.clips16(starts, CLIP_CODES)
        hz, voiced = pitch(wav)
        heard = semantic_input(self.modules["acoustics"].energies(with_noise(wav) if noisy else wav))
        with self.half():
            hidden = self.modules["encoder"].model(input_features=heard).last_hidden_state
            heads = self.modules["heads"]
            phone, sound, bands = (heads[name](hidden).float() for name in ("phone", "sound", "bands"))
        labels = corpus.take(corpus.phones, starts, CLIP_CODES).long()
        progress = corpus.take(corpus.progress, starts, CLIP_CODES) / 255
        octaves = torch.log2(hz / MIDDLE_HZ)
        return {
            "phone": functional.cross_entropy(phone.flatten(0, 1), labels.flatten()),
            "accuracy": (phone.argmax(-1) == labels).float().mean(),
            "progress": (sound[..., 0] - progress).abs().mean(),
            "pitch": ((sound[..., 1] - octaves).abs() * voiced).sum() / voiced.sum().clamp_min(1),
            "voiced": functional.binary_cross_entropy_with_logits(sound[..., 2], voiced.float()),
            "bands": functional.mse_loss(bands, heard),
        }


def with_noise(wav: Tensor) -> Tensor:
    """Most clips under white noise, 10 to 45 dB below their level: recordings are not clean."""
    decibels = torch.empty(len(wav), 1, device=wav.device).uniform_(10, 45)
    level = wav.square().mean(dim=1, keepdim=True).sqrt() * 10 ** (-decibels / 20)
    chosen = torch.rand(len(wav), 1, device=wav.device) < NOISY_SHARE
    return wav + torch.randn_like(wav) * level * chosen


@torch.no_grad()
def encode_corpus(
    encoder: Listener,
    acoustics: Acoustics,
    corpus: Corpus,
    most: int | None = None,
    codes_per_batch: int = 40000,
) -> Tensor:
    """Semantic features [C, W] of every utterance, each heard whole and alone; half precision.

    most: stop after about so many codes, and return only those, in no order.
    """
    encoder.eval()
    features = torch.zeros(corpus.codes, encoder.width, dtype=torch.float16, device=corpus.device)
    done: list[Tensor] = []
    count = 0
    for numbers, length in corpus.batches(codes_per_batch):
        if most is not None and count > most:
            return features[torch.cat(done)]
        starts = corpus.starts[numbers]
        heard = encoder(semantic_input(acoustics.energies(corpus.clips16(starts, length))))
        rows = (starts[:, None] + torch.arange(length)).flatten().to(corpus.device)
        features[rows] = heard.flatten(0, 1).half()
        done.append(rows)
        count += rows.numel()
    return features[torch.cat(done)] if most is not None else features
