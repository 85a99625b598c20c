"""The demonstration voice speaks: its words are understood, its speakers are told apart, its feelings are heard.

Bounds are wide: these are few sentences. `training/evaluate.py` measures what the voice can do.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.flow_calibration import find_calibration, flow_identity, known_schedule
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import EMOTIONS, Emotion, Voice
from indextts2_multitalk.runtime.cpu_matmul import use_fastest_matmul
from indextts2_multitalk.s2mel.calibration import CONVERGED_STEPS, FAST_STEPS, mean_distance, multistep_schedule
from indextts2_multitalk.s2mel.model import FlowLine
from indextts2_multitalk.s2mel.solver import REFERENCE_SCHEDULE
from indextts2_multitalk.training.listening import Delivery, Ear, delivery_of, to16
from indextts2_multitalk.training.recognise import Recogniser, right_counts, word_error_rate, words_of
from safetensors import safe_open

Pairs = list[tuple[list[str], list[str]]]

PLAIN_LINES = 2
"""As many lines are spoken by the plain loop too, one by each speaker."""
MOVED_LINES = 2
"""As many lines are spoken with each emotion, one by each speaker."""


@pytest.fixture(scope="module")
def hear() -> Callable[[Sequence[Any]], Pairs]:
    """(wanted, found) words of each saying."""
    pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")
    recogniser = Recogniser()
    return lambda sayings: [(words_of(saying.text), recogniser.words(saying.wav16)) for saying in sayings]


@pytest.fixture(scope="module")
def reference_waves(references: dict[str, Voice]) -> dict[str, np.ndarray]:
    return {name: to16(voice.audio.samples[0].numpy(), voice.audio.sample_rate) for name, voice in references.items()}


def test_a_stranger_understands_it(sayings: list[Any], hear: Callable[[Sequence[Any]], Pairs]) -> None:
    """Measured: 8 % of these 76 words wrong, 12 % of the fifty sentences' and all of these of the right length. A
    processor that rounds otherwise draws other codes, hence the room; noise would come to 100 %."""
    heard = hear(sayings)
    assert word_error_rate(heard) <= 0.25, heard
    assert right_counts(heard) >= len(heard) - 2, heard


def test_the_plain_loop_says_the_same(
    pipeline: Pipeline, sayings: list[Any], folder: Path, speak: Any, hear: Callable[[Sequence[Any]], Pairs]
) -> None:
    """Without sampling: rounding flips a draw in one line of twelve, and the line then goes another way."""
    plain = Pipeline.load(folder, LoadOptions(device="cpu", use_accel=False))
    greedy = SpeakOptions(do_sample=False)
    texts = [saying.text for saying in sayings[:PLAIN_LINES]]
    fast, slow = (speak(each, texts, options=greedy) for each in (pipeline, plain))
    for one, other in zip(fast, slow, strict=True):
        assert abs(len(one.wav16) / len(other.wav16) - 1) <= 0.02, one.text
    assert abs(word_error_rate(hear(fast)) - word_error_rate(hear(slow))) <= 0.1


def test_a_speaker_sounds_like_their_own_reference(
    sayings: list[Any], folder: Path, reference_waves: dict[str, np.ndarray]
) -> None:
    ear = Ear(folder)
    styles = {name: ear.style(wave) for name, wave in reference_waves.items()}
    margins = []
    for saying in sayings:
        nearness = {name: float(ear.style(saying.wav16) @ style) for name, style in styles.items()}
        margins.append(nearness.pop(saying.speaker) - max(nearness.values()))
    assert sum(margin > 0 for margin in margins) >= len(margins) - 1, margins
    assert float(np.mean(margins)) >= 0.1, margins


def test_pitch_follows_the_reference(sayings: list[Any], reference_waves: dict[str, np.ndarray]) -> None:
    for name, wave in reference_waves.items():
        spoken = np.median([delivery_of(saying.wav16).pitch_hz for saying in sayings if saying.speaker == name])
        assert abs(np.log2(spoken / delivery_of(wave).pitch_hz)) < 0.25, name


def test_feelings_are_heard(pipeline: Pipeline, speak: Any, sayings: list[Any]) -> None:
    texts = [saying.text for saying in sayings[:MOVED_LINES]]
    plain = [delivery_of(saying.wav16) for saying in sayings[:MOVED_LINES]]
    happy, sad = (
        [delivery_of(saying.wav16) for saying in speak(pipeline, texts, felt(name))] for name in ("happy", "sad")
    )
    assert middle(happy, plain, "pitch_hz") > 1.05
    assert middle(sad, plain, "pitch_hz") < 0.97
    assert middle(sad, happy, "seconds") > 1.1


def felt(name: str) -> Emotion:
    return Emotion("vector", vector=tuple(float(emotion == name) for emotion in EMOTIONS))


def middle(those: list[Delivery], others: list[Delivery], figure: str) -> float:
    """Median over lines of how many times larger a figure is."""
    return float(np.median([getattr(a, figure) / getattr(b, figure) for a, b in zip(those, others, strict=True)]))


def test_it_brings_its_calibration(folder: Path, pipeline: Pipeline) -> None:
    """So that the first line is as fast as the next. Where this fails after a new export: docs/ADDING.md."""
    files = find_checkpoint([folder])
    schedule = known_schedule(files, SpeakOptions())
    assert schedule is not None
    assert schedule.grid == pytest.approx(multistep_schedule(9).grid)
    found = find_calibration(folder, flow_identity(files), 0.7)
    assert found is not None
    assert found.auto.distance < found.reference.distance < found.draft.distance


@torch.inference_mode()
def test_what_passes_its_calibration_passes_on_speech(
    pipeline: Pipeline, speak: Any, sayings: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calibration measures conditions drawn at random; here are two sentences. Measured: 1.15 against 1.42 % in the
    mean of twelve, eleven of them nearer; one alone may be farther, hence the room."""
    s2mel, heard = pipeline.modules.s2mel, []
    solve = s2mel.generate_mels

    def listen(lines: Sequence[FlowLine], *given: Any) -> Any:
        heard.extend(lines)
        return solve(lines, *given)

    monkeypatch.setattr(s2mel, "generate_mels", listen)
    speak(pipeline, [saying.text for saying in sayings[:2]], options=SpeakOptions(steps=1))
    with use_fastest_matmul(pipeline.device):
        converged = solve(heard, multistep_schedule(CONVERGED_STEPS))
        auto, reference = (
            mean_distance(solve(heard, schedule), converged)
            for schedule in (multistep_schedule(FAST_STEPS), REFERENCE_SCHEDULE)
        )
    assert auto <= 1.2 * reference


