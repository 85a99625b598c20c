"""S2Mel: codes and the decoder's hidden states into mel, in the voice of a prompt (flow matching, Lipman et al. 2023).

Encoder, codec, decoder and CAMPPlus are done and stay as they are. A batch is laid out as in use: a prompt by the same
speaker, known by its codes and its mel, then an utterance, known by its codes and the decoder's states.
What decoder and CAMPPlus say is computed beforehand.
B utterances, T codes, R codes of the prompt, F frames, L frames of both, C condition width, D the decoder's width.
"""

from dataclasses import dataclass

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.campplus import CAMPPlus
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from indextts2_multitalk.indextts.config import ModelConfig
from indextts2_multitalk.s2mel.model import S2Mel
from torch import Tensor
from torch.nn import functional

from .acoustics import FRAMES_PER_CODE, SPOKEN_FRAMES_PER_CODE, Acoustics
from .conditions import Conditions, conditions_of, style_of
from .convolution import as_products
from .corpus import Corpus, Lengths, Windows, carried
from .gpt_stage import GPTStage
from .references import Heard, reference_length
from .sizes import new_s2mel, trained_codes
from .speakers import NEUTRAL
from .stage import Stage
from .velocity import velocity

FORGETFUL_SHARE = 0.12
"""Of the utterances are spoken knowing nothing, which is what guidance leads away from."""
NEUTRAL_PROMPT_SHARE = 0.7
DECISION = 0.3
"""How much further than the truth lies what the flow is told to find, seen from what it finds knowing nothing: guidance
that costs no pass when it speaks. With the 0.7 of every run it comes to 1.7 / (1 - DECISION) - 1 = 1.4."""


@dataclass(frozen=True)
class FlowLengths:
    """In codes. prompt: from, to. longest: of an utterance. style: windows of each speaker and delivery that styles are
    taken from.
    """

    prompt: tuple[int, int] = (50, 350)
    longest: int = 500
    style: tuple[int, ...] = (100, 150, 250)


class FlowStage(Stage):
    """`gpt` is the trained GPT stage; `codec` and `campplus` are trained."""

    name = "flow"

    def __init__(
        self,
        config: ModelConfig,
        gpt: GPTStage,
        codec: SemanticCodec,
        campplus: CAMPPlus,
        device: torch.device,
        codes_per_batch: int = 16000,
        lengths: FlowLengths = FlowLengths(),
    ) -> None:
        self.acoustics = Acoustics().to(device)
        corpus = gpt.heard.corpus
        sample = torch.from_numpy(np.random.default_rng(0).integers(0, corpus.codes, 200))
        mean_mel = self.acoustics.mel(corpus.clips22(sample, 50)).mean(dim=(0, 2)).cpu()
        self.codes_per_batch, self.limits = codes_per_batch, lengths
        super().__init__({"s2mel": new_s2mel(config, mean_mel)}, device, rate=1.5e-3)
        as_products(self.modules["s2mel"])
        self.gpt, self.campplus = gpt, campplus
        for frozen in (gpt.modules, codec, campplus):
            frozen.eval().requires_grad_(False)
        self.embedded = codec.embed_codes(torch.arange(trained_codes(config), device=device)[None])[0]  # [codes, W]
        self.conditions = self._conditions(gpt.heard)
        self.windows = Windows(corpus)
        self.lengths = Lengths(corpus, codes_per_batch, longest=lengths.longest)

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        with self.products():
            losses = self._losses(self.gpt.heard, self.conditions, self.windows, self.lengths.draw(rng), rng)
        norm = self.step(losses.pop("loss"))
        return {**{name: value.detach() for name, value in losses.items()}, "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        rng, unheard = np.random.default_rng(0), self.gpt.unheard
        windows = Windows(unheard.corpus)
        lengths = Lengths(unheard.corpus, self.codes_per_batch, longest=self.limits.longest)
        conditions = self._conditions(unheard)
        rounds = [self._losses(unheard, conditions, windows, lengths.draw(rng), rng)["velocity"] for _ in range(6)]
        return {"unheard_velocity": float(torch.stack(rounds).mean())}

    def _conditions(self, heard: Heard) -> Conditions:
        return conditions_of(self.gpt, heard, self.campplus, self.acoustics, self.limits.style)

    def _losses(
        self, heard: Heard, told: Conditions, windows: Windows, numbers: Tensor, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        """loss: of the velocity over the target's frames, see `DECISION`; velocity: the squared error itself."""
        corpus = heard.corpus
        s2mel: S2Mel = self.modules["s2mel"]
        starts, length = carried(corpus.starts[numbers], self.device), int(corpus.lengths[numbers[0]])
        prompt_starts, prompt_codes, style = self._draw_prompts(corpus, told, windows, numbers, rng)
        prompt_frames, frames = int(prompt_codes * FRAMES_PER_CODE), int(length * SPOKEN_FRAMES_PER_CODE)
        latents = corpus.take(told.latents, starts, length).float()
        prompt_content = self.embedded[corpus.take(heard.codes, prompt_starts, prompt_codes)]
        content = self.embedded[corpus.take(heard.codes, starts, length)]
        prompt_mel = self.acoustics.mel(corpus.clips22(prompt_starts, prompt_frames)).mT
        mel = self.acoustics.mel(corpus.clips22(starts, frames)).mT
        known = (torch.rand(len(numbers), 1, 1, device=self.device) > FORGETFUL_SHARE).float()
        regulate = s2mel.length_regulator
        target = regulate(s2mel.add_latents(content, latents), frames)
        condition = torch.cat((regulate(prompt_content, prompt_frames), target), dim=1)
        times = torch.rand(len(numbers), device=self.device)
        noise = torch.randn_like(mel)
        moving = noise + times[:, None, None] * (mel - noise)
        ahead = (0, 0, prompt_frames, 0)
        prompt = functional.pad(prompt_mel, (0, 0, 0, frames))

        def heading(known: Tensor) -> Tensor:
            """Velocity over the target's frames, of lines that know everything (1) or nothing (0)."""
            all_of_it = (condition * known, prompt * known, style * known[:, 0])
            return velocity(s2mel.cfm.estimator, functional.pad(moving, ahead), times, *all_of_it)[:, prompt_frames:]

        found = heading(known)
        error = found - (mel - noise)
        with torch.no_grad():
            beyond = DECISION * known * (found - heading(0 * known))
        return {"loss": (error - beyond).square().mean(), "velocity": error.square().mean()}

    def style(self, wav16: Tensor) -> Tensor:
        """float32 [B, 192]."""
        return style_of(self.campplus, self.acoustics, wav16)

    def _draw_prompts(
        self, corpus: Corpus, told: Conditions, windows: Windows, numbers: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, int, Tensor]:
        """Where prompts start [B], how many codes they have, and a style [B, 192] of the same speaker and delivery."""
        speakers, emotions = (column[numbers].numpy() for column in (corpus.speakers, corpus.emotions))
        spoken = np.where(rng.random(len(speakers)) < NEUTRAL_PROMPT_SHARE, NEUTRAL, emotions)
        codes = reference_length(self.limits.prompt, rng)
        starts = windows.starts(speakers, spoken, codes, rng)
        places = np.stack((speakers, spoken, rng.integers(told.styles.shape[2], size=len(speakers))))
        style = told.styles[tuple(carried(torch.from_numpy(places), self.device))]
        return carried(starts, self.device), codes, style
