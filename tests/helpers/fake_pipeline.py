"""A pipeline that hums instead of speaking: a line's length tells its speed, its pitch its seed."""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from indextts2_multitalk.indextts.events import Event
from indextts2_multitalk.indextts.records import OUTPUT_SAMPLE_RATE, Line, Take


class FakeModels(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Linear(4, 4)

    @property
    def device(self) -> torch.device:
        return self.weights.weight.device


class FakePipeline:
    """`spoken` holds every line that any of them spoke, `options` each one's load options; `fail_on` a text to fail;
    `tuned` who was tuned."""

    spoken: ClassVar[list[tuple[Line, Any]]] = []
    loads: ClassVar[list[Any]] = []
    tuned: ClassVar[list[Any]] = []
    fail_on: ClassVar[tuple[str, Exception] | None] = None

    def __init__(self, modules: Any, files: Any, options: Any, offload: Any) -> None:
        self.modules, self.options, self.released = modules, options, 0

    @classmethod
    def reset(cls) -> None:
        cls.spoken, cls.loads, cls.tuned, cls.fail_on = [], [], [], None

    @classmethod
    def load_models(cls, files: Any, options: Any, on_event: Callable[[Event], None]) -> FakeModels:
        on_event(Event("loading", 1, 2, detail="gpt.pth"))
        cls.loads.append(options)
        return FakeModels()

    def speak(self, lines: Sequence[Line], options: Any, on_event: Callable[[Event], None]) -> Iterator[Take]:
        assert self.modules.device.type != "meta", "spoken with weights that are gone"
        for number, line in enumerate(lines):
            on_event(Event("gpt", number, len(lines), line.index))
            if self.fail_on is not None and line.text == self.fail_on[0]:
                raise self.fail_on[1]
            self.spoken.append((line, options))
            yield Take(line, hum(line), (torch.zeros(5, dtype=torch.int64),))
        on_event(Event("gpt", len(lines), len(lines)))

    def tune(self, on_progress: Callable[[float, str], None]) -> str:
        for share in (0.0, 0.5):
            on_progress(share, "flow step")
        self.tuned.append(self)
        return "9 kernel shapes tried"

    def memory_required(self, lines: Sequence[Line], options: Any) -> int:
        return sum(len(line.text) for line in lines)

    def text_emotion(self, line: Line) -> tuple[float, ...] | None:
        reads = line.emotion is not None and line.emotion.mode == "text"
        return (0.0, 0.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.2) if reads else None

    def keep_report(self, report: SimpleNamespace) -> None:
        assert report.lines

    def release(self) -> None:
        self.released += 1

    def report(self) -> SimpleNamespace:
        return SimpleNamespace(to_text=lambda with_notes: "decoder: fake", summary="all said")


def hum(line: Line) -> torch.Tensor:
    """float32 [1, N]: 0.1 s at speed 1."""
    samples = round(OUTPUT_SAMPLE_RATE * 0.1 / line.speed)
    return 0.1 * torch.sin(torch.arange(samples) * (0.05 + line.seed % 97 / 1000))[None]