def test_half_precision_on_disk_is_whole_in_memory(folder: Path, pipeline: Pipeline) -> None:
    for file in folder.rglob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            assert {tensors.get_tensor(name).dtype for name in tensors.keys()} == {torch.float16}, file  # noqa: SIM118
    assert {parameter.dtype for parameter in pipeline.modules.parameters()} == {torch.float32}


def test_the_demonstration_runs(folder: Path, tmp_path: Path) -> None:
    """What `make demo` runs, with fewer steps of the flow."""
    pytest.importorskip("PIL", reason="Pillow is not installed")
    demo = Path(__file__).parents[2] / "checkpoints" / "demo"
    voices = [f"--voice={name}={demo / 'voices' / file}" for name, file in (("Anna", "anna.flac"), ("Ben", "ben.flac"))]
    outputs = ["--srt", str(tmp_path / "a.srt"), "--picture", str(tmp_path / "a.png"), "-o", str(tmp_path / "a.wav")]
    quick = ["--device", "cpu", "--steps", "4"]
    assert main(["talk", str(demo / "dialogue.txt"), *voices, "--model-dir", str(folder), *outputs, *quick]) == 0
    assert (tmp_path / "a.srt").read_text(encoding="utf-8").count("-->") == 6
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert 8.0 < soundfile.info(tmp_path / "a.wav").duration < 40.0
