"""Mels of any number and length into waveforms: cut, batched, and run by the fastest way the device has.

Dimensions: B pieces, F mel frames, N samples.
"""

import logging
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...runtime.cuda_graphs import CapturedGraph, GraphCache, GraphPool, weights_address_key
from ...runtime.device_capability import why_no_triton
from .bigvgan import BigVGAN
from .chunks import Piece, cut, reach_frames
from .snake import SnakeBeta

log = logging.getLogger(__name__)

LONGEST_PIECE = 1024
MOST_FRAMES = 8192
"""Of all pieces that run together: about 0.6 GiB of activations."""
ROUND_FRAMES = 128
MOST_GRAPHS = 8


class Fused:
    """The Triton kernels, replayed as one CUDA graph for each number of pieces and rounded length."""

    def __init__(self, model: BigVGAN) -> None:
        from .channels_last import ChannelsLast

        self._run = ChannelsLast(model)
        self._bands, self._dtype = model.config.num_mels, model.dtype
        self._graphs: GraphCache[tuple[int, int], tuple[CapturedGraph[Tensor], Tensor, Tensor]] = GraphCache(
            MOST_GRAPHS
        )

    def __call__(self, pieces: Sequence[Piece]) -> Iterator[Tensor]:
        """float32 [N] for each piece, valid until the next call."""
        frames = -(-max(piece.mel.shape[1] for piece in pieces) // ROUND_FRAMES) * ROUND_FRAMES
        size, device = (1 << (len(pieces) - 1).bit_length(), frames), pieces[0].mel.device
        graph, mel, lengths = self._graphs.get(size, lambda pool: self._capture(*size, device, pool))
        sizes = [piece.mel.shape[1] for piece in pieces]
        lengths.copy_(torch.tensor(sizes + [0] * (len(lengths) - len(sizes)), dtype=torch.int32))
        for place, piece in zip(mel, pieces, strict=False):
            place[: piece.mel.shape[1]] = piece.mel.T
        yield from graph.replay()[: len(pieces)]

    def _capture(
        self, lines: int, frames: int, device: torch.device, pool: GraphPool
    ) -> tuple[CapturedGraph[Tensor], Tensor, Tensor]:
        mel = torch.zeros(lines, frames, self._bands, dtype=self._dtype, device=device)
        lengths = torch.full((lines,), frames, dtype=torch.int32, device=device)
        graph = CapturedGraph(lambda: self._run(mel, lengths), device, pool)
        log.debug("captured the vocoder for %d pieces of %d frames", lines, frames)
        return graph, mel, lengths


class Plain:
    """The model as it stands, one piece after the other; on a CPU its snakes work in blocks."""

    def __init__(self, model: BigVGAN) -> None:
        self._model = model
        for snake in (module for module in model.modules() if isinstance(module, SnakeBeta)):
            snake.in_blocks = model.conv_pre.weight.device.type == "cpu"

    def __call__(self, pieces: Sequence[Piece]) -> Iterator[Tensor]:
        for piece in pieces:
            yield self._model(piece.mel[None])[0, 0].float()


class Vocoder:
    """Runs `model` where its weights are. use_cuda_kernel: take the Triton kernels where the device has them."""

    def __init__(self, model: BigVGAN, use_cuda_kernel: bool) -> None:
        self._model, self._asked = model, use_cuda_kernel
        self._reach = reach_frames(model.config)
        self._runner: Fused | Plain | None = None
        self._place = 0
        self._refusals: dict[torch.device, str | None] = {}

    @property
    def description(self) -> str:
        """What runs the vocoder where the weights are now, and why."""
        why_not = self._why_not()
        return "vocoder: Triton kernels, CUDA graphs" if why_not is None else f"vocoder: plain torch ({why_not})"

    def release(self) -> None:
        """Drop captured graphs and their memory; they come back at the next run."""
        self._runner = None

    def speak(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Log-mels [80, F] to waveforms float32 [1, F * hop] within -1..1, on the device.

        Neither what runs beside a line nor where it is cut changes it.
        """
        device, hop = self._model.conv_pre.weight.device, self._model.hop
        waves = [torch.empty(1, mel.shape[1] * hop, device=device) for mel in mels]
        pieces = [p for n, mel in enumerate(mels) for p in cut(n, mel.to(device), LONGEST_PIECE, self._reach)]
        run = self._choose()
        for batch in batches(pieces):
            for piece, wave in zip(batch, run(batch), strict=True):
                waves[piece.line][0, piece.start * hop : piece.end * hop] = piece.keep(wave, hop)
        return waves

    def _choose(self) -> "Fused | Plain":
        runner, place = self._runner, weights_address_key(self._model)
        if runner is None or self._place != place:
            runner = self._runner = Fused(self._model) if self._why_not() is None else Plain(self._model)
            self._place = weights_address_key(self._model)  # once more: the kernels lay some weights out anew
            log.info(self.description)
        return runner

    def _why_not(self) -> str | None:
        """Why the kernels do not run, or None where they do."""
        device = self._model.conv_pre.weight.device
        if not self._asked:
            return "use_cuda_kernel is off"
        if device.type != "cuda":
            return f"on {device.type}"
        if device not in self._refusals:
            self._refusals[device] = why_no_triton(device)
        return self._refusals[device]


def batches(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces of similar length together, so that rounding up wastes little, at most `MOST_FRAMES` in all."""
    batch: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: -piece.mel.shape[1]):
        longest = max((p.mel.shape[1] for p in batch), default=0)
        full = (len(batch) + 1) * max(longest, piece.mel.shape[1]) > MOST_FRAMES
        if batch and (full or piece.mel.shape[1] < 0.75 * longest):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch
