"""The velocity field: a diffusion transformer over mel frames with a WaveNet head.

Dimensions: M frames of all lines together, R branches, N = R * M tokens, D width, C condition width, S steps.
"""

import torch
from torch import Tensor, nn

from . import ops
from .config import S2MelConfig
from .packing import Packing
from .schedule import Schedule, StepTable, Times, TimestepEmbedder, linear32
from .transformer import Transformer
from .wavenet import WaveNet

HEAD_EPS = 1e-6
FIXED = {
    "style_condition": True,
    "final_layer_type": "wavenet",
    "is_causal": False,
    "long_skip_connection": True,
    "zero_prompt_speech_token": False,
    "time_as_token": False,
    "style_as_token": False,
    "uvit_skip_connection": True,
    "add_resblock_in_transformer": False,
}
"""Settings of the DiT section that this estimator is written for; another value is another network."""


class FinalLayer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def table(self, time: Tensor) -> Tensor:
        """time [S, W] to float32 [S, 2, W]: scale and shift."""
        shift, scale = linear32(self.adaLN_modulation[1], nn.functional.silu(time)).chunk(2, dim=-1)
        return torch.stack([1 + scale, shift], dim=1)


class Estimator(nn.Module):
    """Works on packed tokens. What stays the same in all steps comes from `constants`, what depends on t alone from
    `schedule`; `forward` is the rest. Raises ValueError for a configuration that describes another network."""

    def __init__(self, config: S2MelConfig) -> None:
        super().__init__()
        _check(config)
        dit, width, wave = config.dit, config.dit.hidden_dim, config.wavenet.hidden_dim
        self.bands = dit.in_channels
        self.cond_projection = nn.Linear(dit.content_dim, width)
        self.cond_x_merge_linear = nn.Linear(2 * self.bands + width + config.style_encoder.dim, width)
        self.t_embedder = TimestepEmbedder(width)
        self.transformer = Transformer(dit)
        self.skip_linear = nn.Linear(width + self.bands, width)
        self.conv1 = nn.Linear(width, wave)
        self.t_embedder2 = TimestepEmbedder(wave)
        self.wavenet = WaveNet(config.wavenet, width)
        self.final_layer = FinalLayer(wave)
        self.conv2 = nn.Conv1d(wave, self.bands, 1)

    @property
    def dtype(self) -> torch.dtype:
        return self.cond_projection.weight.dtype

    def schedule(self, times: Times) -> Schedule:
        """Everything that depends on t alone, float32, for all S steps."""
        time, time2 = self.t_embedder(times.starts), self.t_embedder2(times.starts)
        return Schedule.stack(self.transformer.tables(time), self.wavenet.tables(time2), self.final_layer.table(time))

    def constants(self, condition: Tensor, prompt: Tensor, style: Tensor, packing: Packing) -> Tensor:
        """The input projection of all that the steps share: float32 [N, D].

        condition [M, C]; prompt [M, bands], zero outside the prompt; style [L, 192]. The unconditional branch knows
        none of them, so that one frame's worth of it serves every frame.
        """
        _, prompt_weight, condition_weight, style_weight = self._merge_weights()
        lengths = torch.tensor(packing.lengths, device=style.device)
        merged = self.cond_projection(condition) @ condition_weight.T + prompt @ prompt_weight.T
        merged = merged + (style @ style_weight.T).repeat_interleave(lengths, dim=0)
        nothing = (self.cond_projection.bias @ condition_weight.T).expand_as(merged)
        branches = torch.cat([merged, nothing][: packing.branches])
        return branches.float() + self.cond_x_merge_linear.bias.float()

    def forward(self, x: Tensor, constants: Tensor, step: StepTable, packing: Packing) -> Tensor:
        """Velocity of every branch at one time: x float32 [M, bands], constants [N, D] to float32 [R, M, bands]."""
        frames = x.to(self.dtype)
        stream = constants + (frames @ self._merge_weights()[0].T).repeat(packing.branches, 1)
        hidden = self.transformer(stream, step.norms, packing, self.dtype)
        long = self.skip_linear(torch.cat([hidden, frames.repeat(packing.branches, 1)], dim=-1))
        hidden = self.wavenet(self.conv1(long), long, step.gates, packing)
        hidden = self.final_layer.linear(ops.modulated_norm(hidden, step.final, HEAD_EPS, self.dtype))
        velocity = nn.functional.linear(hidden, self.conv2.weight.squeeze(-1), self.conv2.bias)
        return velocity.float().unflatten(0, (packing.branches, packing.frames))

    def _merge_weights(self) -> tuple[Tensor, ...]:
        """The input projection's columns: for x, prompt, projected condition and style."""
        weight = self.cond_x_merge_linear.weight
        known = (self.bands, self.bands, self.cond_projection.out_features)
        return weight.split([*known, weight.shape[1] - sum(known)], dim=1)


def _check(config: S2MelConfig) -> None:
    for key, expected in FIXED.items():
        if getattr(config.dit, key) != expected:
            raise ValueError(f"S2Mel config: got DiT.{key} = {getattr(config.dit, key)!r}, expected {expected!r}")
    if config.dit.hidden_dim != config.wavenet.hidden_dim:
        got = (config.dit.hidden_dim, config.wavenet.hidden_dim)
        raise ValueError(f"S2Mel config: got DiT.hidden_dim and wavenet.hidden_dim {got}, expected the same width")
