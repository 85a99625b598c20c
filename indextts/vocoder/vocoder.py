"""Mels of any number and length into waveforms: cut, batched, and run by the fastest way the device has.

Dimensions: B chunks, F mel frames, N samples.
"""

import itertools
import logging
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import torch
from torch import Tensor

from ...runtime.cuda_graphs import CapturedGraph, GraphCache, GraphPool, weights_address_key
from ...runtime.device_capability import why_no_triton
from ...runtime.shape_tuner import TunedStep, captured_step
from ..config import BigVGANConfig
from .bigvgan import BigVGAN
from .chunks import MelChunk, receptive_field_frames, split_mel
from .snake import SnakeBeta

log = logging.getLogger(__name__)

LONGEST_CHUNK = 1024
MOST_FRAMES = 8192
"""Of all chunks that run together: about 0.6 GiB of activations."""
LEAST_FRAMES = 256
"""A chunk of fewer would be little but its overlap."""
ROUND_FRAMES = 128
WIDEST_TENSORS = 5.35
"""As large as a stage's output: five that the kernels hold at once, and room beside them for the rest."""
MOST_GRAPHS = 8


class GraphVocoder:
    """The Triton kernels, replayed as one CUDA graph for each number of chunks and rounded length, or as they are."""

    def __init__(self, model: BigVGAN) -> None:
        from .channels_last import ChannelsLastBigVGAN

        self._run = ChannelsLastBigVGAN(model)
        self._bands, self._dtype = model.config.num_mels, model.dtype
        self._graphs: GraphCache[tuple[int, int], tuple[CapturedGraph[Tensor], Tensor, Tensor]]
        frame_bytes = count_frame_bytes(model.config, model.dtype.itemsize)
        self._graphs = GraphCache("the vocoder", MOST_GRAPHS, bytes_of=lambda key: math.prod(key) * frame_bytes)

    def __call__(self, chunks: Sequence[MelChunk], graphs: bool = True) -> Iterator[Tensor]:
        """float32 [N] for each chunk, valid until the next call."""
        sizes, device = [chunk.mel.shape[1] for chunk in chunks], chunks[0].mel.device
        if graphs:
            size = 1 << (len(chunks) - 1).bit_length(), -(-max(sizes) // ROUND_FRAMES) * ROUND_FRAMES
            graph, mel, lengths = self._graphs.get(size, lambda pool: self._capture_size(*size, device, pool))
        else:
            mel, lengths = self._new_inputs(len(chunks), max(sizes), device)
        lengths.copy_(torch.tensor(sizes + [0] * (len(lengths) - len(sizes)), dtype=torch.int32))
        for row, chunk in zip(mel, chunks, strict=False):
            row[: chunk.mel.shape[1]] = chunk.mel.T
        yield from (graph.replay() if graphs else self._run(mel, lengths))[: len(chunks)]

    def tuned_step(self, device: torch.device) -> TunedStep:
        """A run of one chunk, for tuning."""

        def new_run(frames: int) -> Callable[[], Tensor]:
            inputs = self._new_inputs(1, frames, device)
            return lambda: self._run(*inputs)

        return captured_step("vocoder", device, new_run, ROUND_FRAMES, LONGEST_CHUNK)

    def release_graphs(self) -> None:
        """Drop every graph and the memory they share."""
        self._graphs.clear()

    def _capture_size(
        self, lines: int, frames: int, device: torch.device, pool: GraphPool
    ) -> tuple[CapturedGraph[Tensor], Tensor, Tensor]:
        mel, lengths = self._new_inputs(lines, frames, device)
        return CapturedGraph(lambda: self._run(mel, lengths), device, pool), mel, lengths

    def _new_inputs(self, lines: int, frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
        mel = torch.zeros(lines, frames, self._bands, dtype=self._dtype, device=device)
        return mel, torch.full((lines,), frames, dtype=torch.int32, device=device)


def count_frame_bytes(config: BigVGANConfig, itemsize: int) -> int:
    """What the kernels take for each mel frame."""
    factors = itertools.accumulate(config.upsample_rates, operator.mul)
    stages = enumerate(factors, start=1)
    widest = max(factor * (config.upsample_initial_channel >> stage) for stage, factor in stages)
    return int(WIDEST_TENSORS * widest * itemsize)


class EagerVocoder:
    """The model as it stands, one chunk after the other; on a CPU its snakes work in blocks."""

    def __init__(self, model: BigVGAN) -> None:
        self._model = model
        for snake in (module for module in model.modules() if isinstance(module, SnakeBeta)):
            snake.in_blocks = model.conv_pre.weight.device.type == "cpu"

    def __call__(self, chunks: Sequence[MelChunk], graphs: bool = True) -> Iterator[Tensor]:
        for chunk in chunks:
            yield self._model(chunk.mel[None])[0, 0].float()


class Vocoder:
    """Runs `model` where its weights are. use_cuda_kernel: take the Triton kernels where the device has them."""

    def __init__(self, model: BigVGAN, use_cuda_kernel: bool) -> None:
        self._model, self._wanted = model, use_cuda_kernel
        self._reach = receptive_field_frames(model.config)
        self._runner: GraphVocoder | EagerVocoder | None = None
        self._weights_key = 0
        self._why_no_triton = cache(why_no_triton)

    @property
    def description(self) -> str:
        """What runs the vocoder where the weights are now, and why."""
        why_not = self._why_not()
        return "vocoder: Triton kernels, CUDA graphs" if why_not is None else f"vocoder: plain torch ({why_not})"

    def tuned_step(self) -> TunedStep | None:
        """A run for tuning; None where no kernels run it."""
        runner = self._choose_runner()
        return runner.tuned_step(self._model.conv_pre.weight.device) if isinstance(runner, GraphVocoder) else None

    def release_graphs(self) -> None:
        """Drop captured graphs and their memory; they come back at the next run."""
        if isinstance(self._runner, GraphVocoder):
            self._runner.release_graphs()

    def release(self) -> None:
        """Drop whatever is made of the weights, graphs with it."""
        self._runner = None

    def generate_waveforms(
        self,
        mels: Sequence[Tensor],
        on_chunks: Callable[[int, int], None] | None = None,
        most_frames: int = MOST_FRAMES,
        graphs: bool = True,
    ) -> list[Tensor]:
        """Log-mels [80, F] to waveforms float32 [1, F * hop] within -1..1, on the device.

        Neither what runs beside a line nor where it is cut changes it. on_chunks: called before the first chunk and
        after each with the number done and that of all; may raise to cancel. most_frames: of all chunks that run
        together, `LEAST_FRAMES` at least. graphs: replay CUDA graphs where the device has them.
        """
        device, hop = self._model.conv_pre.weight.device, self._model.hop_length
        waves = [torch.empty(1, mel.shape[1] * hop, device=device) for mel in mels]
        longest = max(1, min(LONGEST_CHUNK, most_frames - 2 * self._reach))
        chunks = [
            chunk for line, mel in enumerate(mels) for chunk in split_mel(line, mel.to(device), longest, self._reach)
        ]
        run, done = self._choose_runner(), 0
        report = on_chunks or (lambda done, total: None)
        report(done, len(chunks))
        for batch in batch_chunks(chunks, most_frames):
            for chunk, wave in zip(batch, run(batch, graphs), strict=True):
                waves[chunk.line][0, chunk.start * hop : chunk.end * hop] = chunk.kept_samples(wave, hop)
                report(done := done + 1, len(chunks))
        return waves

    def _choose_runner(self) -> "GraphVocoder | EagerVocoder":
        runner, weights_key = self._runner, weights_address_key(self._model)
        if runner is None or self._weights_key != weights_key:
            runner = self._runner = GraphVocoder(self._model) if self._why_not() is None else EagerVocoder(self._model)
            self._weights_key = weights_address_key(self._model)  # once more: the kernels lay some weights out anew
            log.info(self.description)
        return runner

    def _why_not(self) -> str | None:
        """Why the kernels do not run, or None where they do."""
        device = self._model.conv_pre.weight.device
        if not self._wanted:
            return "use_cuda_kernel is off"
        return f"on {device.type}" if device.type != "cuda" else self._why_no_triton(device)


def batch_chunks(chunks: Sequence[MelChunk], most_frames: int) -> Iterator[list[MelChunk]]:
    """Chunks of similar length together, so that rounding up wastes little, at most `most_frames` in all."""
    batch: list[MelChunk] = []
    for chunk in sorted(chunks, key=lambda chunk: -chunk.mel.shape[1]):
        longest = max((other.mel.shape[1] for other in batch), default=0)
        full = (len(batch) + 1) * max(longest, chunk.mel.shape[1]) > most_frames
        if batch and (full or chunk.mel.shape[1] < 0.75 * longest):
            yield batch
            batch = []
        batch.append(chunk)
    if batch:
        yield batch
