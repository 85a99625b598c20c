"""Room behind a recording, so that recordings of many lengths have one size: what stands there is not heard.

`room` is bool [T], True where the recording has ended; None where there is no room. T is the last dimension of what
it goes with.
"""

from torch import Tensor, var_mean


def silenced(x: Tensor, room: Tensor | None) -> Tensor:
    """x [..., T] with zeros in the room: what a convolution that reaches beyond a recording's end meets there."""
    return x if room is None else x.masked_fill(room, 0.0)


def moments(x: Tensor, room: Tensor | None) -> tuple[Tensor, Tensor]:
    """Variance (of a sample: over n - 1) and mean of x [..., T] over the recording, [..., 1] each."""
    if room is None:
        return var_mean(x, dim=-1, keepdim=True)
    count = (~room).sum()
    mean = silenced(x, room).sum(dim=-1, keepdim=True) / count
    return silenced(x - mean, room).square().sum(dim=-1, keepdim=True) / (count - 1), mean


def heard_keys(room: Tensor | None) -> Tensor | None:
    """The mask [1, 1, 1, T] of the keys that attention may look at."""
    return None if room is None else ~room[None, None, None]
