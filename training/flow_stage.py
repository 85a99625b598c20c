"""S2Mel: codes and the decoder's hidden states into mel, in the voice of a prompt (flow matching, Lipman et al. 2023).

Encoder, codec, decoder and CAMPPlus are done and stay as they are. A batch is laid out as in use: a prompt by the same
speaker, known by its codes and its mel, then an utterance, known by its codes and the decoder's states.
B utterances, T codes, R codes of the prompt, F frames, L frames of both, C condition width, D the decoder's width.
"""

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.campplus import CAMPPlus
from indextts2_multitalk.indextts.conditioning.codec import SemanticCodec
from indextts2_multitalk.indextts.config import ModelConfig
from torch import Tensor
from torch.nn import functional

from .acoustics import FRAMES_PER_CODE, SPOKEN_FRAMES_PER_CODE, Acoustics, style_input
from .corpus import Lengths, Windows
from .gpt_stage import GPTStage, Heard, draw_references, reference_length
from .sequence import run_decoder
from .sizes import new_s2mel
from .speakers import NEUTRAL
from .stage import Stage
from .velocity import velocity

PROMPT_CODES = (50, 350)
FORGETFUL_SHARE = 0.12
"""Of the utterances are spoken knowing nothing, which is what guidance leads away from."""
NEUTRAL_PROMPT_SHARE = 0.7


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
        codes_per_batch: int = 9600,
    ) -> None:
        self.acoustics = Acoustics().to(device)
        corpus = gpt.heard.corpus
        sample = torch.from_numpy(np.random.default_rng(0).integers(0, corpus.codes, 200))
        mean_mel = self.acoustics.mel(corpus.clips22(sample, 50)).mean(dim=(0, 2)).cpu()
        self.codes_per_batch = codes_per_batch
        super().__init__({"s2mel": new_s2mel(config, mean_mel)}, device, rate=1.2e-3)
        self.gpt, self.codec, self.campplus = gpt, codec, campplus
        for frozen in (gpt.modules, codec, campplus):
            frozen.eval().requires_grad_(False)
        self.windows = Windows(corpus)
        self.lengths = Lengths(corpus, codes_per_batch, longest=500)

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        losses = self._losses(self.gpt.heard, self.windows, self.lengths.draw(rng), rng)
        norm = self.step(losses["velocity"])
        return {**{name: value.detach() for name, value in losses.items()}, "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        rng, unheard = np.random.default_rng(0), self.gpt.unheard
        windows, lengths = Windows(unheard.corpus), Lengths(unheard.corpus, self.codes_per_batch)
        rounds = [self._losses(unheard, windows, lengths.draw(rng), rng)["velocity"] for _ in range(6)]
        return {"unheard_velocity": float(torch.stack(rounds).mean())}

    def _losses(self, heard: Heard, windows: Windows, numbers: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """The mean squared error of the velocity over the target's frames."""
        corpus, s2mel = heard.corpus, self.modules["s2mel"]
        starts, length = corpus.starts[numbers], int(corpus.lengths[numbers[0]])
        prompt_starts, prompt_codes = self._draw_prompts(corpus, windows, numbers, rng)
        prompt_frames, frames = int(prompt_codes * FRAMES_PER_CODE), int(length * SPOKEN_FRAMES_PER_CODE)
        with torch.no_grad(), self.half():
            latents = self._latents(heard, windows, numbers, rng)
            style = self.style(corpus.clips16(prompt_starts, prompt_codes))
        prompt_content = self.codec.vq2emb(corpus.take(heard.codes, prompt_starts, prompt_codes))
        content = self.codec.vq2emb(corpus.take(heard.codes, starts, length))
        prompt_mel = self.acoustics.mel(corpus.clips22(prompt_starts, prompt_frames)).mT
        mel = self.acoustics.mel(corpus.clips22(starts, frames)).mT
        known = (torch.rand(len(numbers), 1, 1, device=self.device) > FORGETFUL_SHARE).float()
        with self.half():
            regulate = s2mel.length_regulator
            target = regulate(s2mel.content(content, latents), frames)
            condition = torch.cat((regulate(prompt_content, prompt_frames), target), dim=1)
            times = torch.rand(len(numbers), device=self.device)
            noise = torch.randn_like(mel)
            moving = noise + times[:, None, None] * (mel - noise)
            ahead = (0, 0, prompt_frames, 0)
            found = velocity(
                s2mel.cfm.estimator,
                functional.pad(moving, ahead),
                times,
                condition.float() * known,
                functional.pad(prompt_mel, (0, 0, 0, frames)) * known,
                style * known[:, 0],
            )
        error = found[:, prompt_frames:] - (mel - noise)
        return {"velocity": error.square().mean(), "absolute": error.abs().mean()}

    def style(self, wav16: Tensor) -> Tensor:
        """float32 [B, 192]."""
        return self.campplus(style_input(self.acoustics.energies(wav16))).float()

    def _latents(self, heard: Heard, windows: Windows, numbers: Tensor, rng: np.random.Generator) -> Tensor:
        """The decoder's states [B, T, D] in its second pass, where codes stand at 1, 2, …"""
        starts, length = heard.corpus.starts[numbers], int(heard.corpus.lengths[numbers[0]])
        text, counts = self.gpt.text(heard.reader, numbers, 0)
        voice = self.gpt.prompt(draw_references(heard, windows, numbers, rng))
        codes = heard.corpus.take(heard.codes, starts, length)
        return run_decoder(self.gpt.modules["gpt"], voice, text, counts, codes, 1).codes[:, :-1].float()

    def _draw_prompts(self, corpus, windows: Windows, numbers: Tensor, rng: np.random.Generator) -> tuple[Tensor, int]:
        speakers, emotions = (column[numbers].tolist() for column in (corpus.speakers, corpus.emotions))
        neutral = rng.random(len(speakers)) < NEUTRAL_PROMPT_SHARE
        spoken = [NEUTRAL if plain else emotion for emotion, plain in zip(emotions, neutral, strict=True)]
        codes = reference_length(PROMPT_CODES, rng)
        return windows.starts(speakers, spoken, codes, rng), codes
