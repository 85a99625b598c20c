"""BigVGAN v2: mel into waveform (Lee et al. 2023).

Dimensions: B lines, F mel frames, C channels, T samples at some stage, K taps.
"""

import math

import torch
from torch import Tensor, nn

from ...runtime.weight_norm import fold_weight_norm
from ..config import BigVGANConfig
from ..errors import ConfigError
from .snake import SnakeBeta

IGNORED = ("*.filter",)
"""Constants of the architecture, computed anew."""


def rename_bigvgan_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The released generator's state dict as `BigVGAN`'s: weight norm folded, filters left out, wrappers dropped."""
    kept = {_strip_wrappers(name): tensor for name, tensor in state.items() if not name.endswith(".filter")}
    return fold_weight_norm(kept)


def _strip_wrappers(name: str) -> str:
    """`ups.0.0.weight_g` is layer `ups.0`; `activations.0.act.alpha` belongs to `activations.0` itself."""
    head, *rest = name.split(".")
    if head == "ups":
        return ".".join([head, rest[0], *rest[2:]])
    return name.replace(".act.", ".")


class AMPBlock(nn.Module):
    """Anti-aliased multi-periodicity: per dilation snake, dilated convolution, snake, convolution, and a residual."""

    def __init__(self, config: BigVGANConfig, channels: int, taps: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, taps, dilation=d, padding=(taps - 1) * d // 2) for d in dilations
        )
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, taps, padding=(taps - 1) // 2) for _ in dilations)
        self.activations = nn.ModuleList(SnakeBeta(channels, config.snake_logscale) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] to the same."""
        for n, (dilated, plain) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            y = dilated(self.activations[2 * n](x))
            x = x + plain(self.activations[2 * n + 1](y))
        return x


class BigVGAN(nn.Module):
    """The generator, weight norm folded. Raises `ConfigError` for a variant that the released file does not use."""

    def __init__(self, config: BigVGANConfig) -> None:
        super().__init__()
        _check_variant(config)
        self.config = config
        channels = config.upsample_initial_channel
        self.conv_pre = nn.Conv1d(config.num_mels, channels, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        for rate, taps in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
            up = nn.ConvTranspose1d(channels, channels // 2, taps, rate, padding=(taps - rate) // 2)
            channels //= 2
            self.ups.append(up)
            for block in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True):
                self.resblocks.append(AMPBlock(config, channels, *block))
        self.activation_post = SnakeBeta(channels, config.snake_logscale)
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3, bias=config.use_bias_at_final)

    @property
    def hop_length(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.config.upsample_rates)

    @property
    def dtype(self) -> torch.dtype:
        return self.conv_pre.weight.dtype

    def forward(self, mel: Tensor) -> Tensor:
        """Log-mel [B, 80, F] to waveform [B, 1, F * hop] within -1..1, in the weights' dtype."""
        x = self.conv_pre(mel.to(self.dtype))
        for stage, up in enumerate(self.ups):
            x = self.run_stage(stage, up(x))
        x = self.conv_post(self.activation_post(x))
        return x.tanh() if self.config.use_tanh_at_final else x.clamp(-1.0, 1.0)

    def run_stage(self, stage: int, x: Tensor) -> Tensor:
        """The mean of a stage's residual blocks, one per kernel size."""
        kernels = len(self.config.resblock_kernel_sizes)
        blocks = self.resblocks[stage * kernels : (stage + 1) * kernels]
        return sum(block(x) for block in blocks) / kernels


def _check_variant(config: BigVGANConfig) -> None:
    got = (config.resblock, config.activation)
    if got != ("1", "snakebeta"):
        raise ConfigError(
            f"bigvgan/config.json: got resblock and activation {got}, expected ('1', 'snakebeta'); "
            "use the config.json of nvidia/bigvgan_v2_22khz_80band_256x"
        )
