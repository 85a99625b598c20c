"""CAMPPlus: which of the training speakers is heard, whatever is said and in whatever mood (margin: Deng et al. 2019).

B clips, T codes, S speakers.
"""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .acoustics import Acoustics, style_input
from .corpus import Corpus
from .semantic_stage import with_noise
from .sizes import new_campplus
from .stage import Stage

CLIP_CODES = (60, 240)
MARGIN, SCALE = 0.2, 30.0
MOMENTUM = 0.05


class StyleStage(Stage):
    """Tells S training speakers apart; measured on how far apart unheard ones then are."""

    name = "style"

    def __init__(
        self, speakers: int, corpus: Corpus, unheard: Corpus, device: torch.device, codes_per_batch: int = 36000
    ) -> None:
        """speakers: how many there will be, whether or not `corpus` has all of them yet."""
        campplus = new_campplus()
        for module in campplus.modules():
            if hasattr(module, "running_mean"):
                vars(module)["forward"] = partial(batch_norm, module)  # the pack's own has no training mode
        modules = {"campplus": campplus, "speakers": nn.Linear(192, speakers, bias=False), "acoustics": Acoustics()}
        super().__init__(modules, device, rate=2e-3, decay=0.02)
        self.corpus, self.unheard, self.budget = corpus, unheard, codes_per_batch
        self.spans, self.present = speaker_spans(corpus), corpus.speakers.unique().numpy()

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        codes = int(rng.integers(*CLIP_CODES))
        speakers = rng.choice(self.present, max(4, self.budget // codes))
        style = self.style(self.corpus, draw_clips(self.spans, speakers, codes, rng), codes, noisy=True)
        cosine = functional.normalize(style) @ functional.normalize(self.modules["speakers"].weight).T
        labels = torch.from_numpy(speakers).to(self.device)
        margin = MARGIN * min(1.0, 3 * share)
        loss = functional.cross_entropy(SCALE * with_margin(cosine, labels, margin), labels)
        norm = self.step(loss)
        return {"loss": loss.detach(), "accuracy": (cosine.argmax(1) == labels).float().mean(), "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        """Mean cosine between clips of one unheard speaker, of two, and how often the right one of four is nearest."""
        spans, rng = speaker_spans(self.unheard), np.random.default_rng(0)
        who = self.unheard.speakers.unique().numpy()
        first, second = (
            functional.normalize(self.style(self.unheard, draw_clips(spans, who, 150, rng), 150, noisy=False))
            for _ in range(2)
        )
        cosine = (first @ second.T).cpu().numpy()
        others = cosine[~np.eye(len(who), dtype=bool)]
        return {"same": float(cosine.diagonal().mean()), "other": float(others.mean()), **four_way(cosine)}

    def style(self, corpus: Corpus, starts: Tensor, codes: int, noisy: bool) -> Tensor:
        """float32 [B, 192]."""
        wav = corpus.clips16(starts, codes)
        heard = style_input(self.modules["acoustics"].energies(with_noise(wav) if noisy else wav))
        with self.half():
            return self.modules["campplus"](heard).float()


def batch_norm(module: Any, x: Tensor) -> Tensor:
    """What the pack's `_BatchNorm` computes, and in training mode what its statistics are made by."""
    return functional.batch_norm(
        x, module.running_mean, module.running_var, module.weight, module.bias, module.training, MOMENTUM
    )


def with_margin(cosine: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Cosines [B, S] in which each clip's own speaker is `margin` radians further away."""
    own = cosine.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    further = torch.cos((own.acos() + margin).clamp_max(math.pi - 1e-3))
    return cosine.scatter(1, labels[:, None], further)


def speaker_spans(corpus: Corpus) -> np.ndarray:
    """int64 [S, 2]: first and one-past-last code of each speaker, by number."""
    ends = torch.zeros(len(corpus.pitch_hz), dtype=torch.int64).index_add_(0, corpus.speakers, corpus.lengths).cumsum(0)
    return torch.stack((torch.cat((ends.new_zeros(1), ends[:-1])), ends), dim=1).numpy()


def draw_clips(spans: np.ndarray, speakers: np.ndarray, codes: int, rng: np.random.Generator) -> Tensor:
    """Starts [B] of clips of `codes` codes, one by each of `speakers`."""
    first, end = spans[speakers].T
    return torch.from_numpy(rng.integers(first, np.maximum(first + 1, end - codes)))


def four_way(cosine: np.ndarray, rounds: int = 50) -> dict[str, float]:
    """How often row i of [S, S] is nearest to column i among it and three others, drawn `rounds` times."""
    rng, speakers = np.random.default_rng(0), len(cosine)
    if speakers < 4:
        return {}
    right = 0
    for row in range(speakers):
        for _ in range(rounds):
            others = rng.choice(np.delete(np.arange(speakers), row), 3, replace=False)
            right += cosine[row, row] > cosine[row, others].max()
    return {"four_way": right / (speakers * rounds)}
