"""What both speaking nodes do with their lines: speak what is new, keep what is finished, say what ran."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from comfy.model_management import InterruptProcessingException

from ..indextts.errors import IndexTTSError
from ..indextts.flow_calibration import known_schedule
from ..indextts.host_memory import return_free_memory
from ..indextts.options import SpeakOptions
from ..indextts.records import Line, Take
from ..indextts.text.language import Language, choose_languages
from ..indextts.verify.loop import prepare_recognizers, speak_verified
from ..indextts.verify.recognizer import Recognizers
from .emotions import with_reading
from .live import LiveTakes
from .model_cache import LoadedModel, model_cache
from .progress import Progress
from .settings import (
    ModelHandle,
    ModelSettings,
    find_flow_schedule,
    read_glossary,
    spoken_languages,
    weights_stamp,
)
from .take_cache import take_cache, take_key

log = logging.getLogger(__name__)


class SpeakingError(IndexTTSError):
    """A run that ended early; what was finished is kept."""


@dataclass(frozen=True)
class RunResult:
    """Takes in the script's order. `kept`: how many of them an earlier run left. `report`: which model ran, and how."""

    takes: list[Take]
    kept: int
    report: str


def choose_model(model: ModelHandle | None, fp16: bool, cuda_kernel: bool, accel: bool, compiled: bool) -> ModelHandle:
    """The connected manager's model, or the default one; how to accelerate is the speaking node's say either way."""
    handle = model or ModelHandle(ModelSettings(use_fp16=fp16, use_cuda_kernel=cuda_kernel))
    return replace(handle, settings=replace(handle.settings, use_accel=accel, use_torch_compile=compiled))


def run_lines(handle: ModelHandle, lines: Sequence[Line], options: SpeakOptions) -> RunResult:
    """Speak every line that no earlier run has finished.

    Raises `SpeakingError` where a line fails and ComfyUI's interrupt where the user cancels; finished lines are kept
    for the next run in both cases.
    """
    lines = settle_languages(lines, options.language, spoken_languages(handle.settings))
    glossary = read_glossary(handle.settings, options.glossary)
    stamp = weights_stamp(handle.settings)
    make_key = partial(take_key, settings=handle.settings, options=options, glossary=glossary, weights=stamp)
    known = find_flow_schedule(handle.settings, options)
    kept_takes = ((line, take_cache.get(make_key(line, schedule=known), line, handle.keep_takes)) for line in lines)
    takes = {line.index: take for line, take in kept_takes if take is not None}
    new = [line for line in lines if line.index not in takes]
    live = LiveTakes()
    for take in takes.values():
        live.show_take(take, len(lines))
    kept, report = len(takes), "no model ran: every line was finished before"
    if new:
        recognizers = prepare_recognizers(new, options)
        progress = Progress(new)
        loaded = model_cache.get(handle, progress)
        try:
            loaded.enter_device(new * (options.candidates if options.verify else 1), options)
            for take in _speak_lines(loaded, new, options, recognizers, progress):
                take = with_reading(take, loaded.pipeline.text_emotion(take.line))
                key = make_key(take.line, schedule=known_schedule(loaded.files, options))
                take_cache.put(key, take, handle.keep_takes)
                takes[take.line.index] = take
                live.show_take(take, len(lines))
            report = _describe_run(handle, loaded)
            progress.finish_run(loaded.pipeline.report().summary)
        finally:
            if not handle.keep:
                model_cache.drop(handle)
            return_free_memory()
    return RunResult([takes[line.index] for line in lines], kept, report)


def settle_languages(lines: Sequence[Line], language: str, spoken: Sequence[Language]) -> list[Line]:
    """The lines with what their neighbors tell of their language: a line may be spoken anew without them."""
    if language != "auto":
        return list(lines)
    told = choose_languages([line.text for line in lines], language, spoken)
    return [replace(line, language=line.language or one) for line, one in zip(lines, told, strict=True)]


def _describe_run(handle: ModelHandle, loaded: LoadedModel) -> str:
    model = f"model: {handle.name} from {loaded.files.folder}, {loaded.load_summary}"
    return f"{model}\n{loaded.pipeline.report().to_text(with_notes=False)}"


def _speak_lines(
    loaded: LoadedModel, lines: list[Line], options: SpeakOptions, recognizers: Recognizers, progress: Progress
) -> Iterator[Take]:
    finished = 0
    try:
        for take in speak_verified(loaded.pipeline, lines, options, recognizers, progress):
            finished += 1
            yield take
    except InterruptProcessingException:
        log.info("interrupted; %d of %d new lines are finished and kept", finished, len(lines))
        raise
    except IndexTTSError as error:
        raise SpeakingError(
            f"{error} ({finished} of {len(lines)} new lines are finished and kept; mend this one and queue again)"
        ) from error
