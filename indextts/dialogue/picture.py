"""A dialogue as a picture: its waveform in the speakers' colors over an axis of seconds, then what each line says.

Drawn with Pillow, which nothing else needs. N samples, X columns of pixels.
"""

import io
import math
import textwrap
from importlib.util import find_spec
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import OutputError
from .timeline import Cue, Timeline

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

PAPER, INK, SILENCE = "white", "#333333", "#bbbbbb"
COLORS = ("#1f6fb4", "#d1495b", "#3c8d5a", "#8a5aa8", "#c77d1e", "#2a8f96")
"""Of the speakers in the order of their first lines; from the first again where there are more."""

WIDTH, MARGIN = 1600, 40
WAVE_HEIGHT, TICK, AXIS_HEIGHT = 240, 8, 72
TEXT_SIZE, ROW_HEIGHT, LETTERS = 24, 36, 96
START_X, SPEAKER_X, WORDS_X = MARGIN, 130, 290
"""Where a line's start, its speaker's name and its words begin."""
TICKS = 12
"""At most so many on the axis."""

WIDE = "\u2e80"
"""Letters from here on are Chinese, Japanese or Korean, as wide as two of others, and not in Pillow's own font."""
WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "msyh.ttc", "PingFang.ttc", "wqy-zenhei.ttc")


def check_drawing() -> None:
    """Raises `OutputError` where no picture can be drawn. Asked before the work, not after."""
    if find_spec("PIL") is None:
        raise OutputError("--picture: Pillow is not installed; pip install pillow, or leave the picture out")


def draw_picture(timeline: Timeline) -> bytes:
    """A PNG file's bytes, `WIDTH` pixels wide and as high as the lines need."""
    from PIL import Image, ImageDraw

    rows = [(cue, wrap_words(cue.text)) for cue in timeline.cues]
    height = 2 * MARGIN + WAVE_HEIGHT + AXIS_HEIGHT + ROW_HEIGHT * sum(len(words) for _, words in rows)
    image = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(image)
    font = _load_font(any(_has_wide_letters(cue.speaker + cue.text) for cue in timeline.cues))
    samples_per_column = math.ceil(timeline.waveform.shape[-1] / (WIDTH - 2 * MARGIN))
    _draw_wave(draw, timeline, samples_per_column)
    _draw_axis(draw, timeline, samples_per_column, font)
    _draw_lines(draw, rows, speaker_colors(timeline), font)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def column_peaks(waveform: Tensor, samples_per_column: int) -> Tensor:
    """The lowest and the highest of [1, N] in each column, [2, X]; zeros fill the last one up."""
    columns = math.ceil(waveform.shape[-1] / samples_per_column)
    padded = functional.pad(waveform[0], (0, columns * samples_per_column - waveform.shape[-1]))
    parts = padded.view(columns, samples_per_column)
    return torch.stack((parts.amin(dim=1), parts.amax(dim=1)))


def speaker_colors(timeline: Timeline) -> dict[str, str]:
    """Each speaker's color."""
    speakers = dict.fromkeys(cue.speaker for cue in timeline.cues)
    return {name: COLORS[place % len(COLORS)] for place, name in enumerate(speakers)}


def wrap_words(text: str) -> list[str]:
    """A line's words in as many rows as they need."""
    return textwrap.wrap(text, LETTERS // 2 if _has_wide_letters(text) else LETTERS) or [""]


def axis_step(seconds: float) -> float:
    """Seconds between two ticks: 1, 2 or 5 times a power of ten, never less than 0.1."""
    for step in (factor * 10.0**power for power in range(-1, 6) for factor in (1, 2, 5)):
        if seconds / step <= TICKS:
            return step
    return seconds


def _draw_wave(draw: "ImageDraw", timeline: Timeline, samples_per_column: int) -> None:
    low, high = column_peaks(timeline.waveform, samples_per_column).tolist()
    loudest = max(1e-3, *map(abs, low), *high)
    middle, reach = MARGIN + WAVE_HEIGHT / 2, WAVE_HEIGHT / 2 / loudest
    of_speaker = speaker_colors(timeline)
    for column, (bottom, top) in enumerate(zip(low, high, strict=True)):
        seconds = (column + 0.5) * samples_per_column / timeline.sample_rate
        speaking = next((cue.speaker for cue in timeline.cues if cue.start <= seconds < cue.end), None)
        x = MARGIN + column
        ends = (x, middle - reach * top, x, middle - reach * bottom)
        draw.line(ends, fill=SILENCE if speaking is None else of_speaker[speaking])


def _draw_axis(
    draw: "ImageDraw", timeline: Timeline, samples_per_column: int, font: "FreeTypeFont | ImageFont"
) -> None:
    seconds, y = timeline.waveform.shape[-1] / timeline.sample_rate, MARGIN + WAVE_HEIGHT + TICK
    columns_per_second = timeline.sample_rate / samples_per_column
    draw.line((MARGIN, y, MARGIN + seconds * columns_per_second, y), fill=INK)
    step = axis_step(seconds)
    for tick in range(int(seconds / step) + 1):
        x = MARGIN + tick * step * columns_per_second
        draw.line((x, y, x, y + TICK), fill=INK)
        draw.text((x, y + 2 * TICK), f"{tick * step:g} s", fill=INK, font=font, anchor="ma" if tick else "la")


def _draw_lines(
    draw: "ImageDraw", rows: list[tuple[Cue, list[str]]], of_speaker: dict[str, str], font: "FreeTypeFont | ImageFont"
) -> None:
    y = MARGIN + WAVE_HEIGHT + AXIS_HEIGHT
    for cue, words in rows:
        draw.text((START_X, y), f"{cue.start:.1f} s", fill=INK, font=font)
        draw.text((SPEAKER_X, y), cue.speaker, fill=of_speaker[cue.speaker], font=font)
        for row in words:
            draw.text((WORDS_X, y), row, fill=of_speaker[cue.speaker], font=font)
            y += ROW_HEIGHT


def _has_wide_letters(text: str) -> bool:
    return any(letter >= WIDE for letter in text)


def _load_font(wide: bool) -> "FreeTypeFont | ImageFont":
    """Pillow's own; for wide letters the first font of the system's that has them, where there is one."""
    from PIL import ImageFont

    for name in WIDE_FONTS if wide else ():
        try:
            return ImageFont.truetype(name, TEXT_SIZE)
        except OSError:
            continue
    return ImageFont.load_default(TEXT_SIZE)
