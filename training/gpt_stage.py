"""The decoder and the encoder of voices and emotions, trained as one: text, a voice and an emotion in, codes out.

Beside the codes it learns three things of its own: two attention heads are shown where in the text to look (the
synthesizer knows which token is being spoken), so that it reads from the first minute on; its hidden states say at
what pitch and level, which is all that the flow hears of delivery; and so that there is something to say it from, voice
and emotion together say the mean pitch and level of the utterance.
B utterances, T codes, N text tokens, D width.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import numpy as np
import torch
from indextts2_multitalk.indextts.conditioning.voice_encoder import VoiceEncoder
from indextts2_multitalk.indextts.config import ModelConfig
from indextts2_multitalk.indextts.gpt.model import GPT2Block, UnifiedVoice
from torch import Tensor, nn
from torch.nn import functional

from .attention import halve_attention
from .convolution import as_products
from .corpus import Lengths, Windows, carried
from .known_voices import KnownVoices
from .optimizing import WARM_SHARE
from .references import Heard, References, draw_references, draw_roles
from .sequence import guided_layer, run_decoder
from .sizes import new_gpt, new_voice_encoder, trained_gpt_config
from .stage import Stage
from .tokens import Reader

MISHEARD_SHARE = 0.3
"""At most, of the codes that an utterance goes on from: half of the utterances have some, in spans."""
SPAN = 4
WEIGHTS = {"code": 1.0, "pointer": 0.5, "prosody": 1.0, "delivery": 0.5, "normalizer": 2e-3, "loudness": 1e-3}


@dataclass(frozen=True, eq=False)
class Sounding:
    """How a batch is really spoken, all [B, T]: octaves, voiced (1 or 0), level."""

    octaves: Tensor
    voiced: Tensor
    level: Tensor

    @classmethod
    def of(cls, heard: Heard, starts: Tensor, length: int) -> "Sounding":
        """Of the `length` codes from each of `starts` [B]."""
        prosody = heard.prosody
        parts = (prosody.octaves, prosody.voiced, prosody.level)
        return cls(*(heard.corpus.take(part, starts, length).float() for part in parts))

    def errors(self, sounds: Tensor) -> dict[str, Tensor]:
        """sounds [B, T, 3]: octaves, voicing logit, level. `prosody` is to be minimized, `pitch` a part of it."""
        pitch = ((sounds[..., 0] - self.octaves).abs() * self.voiced).sum() / self.voiced.sum().clamp_min(1)
        voicing = functional.binary_cross_entropy_with_logits(sounds[..., 1], self.voiced)
        level = (sounds[..., 2] - self.level).abs().mean()
        return {"prosody": 2 * pitch + 0.3 * voicing + level, "pitch": pitch, "level": level}

    def delivery_error(self, means: Tensor) -> Tensor:
        """means [B, 2]: of octaves where it is voiced, and of the level."""
        octaves = (self.octaves * self.voiced).sum(1) / self.voiced.sum(1).clamp_min(1)
        return (2 * (means[:, 0] - octaves).abs() + (means[:, 1] - self.level.mean(1)).abs()).mean()


class Loudness:
    """Mean square of the perceivers' queries, keys and values, to be kept small.

    Nothing in a perceiver bounds what its attention multiplies: only its output is normalized. Left alone, scores grew
    to 1e9, all attention went to the latent itself, and what was said no longer had any emotion in it.
    """

    def __init__(self, voice: nn.Module) -> None:
        self._squares: dict[str, Tensor] = {}
        for name, module in voice.named_modules():
            if name.endswith((".to_q", ".to_kv")):
                module.register_forward_hook(partial(self._note, name))

    def last(self) -> Tensor:
        """Over the references that were heard last."""
        return torch.stack(list(self._squares.values())).mean()

    def _note(self, name: str, _module: nn.Module, _inputs: tuple[Tensor, ...], found: Tensor) -> None:
        self._squares[name] = found.square().mean()


@dataclass(frozen=True)
class Manner:
    """dropout: share of what each block adds that is lost. fixed_voices: the encoder of voices and emotions stays as it
    is. compiled: the decoder's blocks run compiled.
    """

    dropout: float = 0.1
    fixed_voices: bool = False
    compiled: bool = False


class GPTStage(Stage):
    """`heads` are the trainer's and are not exported. `unheard` is measured on at the end."""

    name = "gpt"

    def __init__(
        self,
        config: ModelConfig,
        heard: Heard,
        unheard: Heard,
        device: torch.device,
        codes_per_batch: int = 24000,
        manner: Manner = Manner(),
    ) -> None:
        width = config.gpt.model_dim
        heads = nn.ModuleDict({"prosody": nn.Linear(width, 3), "delivery": nn.Linear(width, 2)})
        voice = new_voice_encoder(config).requires_grad_(not manner.fixed_voices)
        super().__init__(
            {"gpt": new_gpt(config), "voice": voice, "heads": heads}, device, rate=1.5e-3, decay=0.1, paced=True
        )
        self.manner = manner
        self.loudness = Loudness(self.modules["voice"])
        halve_attention(self.modules["gpt"])
        drop_out(self.modules["gpt"], manner.dropout)
        as_products(self.modules["voice"])
        if manner.compiled:
            compile_blocks(self.modules["gpt"])
        self.codes_per_batch = codes_per_batch
        self.stop = trained_gpt_config(config).stop_mel_token
        self.heard, self.unheard = heard, unheard
        self.windows = Windows(heard.corpus)
        self.lengths = Lengths(heard.corpus, codes_per_batch, longest=config.gpt.max_mel_tokens - 2)

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        numbers = self.lengths.draw(rng)
        with self.products():
            if self.manner.fixed_voices:
                voice = self.known_voices.prompt(draw_roles(self.heard, self.windows, numbers, rng), rng)
            else:
                voice = self.prompt(draw_references(self.heard, self.windows, numbers, rng))
            losses = self._losses(self.heard, voice, numbers, rng, settled=share > WARM_SHARE)
        norm = self.step(torch.stack([weight * losses[name] for name, weight in WEIGHTS.items()]).sum())
        return {**{name: value.detach() for name, value in losses.items()}, "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        rng, windows = np.random.default_rng(0), Windows(self.unheard.corpus)
        lengths = Lengths(self.unheard.corpus, self.codes_per_batch)
        rounds = []
        for _ in range(6):
            numbers = lengths.draw(rng)
            voice = self.prompt(draw_references(self.unheard, windows, numbers, rng))
            rounds.append(self._losses(self.unheard, voice, numbers, rng))
        return {f"unheard_{name}": float(torch.stack([r[name] for r in rounds]).mean()) for name in rounds[0]}

    @cached_property
    def known_voices(self) -> KnownVoices:
        return KnownVoices(self.modules["voice"], self.heard, self.windows)

    def _losses(
        self, heard: Heard, voice: Tensor, numbers: Tensor, rng: np.random.Generator, settled: bool = True
    ) -> dict[str, Tensor]:
        """Cross-entropy of codes, its accuracy, the pointer's cross-entropy and the error of pitch and level.

        settled: whether the heads have learnt enough for the decoder to learn from what they find.
        """
        starts, length = carried(heard.corpus.starts[numbers], self.device), int(heard.corpus.lengths[numbers[0]])
        codes = heard.corpus.take(heard.codes, starts, length)
        variant = int(rng.integers(2))
        text, counts = self.text(heard.reader, numbers, variant)
        said = misheard(codes) if self.modules.training else codes
        hidden = run_decoder(self.modules["gpt"], voice, text, counts, said, int(rng.integers(1, 3)))
        logits = self.modules["gpt"].mel_head(hidden.codes)
        heads, sounding = self.modules["heads"], Sounding.of(heard, starts, length)
        spoken = hidden.codes[:, :-1] if settled else hidden.codes[:, :-1].detach()
        targets = functional.pad(codes, (0, 1), value=self.stop)
        places = heard.corpus.take(heard.reader.spoken[variant], starts, length).long()
        return {
            "code": functional.cross_entropy(logits.flatten(0, 1), targets.flatten()),
            "accuracy": (logits.argmax(-1) == targets).float().mean(),
            "pointer": pointer_loss(hidden.looks, places, counts),
            "normalizer": logits.logsumexp(-1).square().mean(),
            "delivery": sounding.delivery_error(heads["delivery"](voice.mean(dim=1))),
            "loudness": self.loudness.last(),
            **sounding.errors(heads["prosody"](spoken)),
        }

    def prompt(self, references: References) -> Tensor:
        """Latents with the emotion added, [B, 32, D]."""
        encoder: VoiceEncoder = self.modules["voice"]
        return encoder.voice_latents(references.voice) + encoder.emotion_vector(references.emotion)[:, None]

    def text(self, reader: Reader, numbers: Tensor, variant: int) -> tuple[Tensor, Tensor]:
        """Token ids [B, N] of one of the two readings, padded, and how many of each are real."""
        counts = reader.counts[variant][numbers.numpy()]
        ids = reader.ids[variant][numbers.numpy(), : counts.max()]
        return carried(torch.from_numpy(ids), self.device), carried(torch.from_numpy(counts), self.device)


def misheard(codes: Tensor) -> Tensor:
    """Codes [B, T] in which some spans are the next utterance's.

    An utterance that goes on from what was never said must look at the text. Without this, decoders learn by heart how
    the utterances they know go on: cross-entropy 0.96 of those, 1.29 of others by speakers of the same kind.
    """
    batch, length = codes.shape
    shares = (2 * MISHEARD_SHARE * torch.rand(batch, 1, device=codes.device) - MISHEARD_SHARE).clamp_min(0)
    spans = torch.rand(batch, -(-length // SPAN), device=codes.device) < shares
    return torch.where(spans.repeat_interleave(SPAN, dim=1)[:, :length], codes.roll(1, dims=0), codes)


def drop_out(model: UnifiedVoice, share: float) -> None:
    """Let some of what each block adds be lost in training; weights and names stay."""
    if share:
        for block in cast(Iterable[GPT2Block], model.gpt.h):
            for part in (block.attn.c_proj, block.mlp):
                part.register_forward_hook(lambda module, _, out: functional.dropout(out, share, module.training))


def pointer_loss(looks: Tensor, places: Tensor, counts: Tensor) -> Tensor:
    """Mean cross-entropy of the guided heads' looks [B, H, T, N]: the first at the token being spoken, `places` [B, T],
    the second at the one after it. Places of -1 do not count.
    """
    beyond = torch.arange(looks.shape[-1], device=looks.device) >= counts[:, None]
    looks = looks.masked_fill(beyond[:, None, None], -1e4)
    after = torch.where(places < 0, places, torch.minimum(places + 1, counts[:, None] - 1))
    wanted = torch.stack((places, after), dim=1)[:, : looks.shape[1]]
    return functional.cross_entropy(looks.flatten(0, 2), wanted.flatten(), ignore_index=-1)


def compile_blocks(model: UnifiedVoice) -> None:
    """Fuse what is not a product, half of a block's time on a CPU; not in the layer that is looked into."""
    for number, block in enumerate(model.gpt.h):
        if number != guided_layer(model.config):
            block.compile(dynamic=True)
