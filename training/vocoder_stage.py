"""BigVGAN: mel of real speech back into it; first by spectra alone, then against discriminators too.

B clips, F mel frames, N samples.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
from indextts2_multitalk.indextts.vocoder.bigvgan import BigVGAN
from indextts2_multitalk.indextts.vocoder.snake import SnakeBeta
from torch import Tensor, nn
from transformers.audio_utils import mel_filter_bank

from .acoustics import EDGE22, FRAMES_PER_CODE, Acoustics
from .corpus import Corpus
from .discriminators import Discriminators, discriminator_loss, generator_losses, magnitude
from .optimizing import optimizer
from .sizes import new_vocoder
from .snake import snake
from .stage import Stage

CLIP_FRAMES = 32
SPECTRA_SHARE = 0.3
"""Of the stage's time before the discriminators have a say."""
MEL_WEIGHT, FEATURE_WEIGHT = 15.0, 2.0
MEL_SCALES = ((256, 64, 40), (1024, 256, 80), (2048, 512, 160))
"""FFT size, hop and bands of the spectra that are compared."""


class VocoderStage(Stage):
    """`config`: as in `bigvgan/config.json`."""

    name = "vocoder"

    def __init__(
        self, config: dict[str, Any], corpus: Corpus, unheard: Corpus, device: torch.device, clips: int = 48
    ) -> None:
        generator, discriminators = new_vocoder(config), Discriminators()
        ready_for_training(generator, compiled=device.type == "cuda")
        spectra = nn.ModuleList(LogMel(*scale) for scale in MEL_SCALES)
        modules = {
            "generator": generator,
            "discriminators": discriminators,
            "spectra": spectra,
            "acoustics": Acoustics(),
        }
        super().__init__(modules, device, rate=0.0)
        betas = (0.8, 0.99)
        self.optimizers = [
            optimizer(self.modules["generator"].parameters(), 8e-4, 0.001, betas),
            optimizer(self.modules["discriminators"].parameters(), 4e-4, 0.001, betas),
        ]
        self.corpus, self.unheard, self.clips = corpus, unheard, clips

    def update(self, rng: np.random.Generator, share: float) -> dict[str, Tensor]:
        self.modules.train()
        mel, real = self._draw(self.corpus, rng, self.clips)
        made = self.vocode(mel)
        losses = {"mel": self._spectral_distance(real, made)}
        total = MEL_WEIGHT * losses["mel"]
        if share > SPECTRA_SHARE:
            losses["discriminator"] = self._train_discriminators(real, made.detach())
            discriminators = self.modules["discriminators"].requires_grad_(False)
            with self.half():
                adversarial, features = generator_losses(discriminators(real), discriminators(made))
            discriminators.requires_grad_(True)
            losses |= {"adversarial": adversarial, "features": features}
            total = total + adversarial + FEATURE_WEIGHT * features
        norm = self.step(total, self.optimizers[0], clip=50.0)
        return {**{name: value.detach() for name, value in losses.items()}, "norm": norm}

    @torch.no_grad()
    def finish(self) -> dict[str, float]:
        mel, real = self._draw(self.unheard, np.random.default_rng(0), 32)
        return {"unheard_mel": float(self._spectral_distance(real, self.vocode(mel)))}

    def vocode(self, mel: Tensor) -> Tensor:
        """Log-mel [B, 80, F] to waveform float32 [B, N]; all but the last layer in half precision on a GPU."""
        generator: BigVGAN = self.modules["generator"]
        with self.half():
            x = generator.conv_pre(mel)
            for stage, up in enumerate(generator.ups):
                x = generator.run_stage(stage, up(x))
            x = generator.activation_post(x)
        return generator.conv_post(x.float()).clamp(-1, 1)[:, 0]

    def _draw(self, corpus: Corpus, rng: np.random.Generator, clips: int) -> tuple[Tensor, Tensor]:
        """Mel [B, 80, F] and the samples [B, N] that belong to its frames."""
        reach = int(CLIP_FRAMES / FRAMES_PER_CODE) + 3
        starts = torch.from_numpy(rng.integers(1, max(2, corpus.codes - reach), clips))
        wav = corpus.clips22(starts, CLIP_FRAMES)
        return self.modules["acoustics"].mel(wav), wav[:, EDGE22:-EDGE22]

    def _spectral_distance(self, real: Tensor, made: Tensor) -> Tensor:
        distances = [(spectrum(made) - spectrum(real)).abs().mean() for spectrum in self.modules["spectra"]]
        return torch.stack(distances).mean()

    def _train_discriminators(self, real: Tensor, made: Tensor) -> Tensor:
        discriminators = self.modules["discriminators"]
        with self.half():
            loss = discriminator_loss(discriminators(real), discriminators(made))
        self.step(loss, self.optimizers[1], clip=50.0)
        return loss.detach()


class LogMel(nn.Module):
    """A log-mel spectrum at one resolution."""

    window: Tensor
    bank: Tensor

    def __init__(self, n_fft: int, hop: int, bands: int) -> None:
        super().__init__()
        self.n_fft, self.hop = n_fft, hop
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        bank = mel_filter_bank(n_fft // 2 + 1, bands, 0.0, 22050 / 2, 22050, norm="slaney", mel_scale="slaney")
        self.register_buffer("bank", torch.from_numpy(bank.T).float().contiguous(), persistent=False)

    def forward(self, wav: Tensor) -> Tensor:
        """[B, N] to float32 [B, bands, frames]."""
        return torch.log((self.bank @ magnitude(wav, self.n_fft, self.hop, self.window)).clamp_min(1e-5))


def ready_for_training(generator: BigVGAN, compiled: bool) -> None:
    """Give every snake a form that has gradients: the pack's own works in place.

    compiled: as a few kernels; a GPU would spend most of its time on the many small ones.
    """
    if compiled:
        torch._dynamo.config.suppress_errors = True  # where there is no compiler it is slower and as right
    function = torch.compile(snake) if compiled else snake
    for module in generator.modules():
        if isinstance(module, SnakeBeta):
            vars(module)["forward"] = partial(_snake, module, function)


def _snake(module: SnakeBeta, function, x: Tensor) -> Tensor:
    return function(x, *module.parameters_float32())
