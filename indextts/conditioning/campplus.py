"""CAMPPlus, a speaker embedding (arXiv 2303.00332): fbank frames to one style vector.

B recordings, F fbank frames, C channels, T frames after the first stride of 2.
A small ResNet over time and frequency, then densely connected time-delay layers, each gated by its context.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...runtime.matmul_convolution import MatmulConv1d
from .padding import masked_var_mean, zero_padding

IGNORED = ("*.num_batches_tracked",)
SEGMENT_FRAMES = 100


class CAMPPlus(nn.Module):
    """With the released tensor names. `blocks` counts each dense block's layers, `dilations` spreads their kernels."""

    def __init__(
        self,
        bands: int = 80,
        style_width: int = 192,
        head_channels: int = 32,
        channels: int = 128,
        growth: int = 32,
        blocks: Sequence[int] = (12, 24, 16),
        dilations: Sequence[int] = (1, 2, 2),
    ) -> None:
        super().__init__()
        self.head = _Head(head_channels)
        self.xvector = nn.Sequential()
        tdnn = nn.Conv1d(head_channels * (bands // 8), channels, kernel_size=5, stride=2, padding=2, bias=False)
        self.xvector.add_module("tdnn", _name_layers(linear=tdnn, nonlinear=_build_nonlinear(channels)))
        for number, (layers, dilation) in enumerate(zip(blocks, dilations, strict=True), start=1):
            self.xvector.add_module(f"block{number}", _DenseBlock(layers, channels, growth, dilation))
            channels += layers * growth
            halve = MatmulConv1d(channels, channels // 2, bias=False)
            self.xvector.add_module(
                f"transit{number}", _name_layers(nonlinear=_build_nonlinear(channels), linear=halve)
            )
            channels //= 2
        self.xvector.add_module("out_nonlinear", _build_nonlinear(channels))
        self.xvector.add_module("stats", _StatisticsPooling())
        norm = _name_layers(batchnorm=_BatchNorm(style_width, affine=False))
        dense = MatmulConv1d(2 * channels, style_width, bias=False)
        self.xvector.add_module("dense", _name_layers(linear=dense, nonlinear=norm))

    def forward(self, fbank: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Mean-subtracted fbank [B, F, bands] to styles [B, style_width]. `padding_mask` [F]: see `padding.py`."""
        tdnn, *parts = self.xvector
        x = tdnn(zero_padding(self.head(fbank.mT, padding_mask), padding_mask))
        padding_mask = None if padding_mask is None else padding_mask[::2]
        frames = zero_padding(torch.ones(x.shape[-1], dtype=x.dtype, device=x.device), padding_mask)
        mask = _FrameMask(padding_mask, _segment_sums(frames))
        for part in parts:
            # What is a sequence reads one frame at a time: where recordings end is nothing to it.
            x = part(x) if isinstance(part, nn.Sequential) else part(x, mask)
        return x.squeeze(-1)


class _FrameMask(NamedTuple):
    """Frames after the first stride. padding_mask: bool [T] or None. segment_frames: of each, [segments]."""

    padding_mask: Tensor | None
    segment_frames: Tensor


def _segment_sums(x: Tensor) -> Tensor:
    """[..., T] to the sum of each segment, [..., segments]; the last segment may be shorter."""
    return functional.pad(x, (0, -x.shape[-1] % SEGMENT_FRAMES)).unflatten(-1, (-1, SEGMENT_FRAMES)).sum(dim=-1)


class _BatchNorm(nn.Module):
    """Batch normalization with the statistics it was trained to: there is no training mode to forget about."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)


def _name_layers(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


def _build_nonlinear(channels: int) -> nn.Sequential:
    return _name_layers(batchnorm=_BatchNorm(channels), relu=nn.ReLU(inplace=True))


class _Head(nn.Module):
    """Shrinks the frequency axis to an eighth and leaves time alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = _BatchNorm(channels)
        self.layer1 = nn.Sequential(_BasicResBlock(channels, stride=2), _BasicResBlock(channels))
        self.layer2 = nn.Sequential(_BasicResBlock(channels, stride=2), _BasicResBlock(channels))
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = _BatchNorm(channels)

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        """[B, bands, F] to [B, channels·bands/8, F]."""
        x = self.bn1(self.conv1(zero_padding(x.unsqueeze(1), padding_mask))).relu_()
        for block in (*self.layer1, *self.layer2):
            x = block(x, padding_mask)
        return self.bn2(self.conv2(zero_padding(x, padding_mask))).relu_().flatten(1, 2)


class _BasicResBlock(nn.Module):
    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = _BatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = _BatchNorm(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            skip = nn.Conv2d(channels, channels, kernel_size=1, stride=(stride, 1), bias=False)
            self.shortcut = nn.Sequential(skip, _BatchNorm(channels))

    def forward(self, x: Tensor, padding_mask: Tensor | None) -> Tensor:
        y = self.bn1(self.conv1(zero_padding(x, padding_mask))).relu_()
        return (self.bn2(self.conv2(zero_padding(y, padding_mask))) + self.shortcut(x)).relu_()


class _DenseBlock(nn.Module):
    """Densely connected time-delay layers (D-TDNN): each reads all channels so far and adds `growth` of its own."""

    def __init__(self, layers: int, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        for layer in range(layers):
            self.add_module(f"tdnnd{layer + 1}", _DenseLayer(channels + layer * growth, growth, dilation))

    def forward(self, x: Tensor, mask: _FrameMask) -> Tensor:
        for layer in self.children():
            x = torch.cat((x, layer(x, mask)), dim=1)
        return x


class _DenseLayer(nn.Module):
    def __init__(self, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        inner = 4 * growth
        self.nonlinear1 = _build_nonlinear(channels)
        self.linear1 = MatmulConv1d(channels, inner, bias=False)
        self.nonlinear2 = _build_nonlinear(inner)
        self.cam_layer = _ContextGate(inner, growth, dilation)

    def forward(self, x: Tensor, mask: _FrameMask) -> Tensor:
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))), mask)


class _ContextGate(nn.Module):
    """Context-aware masking: a dilated convolution, gated by the recording's mean plus that of each frame's segment."""

    def __init__(self, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(channels, growth, kernel_size=3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = MatmulConv1d(channels, channels // 2)
        self.linear2 = MatmulConv1d(channels // 2, growth)

    def forward(self, x: Tensor, mask: _FrameMask) -> Tensor:
        x = zero_padding(x, mask.padding_mask)
        # The gate is constant within a segment, so it is computed once per segment, not once per frame.
        sums, counts = _segment_sums(x), mask.segment_frames
        mean = sums.sum(dim=-1, keepdim=True) / counts.sum()
        context = self.linear1(mean + sums / counts.clamp_min(1.0)).relu_()
        gate = torch.sigmoid(self.linear2(context))
        return self.linear_local(x) * gate.repeat_interleave(SEGMENT_FRAMES, dim=-1)[..., : x.shape[-1]]


class _StatisticsPooling(nn.Module):
    def forward(self, x: Tensor, mask: _FrameMask) -> Tensor:
        """[B, C, T] to mean and standard deviation over time [B, 2·C, 1]."""
        variance, mean = masked_var_mean(x, mask.padding_mask)
        return torch.cat((mean, variance.sqrt()), dim=1)
