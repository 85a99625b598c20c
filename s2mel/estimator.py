"""The velocity field: a diffusion transformer over mel frames with a WaveNet head.

Dimensions: M frames of all lines together, R branches of guidance, N = R * M tokens, D width, C condition width,
S steps.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .config import S2MelConfig
from .packing import Packing
from .stages import EstimatorStages
from .step_tables import StepTable, StepTables, TimestepEmbedder, linear_float32
from .torch_ops import TORCH_OPS
from .transformer import Transformer
from .wavenet import WaveNet

TORCH_STAGES = EstimatorStages(TORCH_OPS)

BESIDE_ACTIVATIONS = 1.28
"""A step's memory over that of its activations: noise and tables, a tenth; gaps between tensors of five sizes, more."""


def count_token_bytes(config: S2MelConfig, itemsize: int) -> int:
    """What a step takes for each token where it takes most: in the first feed-forward that follows a merged skip.

    The lower half's streams still wait, all but one; the constants and the stream before and after the attention are
    float32 as they are. In the weights' dtype: the feed-forward's input, the attention's output, and the wide middle
    before and after its gate. Beside them the solver keeps two earlier velocities of every frame, one for each branch.
    Counted over the kernels' operations, and what the allocator reserves for them.
    """
    dit = config.dit
    inner = -(-int(8 * dit.hidden_dim / 3) // 256) * 256
    activations = 4 * dit.hidden_dim * (dit.depth // 2 + 2) + itemsize * (2 * dit.hidden_dim + 3 * inner)
    return int(BESIDE_ACTIVATIONS * activations) + 4 * dit.in_channels


class FinalLayer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def modulation_table(self, time: Tensor) -> Tensor:
        """time [S, W] to float32 [S, 2, W]: scale and shift."""
        shift, scale = linear_float32(self.adaLN_modulation[1], nn.functional.silu(time)).chunk(2, dim=-1)
        return torch.stack([1 + scale, shift], dim=1)


class Estimator(nn.Module):
    """Works on packed tokens. What stays the same in all steps comes from `project_conditions`, what depends on t alone
    from `step_tables`; `forward` is the rest. Raises ValueError where its halves differ in width."""

    def __init__(self, config: S2MelConfig) -> None:
        super().__init__()
        dit, width, wave = config.dit, config.dit.hidden_dim, config.wavenet.hidden_dim
        if width != wave:
            got = f"got DiT.hidden_dim and wavenet.hidden_dim {(width, wave)}"
            raise ValueError(f"S2Mel config: {got}, expected the same width")
        self.config = config
        self.bands = dit.in_channels
        self.head_width = width // dit.num_heads
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

    @property
    def device(self) -> torch.device:
        return self.cond_projection.weight.device

    def step_tables(self, starts: Sequence[float]) -> StepTables:
        """Everything that depends on t alone, float32, for S steps that evaluate the velocity at `starts`."""
        time, time2 = self.t_embedder(starts), self.t_embedder2(starts)
        norms, gates = self.transformer.modulation_tables(time), self.wavenet.modulation_tables(time2)
        return StepTables.stack_tables(norms, gates, self.final_layer.modulation_table(time))

    def project_conditions(self, condition: Tensor, prompt: Tensor, style: Tensor, packing: Packing) -> Tensor:
        """The input projection of all that the steps share: float32 [R, M, D].

        condition [F, C] of all F frames that `packing` has; prompt [F, bands], zero outside the prompt; style [L, 192].
        The unconditional branch knows none of them, so that one frame's worth of it serves every frame. Raises
        ValueError for a line too short for the WaveNet's convolutions.
        """
        if min(packing.lengths) <= self.wavenet.longest_context:
            got, least = min(packing.lengths), self.wavenet.longest_context + 1
            raise ValueError(f"got a line of {got} frames with its prompt; the WaveNet's convolutions need {least}")
        _, prompt_weight, condition_weight, style_weight = self._merge_weights()
        lengths = torch.tensor(packing.lengths, device=style.device)
        known = self.cond_projection(condition) @ condition_weight.T + prompt @ prompt_weight.T
        known = known + (style @ style_weight.T).repeat_interleave(lengths, dim=0, output_size=len(condition))
        out = self.cond_x_merge_linear.bias.float().repeat(packing.branches, packing.frames, 1)
        out[0, : len(known)] += known
        out[1:] += self.cond_projection.bias @ condition_weight.T
        return out

    def forward(
        self, x: Tensor, constants: Tensor, step: StepTable, packing: Packing, stages: EstimatorStages = TORCH_STAGES
    ) -> Tensor:
        """Velocity of every branch at one time: x float32 [M, bands], constants [R, M, D] to float32 [R, M, bands].

        Prompts are attended to and stay where they are: where the packing has a generated region, their velocity means
        nothing.
        """
        region = packing.generated
        stream = stages.embed_frames(x, constants, self._merge_weights()[0])
        stream, delta = self.transformer(stream, step.norms, packing, stages)
        moving, packed = (x, packing) if region is None else (x[region.frame_index], region.packing)
        long, hidden = stages.final_projection(stream, delta, step.norms[-1], moving, self.skip_linear, self.conv1)
        hidden = self.wavenet(hidden, long, step.gates, packed, stages)
        velocity = stages.velocity_head(hidden, step.final, self.final_layer.linear, self.conv2)
        velocity = velocity.unflatten(0, (packed.branches, packed.frames))
        return velocity if region is None else velocity.index_select(1, region.position)

    def _merge_weights(self) -> tuple[Tensor, ...]:
        """The input projection's columns: for x, prompt, projected condition and style."""
        weight = self.cond_x_merge_linear.weight
        known = (self.bands, self.bands, self.cond_projection.out_features)
        return weight.split([*known, weight.shape[1] - sum(known)], dim=1)
