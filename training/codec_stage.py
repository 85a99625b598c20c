"""The semantic codec: codes that say which phone, how far into it and between which others, and nothing of who says it.

The quantizer's codebook follows running means of what it stands for (van den Oord et al. 2017), by cosine; codes that
nothing uses are moved onto frames that are badly served.
B clips, T codes, W semantic width, E width of a code, K codes.
"""

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from indextts2_multitalk.indextts.config import ModelConfig
from torch import Tensor, nn
from torch.nn import functional

from .corpus import Corpus
from .sizes import new_codec, trained_codes
from .stage import Stage
from .synthesize import PHONES

CLIP_CODES = 200
MEAN_DECAY = 0.99
UNUSED = 0.02
"""A code whose running count falls below this share of an even one is moved."""
COMMITMENT = 0.25
WARM_SHARE = 0.15
"""Of the stage's time in which the frames pass unquantized, so that there is something to take codes from."""


class CodecStage(Stage):
    """Trains on semantic features that were computed beforehand; `features` [C, W] as `encode_corpus` gives them."""

    name = "codec"

    def __init__(
        self, config: ModelConfig, corpus: Corpus, features: Tensor, device: torch.device, codes_per_batch: int = 25600
    ) -> None:
        codec, width = new_codec(config), config.semantic_codec.hidden_size
        heads = nn.ModuleDict({
            "mix": nn.Conv1d(width, width, kernel_size=5, padding=2),
            "phone": nn.Linear(width, 3 * len(PHONES)),
            "progress": nn.Linear(width, 1),
        })  # fmt: skip
        super().__init__({"codec": codec, "heads": heads, "means": RunningMeans(config)}, device, rate=2e-3)
        codec.quantizer.codebook.weight.requires_grad_(False)
        self.corpus, self.features = corpus, features
        self.clips = max(2, codes_per_batch // CLIP_CODES)
        self.neighbours = neighbouring_phones(corpus.phones.long())

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        codec: SemanticCodec = self.modules["codec"]
        means: RunningMeans = self.modules["means"]
        starts = torch.from_numpy(rng.integers(0, max(1, self.corpus.codes - CLIP_CODES), self.clips))
        with self.half():
            coded = codec.quantizer.in_project(
                codec.encoder(self.corpus.take(self.features, starts, CLIP_CODES).float()).mT
            )
        points = functional.normalize(coded.mT.float(), dim=-1)  # [B, T, E]
        quantized, used = points, torch.zeros((), device=self.device)
        commitment = torch.zeros((), device=self.device)
        if share > WARM_SHARE:
            codes = means.follow(points.detach(), codec.quantizer.codebook.weight)
            nearest = codec.quantizer.codebook(codes)
            commitment = (points - nearest).square().sum(-1).mean()
            quantized = points + (nearest - points).detach()
            used = (means.counts > UNUSED * means.counts.mean()).float().mean()
        with self.half():
            losses = self._losses(codec.quantizer.out_project(quantized.mT), starts)
        loss = losses["phone"] + 0.3 * losses["neighbours"] + losses["progress"] + COMMITMENT * commitment
        norm = self.step(loss)
        return {"loss": loss.detach(), **{k: v.detach() for k, v in losses.items()}, "used": used, "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        """Set the quantizer's weights so that the pack's own `quantize` finds the same codes; measure what they say."""
        codes = quantize_corpus(self.modules["codec"], self.features)
        counts = torch.bincount(codes).float()
        share = counts / counts.sum()
        perplexity = torch.exp(-(share * share.clamp_min(1e-9).log()).sum())
        starts = torch.arange(max(1, min(200, self.corpus.codes // CLIP_CODES))) * CLIP_CODES
        codec: SemanticCodec = self.modules["codec"]
        embedded = codec.embed_codes(self.corpus.take(codes, starts, CLIP_CODES))
        figures = self._losses(embedded.mT, starts)
        return {"perplexity": float(perplexity), **{name: float(value) for name, value in figures.items()}}

    def _losses(self, embedded: Tensor, starts: Tensor) -> dict[str, Tensor]:
        """From code embeddings [B, W, T]: cross-entropy of the phone and of its two neighbours, error of progress."""
        heads = self.modules["heads"]
        hidden = functional.gelu(heads["mix"](embedded)).mT
        scores = heads["phone"](hidden).float().unflatten(-1, (3, -1))
        progress = heads["progress"](hidden).float()[..., 0]
        labels = self.corpus.take(self.neighbours, starts, CLIP_CODES)  # [B, T, 3]
        entropy = functional.cross_entropy(scores.flatten(0, 2), labels.flatten(), reduction="none").view(labels.shape)
        wanted = self.corpus.take(self.corpus.progress, starts, CLIP_CODES) / 255
        return {
            "phone": entropy[..., 0].mean(),
            "neighbours": entropy[..., 1:].mean(),
            "progress": (progress - wanted).abs().mean(),
            "accuracy": (scores[..., 0, :].argmax(-1) == labels[..., 0]).float().mean(),
        }


class RunningMeans(nn.Module):
    """What each code stands for at present. sums: [K, E] and counts: [K], both running means over the updates."""

    sums: Tensor
    counts: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        codes = trained_codes(config)
        self.register_buffer("sums", torch.zeros(codes, config.semantic_codec.codebook_dim))
        self.register_buffer("counts", torch.zeros(codes))

    @torch.no_grad()
    def follow(self, points: Tensor, codebook: Tensor) -> Tensor:
        """Codes [B, T] of unit vectors `points` [B, T, E]; moves `codebook` [K, E], in place, towards their means."""
        flat, kinds = points.flatten(0, -2), len(codebook)
        if not bool(self.counts.any()):
            codebook.copy_(flat[torch.randint(len(flat), (kinds,), device=flat.device)])
            self.counts.fill_(len(flat) / kinds)
            self.sums.copy_(codebook * self.counts[:, None])
        similarity = flat @ codebook.T
        best, codes = similarity.max(dim=1)
        counts = torch.bincount(codes, minlength=kinds).float()
        sums = torch.zeros_like(self.sums).index_add_(0, codes, flat)
        self.counts.lerp_(counts, 1 - MEAN_DECAY)
        self.sums.lerp_(sums, 1 - MEAN_DECAY)
        self._move_unused(flat, best)
        codebook.copy_(functional.normalize(self.sums, dim=-1))
        return codes.view(points.shape[:-1])

    def _move_unused(self, flat: Tensor, best: Tensor) -> None:
        """No code stays where there is nothing: it starts anew on a frame far from its own code."""
        unused = self.counts < UNUSED * self.counts.mean()
        kinds = len(unused)
        worst = best.topk(min(4 * kinds, len(flat)), largest=False).indices
        chosen = flat[worst[torch.randint(len(worst), (kinds,), device=flat.device)]]
        fresh = self.counts.mean()
        self.sums.copy_(torch.where(unused[:, None], chosen * fresh, self.sums))
        self.counts.copy_(torch.where(unused, fresh, self.counts))


def neighbouring_phones(phones: Tensor) -> Tensor:
    """phones [C] to [C, 3]: each code's phone, the one before it and the one after it."""
    change = torch.ones_like(phones, dtype=torch.bool)
    change[1:] = phones[1:] != phones[:-1]
    segment = change.cumsum(0) - 1
    names = phones[change]
    before, after = torch.roll(names, 1), torch.roll(names, -1)
    return torch.stack((phones, before[segment], after[segment]), dim=1)


@torch.no_grad()
def quantize_corpus(codec: SemanticCodec, features: Tensor, codes_per_batch: int = 200_000) -> Tensor:
    """Codes int64 [C] of semantic features [C, W], through the pack's own quantizer."""
    codec.eval()
    parts = features.split(codes_per_batch)
    return torch.cat([codec.quantize(part.float()[None])[0][0] for part in parts])
