"""The pack's velocity estimator over batches of lines of one length, in a form that gradients flow through.

Same modules, same numbers: the pack's own forward packs lines of differing lengths and writes in place, for inference.
B lines, L mel frames (prompt and target), C condition width, D width, W WaveNet width, J its layers, K taps, H heads.
"""

import math

import torch
from indextts2_multitalk.s2mel.dit_block import DiTBlock
from indextts2_multitalk.s2mel.estimator import Estimator
from indextts2_multitalk.s2mel.packing import ROTARY_BASE
from indextts2_multitalk.s2mel.step_tables import FREQUENCIES, LONGEST_PERIOD, TIME_SCALE, TimestepEmbedder
from indextts2_multitalk.s2mel.transformer import Transformer
from indextts2_multitalk.s2mel.wavenet import WaveNet
from torch import Tensor, nn
from torch.nn import functional

from .attention import halved

RMS_EPS, HEAD_EPS = 1e-5, 1e-6


def velocity(
    estimator: Estimator, x: Tensor, times: Tensor, condition: Tensor, prompt: Tensor, style: Tensor
) -> Tensor:
    """float32 [B, L, 80] of x and prompt [B, L, 80] at times [B], condition [B, L, C], style [B, 192].

    A line that is to know nothing (the unconditional branch) has zeros for condition, prompt and style.
    """
    early, late = time_embedding(estimator.t_embedder, times), time_embedding(estimator.t_embedder2, times)
    norms, gates = estimator.transformer.modulation_tables(early), estimator.wavenet.modulation_tables(late)
    scale, shift = estimator.final_layer.modulation_table(early)[:, :, None].unbind(1)
    known = estimator.cond_projection(condition)
    style = style[:, None].expand(-1, x.shape[1], -1)
    stream = estimator.cond_x_merge_linear(torch.cat((x, prompt, known, style), dim=-1))
    hidden = _transform(estimator.transformer, stream, norms)
    long = estimator.skip_linear(torch.cat((hidden, x), dim=-1))
    hidden = _wave(estimator.wavenet, estimator.conv1(long), long, gates)
    hidden = torch.addcmul(shift, functional.layer_norm(hidden, hidden.shape[-1:], eps=HEAD_EPS), scale)
    hidden = estimator.final_layer.linear(hidden)
    return functional.linear(hidden, estimator.conv2.weight.squeeze(-1), estimator.conv2.bias)


def time_embedding(embedder: TimestepEmbedder, times: Tensor) -> Tensor:
    """times [B] in 0…1 to [B, width]."""
    falling = torch.arange(FREQUENCIES, device=times.device) / FREQUENCIES
    angles = TIME_SCALE * times[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * falling)
    return embedder.mlp(torch.cat((angles.cos(), angles.sin()), dim=-1))


def _transform(transformer: Transformer, stream: Tensor, tables: Tensor) -> Tensor:
    """stream [B, L, D] through all blocks; tables [B, 2 per block + 1, 2, D]."""
    turns = _rotation(stream.shape[1], stream.shape[2] // transformer.blocks[0].heads, stream.device)
    skips: list[Tensor] = []
    for number, block in enumerate(transformer.blocks):
        if block.skip_in_linear is not None:
            stream = block.skip_in_linear(torch.cat((stream, skips.pop()), dim=-1))
        if 0 < number <= transformer.middle:
            skips.append(stream)
        stream = stream + _attend(block, _normed(stream, tables[:, 2 * number]), turns)
        stream = stream + _feed_forward(block, _normed(stream, tables[:, 2 * number + 1]))
    return _normed(stream, tables[:, -1])


def _normed(stream: Tensor, table: Tensor) -> Tensor:
    scale, shift = table[:, :, None].unbind(1)
    return torch.addcmul(shift, functional.rms_norm(stream, stream.shape[-1:], eps=RMS_EPS), scale)


def _attend(block: DiTBlock, x: Tensor, turns: Tensor) -> Tensor:
    qk, v = block.attention.wqkv(x).unflatten(-1, (3, block.heads, -1)).transpose(1, 3).split((2, 1), dim=2)
    (q, k), (v,) = halved(_turned(qk, turns)).unbind(2), halved(v).unbind(2)  # [B, H, L, E]
    attended = functional.scaled_dot_product_attention(q, k, v)
    return block.attention.wo(attended.transpose(1, 2).flatten(2).to(x.dtype))


def _feed_forward(block: DiTBlock, x: Tensor) -> Tensor:
    gate, value = block.feed_forward.w13(x).chunk(2, dim=-1)
    return block.feed_forward.w2(functional.silu(gate) * value)


def _rotation(length: int, width: int, device: torch.device) -> Tensor:
    """Rotary positions as complex numbers [L, width / 2] of length 1."""
    exponents = torch.arange(0, width, 2, device=device) / width
    angles = torch.outer(torch.arange(length, device=device), 1.0 / ROTARY_BASE**exponents)
    return torch.polar(torch.ones_like(angles), angles)


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    """Rotary positions on x [..., L, E], neighbouring channels paired."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2)


def _wave(wavenet: WaveNet, x: Tensor, long: Tensor, gates: Tensor) -> Tensor:
    """x [B, L, W], the transformer's output long [B, L, D], gates [B, J, 2 W] to [B, L, W]."""
    outs = []
    for layer, convolution in enumerate(wavenet.dilated_layers):
        first, second = (_convolved(wavenet, convolution, x, layer) + gates[:, layer, None]).chunk(2, dim=-1)
        outs.append(torch.tanh(first) * torch.sigmoid(second))
        if layer < len(wavenet.res_layers):
            x = x + wavenet.res_layers[layer](outs[-1])
    return wavenet.out_layer(torch.cat((*outs, long), dim=-1))


def _convolved(wavenet: WaveNet, convolution: nn.Linear, x: Tensor, layer: int) -> Tensor:
    """The layer's convolution without its bias, which lies in the gates; lines are mirrored at their ends."""
    dilation = wavenet.dilations[layer]
    reach = (wavenet.taps - 1) * dilation
    padded = functional.pad(x.mT, (reach - reach // 2, reach // 2), mode="reflect")
    windows = padded.unfold(-1, reach + 1, 1)[..., ::dilation]  # [B, W, L, K]
    return functional.linear(windows.permute(0, 2, 3, 1).flatten(2), convolution.weight)
