"""The picture of a dialogue: columns, colors, ticks, and a PNG that holds them."""

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.dialogue.picture import (
    COLORS,
    TICKS,
    WIDTH,
    axis_step,
    column_peaks,
    draw_picture,
    speaker_colors,
    wrap_words,
)
from indextts2_multitalk.indextts.dialogue.timeline import Cue, Timeline

image_library = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def timeline(*cues: tuple[str, str], seconds: float = 2.0, rate: int = 100) -> Timeline:
    """Lines one after another with half a second between them, each of them a square wave."""
    parts, placed = [], []
    for speaker, text in cues:
        start = sum(part.shape[1] for part in parts) / rate
        placed.append(Cue(start, start + seconds, speaker, text))
        wave = torch.ones(1, round(seconds * rate))
        wave[:, ::2] = -1
        parts += [wave, torch.zeros(1, rate // 2)]
    return Timeline(torch.cat(parts[:-1], dim=1), rate, tuple(placed))


def test_every_column_holds_its_own_extremes() -> None:
    low, high = column_peaks(torch.tensor([[1.0, -2.0, 3.0, 4.0, -5.0]]), 2)
    assert (low.tolist(), high.tolist()) == ([-2.0, 3.0, -5.0], [1.0, 4.0, 0.0])


def test_a_speaker_keeps_one_colour() -> None:
    of_speaker = speaker_colors(timeline(("Anna", "a"), ("Ben", "b"), ("Anna", "c")))
    assert of_speaker == {"Anna": COLORS[0], "Ben": COLORS[1]}
    crowd = speaker_colors(timeline(*((str(number), "a") for number in range(len(COLORS) + 1))))
    assert crowd[str(len(COLORS))] == COLORS[0]


@given(st.floats(0.01, 5e5))
def test_the_axis_has_few_ticks(seconds: float) -> None:
    assert 0 <= seconds / axis_step(seconds) <= TICKS


def test_long_lines_take_more_rows() -> None:
    assert wrap_words("Yes.") == ["Yes."]
    assert " ".join(wrap_words("so many words " * 20)) == ("so many words " * 20).strip()
    assert len(wrap_words("今天天气怎么样" * 10)) == 2


def test_a_png_with_both_voices_in_their_colours() -> None:
    drawn = image_library.open(io.BytesIO(draw_picture(timeline(("Anna", "Hello."), ("Ben", "你好。")))))
    assert (drawn.format, drawn.width) == ("PNG", WIDTH)
    seen = {f"#{red:02x}{green:02x}{blue:02x}" for _, (red, green, blue) in drawn.getcolors(drawn.width * drawn.height)}
    assert {*COLORS[:2]} <= seen
    assert drawn.getpixel((0, 0)) == drawn.getpixel((drawn.width - 1, drawn.height - 1)) == (255, 255, 255)


def test_more_lines_make_it_higher() -> None:
    heights = [image_library.open(io.BytesIO(draw_picture(timeline(*[("A", "a")] * count)))).height for count in (1, 4)]
    assert heights[0] < heights[1]


def test_silence_is_drawn_too() -> None:
    assert draw_picture(Timeline(torch.zeros(1, 50), 100, (Cue(0.0, 0.5, "A", ""),)))
