"""The pack's velocity estimator over batches of lines of one length, in a form that gradients flow through.

Same modules, same numbers: the pack's own forward packs lines of differing lengths and writes in place, for inference.
B lines, L mel frames (prompt and target), C condition width, D width, W WaveNet width, J its layers, K taps, H heads.
"""

import math

import torch
from indextts2_multitalk.s2mel.estimator import Estimator
from indextts2_multitalk.s2mel.packing import ROTARY_BASE
from indextts2_multitalk.s2mel.schedule import FREQUENCIES, LONGEST_PERIOD, TIME_SCALE, TimestepEmbedder
from indextts2_multitalk.s2mel.transformer import Block, Transformer
from indextts2_multitalk.s2mel.wavenet import WaveNet
from torch import Tensor, nn
from torch.nn import functional

RMS_EPS, HEAD_EPS = 1e-5, 1e-6


def velocity(
    estimator: Estimator, x: Tensor, times: Tensor, condition: Tensor, prompt: Tensor, style: Tensor
) -> Tensor:
    """float32 [B, L, 80] of x and prompt [B, L, 80] at times [B], condition [B, L, C], style [B, 192].

    A line that is to know nothing (the unconditional branch) has zeros for condition, prompt and style.
    """
    with torch.autocast(x.device.type, enabled=False):  # as in use: what depends on time alone is float32 there too
        early, late = time_embedding(estimator.t_embedder, times), time_embedding(estimator.t_embedder2, times)
        norms, gates = estimator.transformer.tables(early), estimator.wavenet.tables(late)
        scale, shift = estimator.final_layer.table(early)[:, :, None].unbind(1)
        known = estimator.cond_projection(condition)
        style = style[:, None].expand(-1, x.shape[1], -1)
        stream = estimator.cond_x_merge_linear(torch.cat((x, prompt, known, style), dim=-1))
    hidden = _transform(estimator.transformer, stream, norms)
    long = estimator.skip_linear(torch.cat((hidden, x), dim=-1)).float()
    hidden = _wave(estimator.wavenet, estimator.conv1(long).float(), long, gates)
    hidden = functional.layer_norm(hidden, hidden.shape[-1:], eps=HEAD_EPS) * scale + shift
    with torch.autocast(x.device.type, enabled=False):
        hidden = estimator.final_layer.linear(hidden.float())
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
            stream = block.skip_in_linear(torch.cat((stream, skips.pop()), dim=-1)).float()
        if 0 < number <= transformer.middle:
            skips.append(stream)
        stream = stream + _attend(block, _normed(stream, tables[:, 2 * number]), turns)
        stream = stream + _feed_forward(block, _normed(stream, tables[:, 2 * number + 1]))
    return _normed(stream, tables[:, -1])


def _normed(stream: Tensor, table: Tensor) -> Tensor:
    scale, shift = table[:, :, None].unbind(1)
    return stream * torch.rsqrt(stream.square().mean(-1, keepdim=True) + RMS_EPS) * scale + shift


def _attend(block: Block, x: Tensor, turns: Tensor) -> Tensor:
    q, k, v = block.attention.wqkv(x).unflatten(-1, (3, block.heads, -1)).permute(2, 0, 3, 1, 4)
    attended = functional.scaled_dot_product_attention(_turned(q, turns), _turned(k, turns), v)
    return block.attention.wo(attended.transpose(1, 2).flatten(2))


def _feed_forward(block: Block, x: Tensor) -> Tensor:
    gate, value = block.feed_forward.w13(x).chunk(2, dim=-1)
    return block.feed_forward.w2(functional.silu(gate) * value)


def _rotation(length: int, width: int, device: torch.device) -> Tensor:
    """Cosines and sines [2, L, width / 2] of rotary positions."""
    exponents = torch.arange(0, width, 2, device=device) / width
    angles = torch.outer(torch.arange(length, device=device), 1.0 / ROTARY_BASE**exponents)
    return torch.stack((angles.cos(), angles.sin()))


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    """Rotary positions on x [B, H, L, E], neighbouring channels paired."""
    cosine, sine = turns
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1).flatten(-2).to(x.dtype)


def _wave(wavenet: WaveNet, x: Tensor, long: Tensor, gates: Tensor) -> Tensor:
    """x [B, L, W], the transformer's output long [B, L, D], gates [B, J, 2 W] to [B, L, W]."""
    outs = []
    for layer, convolution in enumerate(wavenet.convolutions):
        first, second = (_convolved(wavenet, convolution, x, layer) + gates[:, layer, None]).chunk(2, dim=-1)
        outs.append(torch.tanh(first) * torch.sigmoid(second))
        if layer < len(wavenet.res_layers):
            x = x + wavenet.res_layers[layer](outs[-1])
    return wavenet.out_layer(torch.cat((*outs, long), dim=-1)).float()


def _convolved(wavenet: WaveNet, convolution: nn.Linear, x: Tensor, layer: int) -> Tensor:
    """The layer's convolution without its bias, which lies in the gates; lines are mirrored at their ends."""
    dilation = wavenet.dilations[layer]
    reach = (wavenet.taps - 1) * dilation
    padded = functional.pad(x.mT, (reach - reach // 2, reach // 2), mode="reflect")
    weight = convolution.weight.unflatten(1, (wavenet.taps, -1)).transpose(1, 2)
    return functional.conv1d(padded, weight, dilation=dilation).mT
