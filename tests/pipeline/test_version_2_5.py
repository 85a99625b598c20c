"""A small IndexTTS-2.5 of seeded weights, in the released layout, through all stages, plain and on the engine."""

from pathlib import Path

import pytest
import torch
from helpers.released_folder import write_released_folder
from helpers.tones import tone
from indextts2_multitalk.indextts.audio_file import write_audio
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.errors import CheckpointError, TextError
from indextts2_multitalk.indextts.events import Event
from indextts2_multitalk.indextts.gpt.prompt import build_prompt
from indextts2_multitalk.indextts.loading.find import find_checkpoint
from indextts2_multitalk.indextts.loading.models import load_models
from indextts2_multitalk.indextts.model_version import V2_5
from indextts2_multitalk.indextts.options import LoadOptions, SpeakOptions
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.records import Audio, Emotion, Line, Voice
from indextts2_multitalk.indextts.seeds import seed_lines

HOP, RATE = 256, 22050
SCRIPT = ("Hello there.", "你好，世界。", "こんにちは、元気ですか。", "¿Cómo estás hoy?", "مرحبا بالعالم.")
OPTIONS = SpeakOptions(max_codes=12, steps=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released_folder(tmp_path_factory.mktemp("released") / "IndexTTS-2.5", version="2.5")


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Pipeline:
    return Pipeline.load(folder, LoadOptions(device="cpu"))


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice("Ann", Audio(tone(220.0), 16000))


def make_lines(voice: Voice, *texts: str, **fields: object) -> list[Line]:
    return seed_lines([Line(i, "Ann", text, i + 1, voice, **fields) for i, text in enumerate(texts)], 7)


def test_five_languages_sound_and_the_plain_loop_says_the_same(folder: Path, pipeline: Pipeline, voice: Voice) -> None:
    events: list[Event] = []
    takes = list(pipeline.speak(make_lines(voice, *SCRIPT), OPTIONS, events.append))
    assert all(take.waveform.numel() and torch.isfinite(take.waveform).all() for take in takes)
    assert "latents" not in {event.stage for event in events}
    report = pipeline.report()
    assert report.to_text().startswith("IndexTTS-2.5\n")
    assert report.seconds["latents"] == 0
    plain = Pipeline.load(folder, LoadOptions(device="cpu", use_accel=False))
    for take, other in zip(takes, plain.speak(make_lines(voice, *SCRIPT), OPTIONS), strict=True):
        assert [codes.tolist() for codes in take.codes] == [codes.tolist() for codes in other.codes]
        assert torch.equal(take.waveform, other.waveform)


def test_language_and_emotion_reach_the_prompt(pipeline: Pipeline, voice: Voice) -> None:
    happy = Emotion("vector", vector=(0.8, 0, 0, 0, 0, 0, 0, 0))
    features = pipeline._conditioning.encode_voice(voice.audio)
    assert features.speaker.shape == (1, pipeline.modules.config.gpt.model_dim)
    text = pipeline._text.prepare_text("Hello there.", "en").segments[0]
    gpt, alike = pipeline.modules.gpt, features.emotion
    english, chinese = (build_prompt(gpt, features.speaker, alike, text, row) for row in (0, 1))
    assert (english != chinese).any(dim=1).tolist() == [False] * 3 + [True] * (len(english) - 4) + [False]
    assert not english[1:3].any()
    for row in (None, -1, 107):
        with pytest.raises(ValueError, match="the language row"):
            build_prompt(gpt, features.speaker, alike, text, row)
    takes = [
        next(iter(pipeline.speak(make_lines(voice, "1984.", **fields), OPTIONS))).waveform
        for fields in ({"language": "en"}, {"language": "en", "emotion": happy})
    ]
    assert not torch.equal(*takes)


def test_frames_are_two_features_a_code_and_speed_divides_them(pipeline: Pipeline, voice: Voice) -> None:
    for speed in (0.5, 1.0, 1.3):
        (take,) = pipeline.speak(make_lines(voice, "Hello there.", speed=speed), OPTIONS)
        codes = sum(map(len, take.codes))
        assert take.waveform.shape[-1] == HOP * max(1, int(codes * 2 * 1.72 / speed))


def test_a_language_that_a_model_does_not_speak(pipeline: Pipeline, voice: Voice) -> None:
    with pytest.raises(TextError, match="language"):
        list(pipeline.speak(make_lines(voice, "Hello."), SpeakOptions(language="tlh")))


def test_what_the_files_decide(folder: Path, tmp_path: Path) -> None:
    """More languages, another vocabulary, parallel training's prefixes; only what is needed is in memory."""
    model = tmp_path / "model"
    model.mkdir()
    for file in folder.iterdir():
        (model / file.name).symlink_to(file)
    state = torch.load(folder / "gpt.pth", weights_only=True)["model"]
    state["lang_embedding.weight"] = torch.cat([state["lang_embedding.weight"]] * 2)
    (model / "gpt.pth").unlink()
    torch.save({f"module._fsdp_wrapped_module.{name}": tensor for name, tensor in state.items()}, model / "gpt.pth")
    models = load_models(find_checkpoint([model], model), LoadOptions(device="cpu"))
    assert (models.version, models.gpt.language_rows) == (V2_5, 214)
    names = [name for name, _ in models.named_parameters()]
    assert not [name for name in names if "codec.encoder" in name or "codec.down" in name or "gpt_layer" in name]
    del state["lang_embedding.weight"]
    torch.save(state, model / "gpt.pth")
    with pytest.raises(
        CheckpointError, match=r"gpt\.pth: got the weights of IndexTTS-2, expected those of IndexTTS-2\.5"
    ):
        load_models(find_checkpoint([model], model), LoadOptions(device="cpu"))


def test_the_command_line_speaks_two_languages(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice, script, sound = tmp_path / "ann.wav", tmp_path / "script.txt", tmp_path / "talk.wav"
    write_audio(voice, tone(220.0), 16000)
    script.write_text("Ann: Hello there.\nAnn: ¿Cómo estás?\n", encoding="utf-8")
    given = [
        "--voice",
        f"Ann={voice}",
        "--model-dir",
        str(folder),
        "--device",
        "cpu",
        "--max-codes",
        "8",
        "--steps",
        "2",
    ]
    assert main(["talk", str(script), *given, "-o", str(sound)]) == 0
    assert sound.is_file()
    assert "IndexTTS-2.5" in "".join(capsys.readouterr())
