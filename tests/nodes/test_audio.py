"""What ComfyUI and other packs hand over as AUDIO is a recording, or an error that names the input."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from indextts2_multitalk.indextts.errors import AudioError

SAMPLES = torch.linspace(-0.5, 0.5, 48000)[None, None].repeat(1, 2, 1)


class LazyAudio(Mapping):  # type: ignore[type-arg]
    """Decodes when it is read, as packs for video have it."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def __getitem__(self, key: str) -> Any:
        if self._error is not None:
            raise self._error
        return {"waveform": SAMPLES, "sample_rate": 48000}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("waveform", "sample_rate"))

    def __len__(self) -> int:
        return 2


def of(waveform: Any) -> dict[str, Any]:
    return {"waveform": waveform, "sample_rate": 48000}


@pytest.fixture
def audio_from(pack: SimpleNamespace) -> Any:
    from indextts2_multitalk.nodes.audio import audio_from

    return audio_from


@pytest.mark.parametrize(
    "value",
    [
        LazyAudio(),
        of(SAMPLES),
        of(SAMPLES[0]),
        of(SAMPLES.numpy()),
        of(SAMPLES.double()),
        of([SAMPLES]),
        of([SAMPLES[0].numpy()]),
        of(SAMPLES[0].tolist()),
        of(SAMPLES.requires_grad_()),
        of(np.asfortranarray(SAMPLES.detach().numpy())[..., ::-1][..., ::-1]),
        [of(SAMPLES)],
        (LazyAudio(),),
    ],
)
def test_a_recording(audio_from: Any, value: Any) -> None:
    audio = audio_from(value, "speaker1_audio")
    assert audio.sample_rate == 48000
    assert audio.samples.dtype == torch.float32
    assert torch.equal(audio.samples, SAMPLES[0].detach())


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_whole_numbers_are_scaled(audio_from: Any, kind: Any) -> None:
    scaled = (SAMPLES.detach().numpy() * np.iinfo(kind).max).astype(kind)
    assert torch.allclose(audio_from(of(scaled), "x").samples, SAMPLES[0].detach(), atol=1e-4)


def test_one_channel_without_a_batch(audio_from: Any) -> None:
    assert audio_from(of(np.ones(9, np.float32)), "x").samples.shape == (1, 9)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "got no audio"),
        ({}, "got dict without waveform, expected AUDIO"),
        ({"waveform": SAMPLES}, "got dict without sample_rate"),
        ("voice.wav", "got str without waveform"),
        (object(), "got object without waveform"),
        (LazyAudio(RuntimeError("no sound track")), r"cannot be decoded \(no sound track\)"),
        ([], "got a batch of 0 recordings"),
        ([of(SAMPLES)] * 2, "got a batch of 2 recordings, expected one"),
        (of([SAMPLES, SAMPLES]), "got a batch of 2 recordings"),
        (of(SAMPLES.repeat(3, 1, 1)), "got a batch of 3 recordings"),
        (of(None), "got a waveform of type NoneType"),
        (of("words"), "got a waveform of type str"),
        (of(torch.zeros(1, 1, 0)), "has no samples"),
        (of(torch.full((1, 1, 9), torch.nan)), "NaN or infinite"),
    ],
)
def test_anything_else_is_an_error_that_names_the_input(audio_from: Any, value: Any, words: str) -> None:
    with pytest.raises(AudioError, match=f"speaker2_audio: .*{words}"):
        audio_from(value, "speaker2_audio")
