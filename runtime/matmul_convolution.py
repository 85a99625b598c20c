"""A convolution over time as one matrix product, for lengths that never come twice.

cuDNN plans a convolution for each length it meets, which takes the host milliseconds each; a product needs no plan.

B lines, C channels, T frames, K taps.
"""

from torch import Tensor, nn
from torch.nn import functional


class MatmulConv1d(nn.Conv1d):
    """Stride 1, an odd number of taps, as many frames out as in. `Conv1d`'s tensors and, but for rounding, results."""

    def __init__(self, inputs: int, outputs: int, taps: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, taps, padding=taps // 2, bias=bias)
        assert taps % 2 == 1, f"got {taps} taps, expected an odd number"

    def forward(self, x: Tensor) -> Tensor:
        """[B, C in, T] to [B, C out, T]."""
        (taps,), reach = self.kernel_size, self.kernel_size[0] // 2
        seen = functional.pad(x, (reach, reach)).unfold(-1, taps, 1)  # [B, C, T, K]
        return functional.linear(seen.transpose(1, 2).flatten(2), self.weight.flatten(1), self.bias).mT
