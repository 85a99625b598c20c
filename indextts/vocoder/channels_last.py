"""BigVGAN over the Triton kernels: channels last throughout, sums worked where the convolutions end.

Dimensions: B lines, F mel frames, T samples at some stage, C channels, R a stage's rate.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bigvgan import AMPBlock, BigVGAN
from .convolution_kernel import ConvolutionFilter, convolve_channels_last
from .snake import SnakeBeta
from .snake_kernel import snake


class FusedUpsampler:
    """A transposed convolution as a plain one: its R outputs per input sample are channels, side by side."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.ConvTranspose1d)
        self.rate, self.cut = layer.stride[0], int(layer.padding[0])
        inputs, outputs, taps = layer.weight.shape
        reads = -(-taps // self.rate)
        weight = F.pad(layer.weight, (0, reads * self.rate - taps)).view(inputs, outputs, reads, self.rate)
        weight = weight.flip(2).permute(3, 1, 2, 0).reshape(self.rate * outputs, reads * inputs)
        bias = None if layer.bias is None else layer.bias.repeat(self.rate)
        self.filter = ConvolutionFilter(weight.contiguous(), bias, reads, 1, reads - 1)
        self.channels, self.taps = outputs, taps

    def __call__(self, x: Tensor, lengths: Tensor, factor: int) -> Tensor:
        """[B, T, C] to [B, T * R, C / 2]."""
        samples = (x.shape[1] - 1) * self.rate - 2 * self.cut + self.taps
        rows = -(-(samples + self.cut) // self.rate)
        wide = convolve_channels_last(x, self.filter, lengths, factor, rows=rows).flatten(1)
        start = self.cut * self.channels
        return wide[:, start : start + samples * self.channels].unflatten(1, (samples, self.channels))


class FusedAMPBlock:
    """One residual block's filters and snakes, in the order they run."""

    def __init__(self, block: nn.Module) -> None:
        assert isinstance(block, AMPBlock)
        self.dilated = [_lay_out_filter(layer) for layer in block.convs1]
        self.plain = [_lay_out_filter(layer) for layer in block.convs2]
        self.snakes = [_snake_parameters(activation) for activation in block.activations]

    def __call__(self, x: Tensor, lengths: Tensor, factor: int, total: Tensor | None, scale: float) -> Tensor:
        """(x through the block + total) * scale, all [B, T, C]."""
        last = len(self.plain) - 1
        for n, (dilated, plain) in enumerate(zip(self.dilated, self.plain, strict=True)):
            y = snake(x, *self.snakes[2 * n], lengths, factor)
            y = convolve_channels_last(y, dilated, lengths, factor)
            y = snake(y, *self.snakes[2 * n + 1], lengths, factor)
            ending = (total, scale) if n == last else (None, 1.0)
            x = convolve_channels_last(y, plain, lengths, factor, residual=x, total=ending[0], scale=ending[1])
        return x


class ChannelsLastBigVGAN:
    """The model's weights in the kernels' form. Convolutions' weights are laid out anew in place, taps before channels,
    which plain torch reads as well; only the upsamplers' and the snakes' numbers are copies."""

    def __init__(self, model: BigVGAN) -> None:
        # Outside inference mode, so that the model's own parameters stay ordinary tensors.
        with torch.inference_mode(False), torch.no_grad():
            self.pre, self.post = _lay_out_filter(model.conv_pre), _lay_out_filter(model.conv_post)
            self.ups = [FusedUpsampler(layer) for layer in model.ups]
            self.blocks = [FusedAMPBlock(block) for block in model.resblocks]
            self.last_snake = _snake_parameters(model.activation_post)
        self.kernels = len(model.config.resblock_kernel_sizes)
        self.tanh = model.config.use_tanh_at_final

    def __call__(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """mel [B, F, 80] to float32 [B, F * hop]. Line b is lengths[b] frames (int32 [B]), whatever lies behind."""
        x, factor = convolve_channels_last(mel, self.pre, lengths, 1), 1
        for stage, up in enumerate(self.ups):
            x = up(x, lengths, factor)
            factor *= up.rate
            total = None
            for n in range(self.kernels):
                scale = 1 / self.kernels if n == self.kernels - 1 else 1.0
                total = self.blocks[stage * self.kernels + n](x, lengths, factor, total, scale)
            assert total is not None, "a stage has at least one block"
            x = total
        x = snake(x, *self.last_snake, lengths, factor)
        wave = convolve_channels_last(x, self.post, lengths, factor, dtype=torch.float32).squeeze(-1)
        return wave.tanh_() if self.tanh else wave.clamp_(-1.0, 1.0)


def _lay_out_filter(layer: nn.Module) -> ConvolutionFilter:
    """A view of the layer's weight, whose memory is put in the order [O, K, I] first."""
    assert isinstance(layer, nn.Conv1d)
    laid = layer.weight.transpose(1, 2).clone(memory_format=torch.contiguous_format)
    # A new parameter: the old one may have been made under inference mode, and such tensors do not change their data.
    layer.weight = nn.Parameter(laid.transpose(1, 2), requires_grad=False)
    taps, dilation, left = layer.kernel_size[0], layer.dilation[0], int(layer.padding[0])
    return ConvolutionFilter(laid.flatten(1), layer.bias, taps, dilation, left)


def _snake_parameters(activation: nn.Module) -> tuple[Tensor, Tensor]:
    assert isinstance(activation, SnakeBeta)
    return activation.parameters_float32()
