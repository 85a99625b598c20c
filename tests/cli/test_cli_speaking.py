"""`say` and `talk` write what was asked for; what a user gets wrong ends in one line and exit code 2."""

import sys
from pathlib import Path

import pytest
import soundfile
from indextts2_multitalk.indextts import pipeline
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.dialogue import picture

QUICK = ("--max-codes", "20", "--steps", "2", "--device", "cpu")
SCRIPT = "Ann: Hello there.\nBob: [Happy] Good morning!\n-0.2s-\nAnn: How are you?\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.txt"
    file.write_text(SCRIPT, encoding="utf-8")
    return file


def test_say(tmp_path: Path, model_folder: Path, voice_files: dict[str, Path], capsys) -> None:
    file = tmp_path / "new folder" / "hello.wav"
    say = ["say", "Hello there.", "--voice", str(voice_files["Ann"]), "--model-dir", str(model_folder), *QUICK]
    assert main([*say, "-o", str(file), "--emotion", "happy:0.5|sad:0.2"]) == 0
    samples, rate = soundfile.read(file)
    said = capsys.readouterr()
    assert rate == 22050
    assert said.out == f"{file}: {len(samples) / rate:.2f} s, 22050 Hz\n"
    assert "device: cpu" in said.err


def test_a_glossary(tmp_path: Path, model_folder: Path, voice_files: dict[str, Path], capsys) -> None:
    say = ["say", "Hello AI.", "--voice", str(voice_files["Ann"]), "--model-dir", str(model_folder), *QUICK]
    file = tmp_path / "own.yaml"
    say += ["-o", str(tmp_path / "a.wav"), "--glossary", str(file)]
    file.write_text("AI: A I", encoding="utf-8")
    assert main(say) == 0
    file.write_text("AI", encoding="utf-8")
    assert main(say) == 2
    assert "line 1: got no `term: reading`" in capsys.readouterr().err


@pytest.mark.parametrize("switches", [[], ["--no-accel", "--beams", "1", "--temperature", "0.7", "--top-k", "5"]])
def test_talk(tmp_path: Path, model_folder: Path, voice_files, script: Path, switches: list[str]) -> None:
    voices = [part for name, file in voice_files.items() for part in ("--voice", f"{name}={file}")]
    talk = ["talk", str(script), *voices, "--model-dir", str(model_folder), *QUICK, *switches]
    outputs = ["-o", str(tmp_path / "a.flac"), "--srt", str(tmp_path / "a.srt"), "--stems", str(tmp_path / "stems")]
    assert main([*talk, *outputs]) == 0
    whole = soundfile.read(tmp_path / "a.flac")[0]
    stems = [soundfile.read(tmp_path / "stems" / f"{name}.wav")[0] for name in voice_files]
    assert {len(stem) for stem in stems} == {len(whole)}
    assert "Bob: Good morning!" in (tmp_path / "a.srt").read_text(encoding="utf-8")
    assert main([*talk, "-o", str(tmp_path / "b.flac")]) == 0
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()


def test_subtitles_in_and_out(tmp_path: Path, model_folder: Path, voice_files, capsys) -> None:
    script = tmp_path / "in.srt"
    script.write_text("1\n00:00:01,000 --> 00:00:01,140\nHello there.\n", encoding="utf-16")
    talk = ["talk", str(script), "--voice", f"Ann={voice_files['Ann']}", "--model-dir", str(model_folder), *QUICK]
    outputs = ["-o", str(tmp_path / "a.wav"), "--srt", str(tmp_path / "a.vtt")]
    lengths = {}
    for timing in ("fit", "shift", "pad"):
        assert main([*talk, *outputs, "--timing", timing, "--fit-speeds", "0.5", "2"]) == 0
        samples, rate = soundfile.read(tmp_path / "a.wav")
        lengths[timing] = len(samples) / rate
    assert lengths["fit"] <= 1.14 <= lengths["pad"]
    assert (tmp_path / "a.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:01.000 --> ")
    assert lengths["shift"] > 1.19
    assert "longer than its subtitle" in capsys.readouterr().err
    assert main([*talk, *outputs, "--fit-speeds", "2", "1"]) == 2
    assert "fit_speeds: got 2 and 1" in capsys.readouterr().err


def test_picture(tmp_path: Path, model_folder: Path, voice_files, script: Path, capsys, monkeypatch) -> None:
    voices = [part for name, file in voice_files.items() for part in ("--voice", f"{name}={file}")]
    talk = ["talk", str(script), *voices, "--model-dir", str(model_folder), *QUICK, "-o", str(tmp_path / "a.wav")]
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    assert main([*talk, "--picture", str(tmp_path / "a.png")]) == 2
    assert "--picture: Pillow is not installed; pip install pillow" in capsys.readouterr().err
    assert not (tmp_path / "a.wav").exists()
    monkeypatch.undo()
    pytest.importorskip("PIL", reason="Pillow is not installed")
    assert main([*talk, "--picture", str(tmp_path / "new" / "a.png")]) == 0
    assert (tmp_path / "new" / "a.png").read_bytes().startswith(b"\x89PNG")
    assert main([*talk, "--picture", str(tmp_path / "a.gif")]) == 2
    assert "a.gif: got .gif, expected one of png" in capsys.readouterr().err


def error_cases() -> list[tuple[list[str], str]]:
    say, talk = ["say", "Hello."], ["talk", "{script}"]
    ann = ["--voice", "{Ann}"]
    out = ["-o", "{tmp}/o.wav"]
    return [
        ([*say, "--voice", "{tmp}/none.wav", *out], "none.wav: cannot be read as audio (no such file)"),
        ([*say, "--voice", "{script}", *out], "script.txt: cannot be read as audio"),
        ([*say, *ann, "-o", "{tmp}/o.txt"], "o.txt: got .txt, expected one of wav"),
        ([*say, *ann, "-o", "{script}/o.wav"], "o.wav: cannot be written"),
        ([*say, *ann, *out, "--emotion", "purple"], "--emotion: got 'purple', expected one of happy"),
        ([*say, *ann, *out, "--emotion", "happy:3"], "happy has weight 3, expected 0 to 1"),
        ([*say, *ann, *out, "--beams", "0"], "argument --beams: got '0', expected a whole number from 1 to 16"),
        (
            [*say, *ann, *out, "--device", "cpu", "--attention", "flash"],
            "flash cannot: it needs a CUDA device",
        ),
        ([*say, *ann, *out, "--device", "cuda:77"], "device: got 'cuda:77'"),
        (["say", "...", *ann, *out], "speak"),
        ([*talk, "--voice", "{Ann}", *out], "expected NAME=FILE"),
        ([*talk, "--voice", "Ann={Ann}", *out], "Bob"),
        (["talk", "{tmp}/none.txt", "--voice", "Ann={Ann}", *out], "none.txt: cannot be read"),
        (["talk", "{empty}", "--voice", "Ann={Ann}", *out], "expected"),
    ]


@pytest.mark.parametrize(("arguments", "words"), error_cases())
def test_errors(tmp_path: Path, model_folder: Path, voice_files, script: Path, capsys, arguments, words: str) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    places = {"tmp": tmp_path, "script": script, "empty": empty, **voice_files}
    assert main([*(part.format(**places) for part in arguments), "--model-dir", str(model_folder)]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("indextts2: error: ")
    assert words in message
    assert not (tmp_path / "o.wav").exists()


def test_verify_names_what_is_missing(tmp_path, model_folder, voice_files, capsys, monkeypatch) -> None:
    for library in ("pocketsphinx", "faster_whisper"):
        monkeypatch.setitem(sys.modules, library, None)
    say = ["say", "Hello you.", "--voice", str(voice_files["Ann"]), "-o", str(tmp_path / "o.wav"), "--verify"]
    assert main([*say, "--model-dir", str(model_folder)]) == 2
    assert "pip install pocketsphinx" in capsys.readouterr().err
    assert not (tmp_path / "o.wav").exists()


def test_no_model(tmp_path: Path, voice_files: dict[str, Path], capsys) -> None:
    arguments = ["say", "Hello.", "--voice", str(voice_files["Ann"]), "-o", str(tmp_path / "o.wav")]
    assert main([*arguments, "--model-dir", str(tmp_path / "none")]) == 2
    assert f"indextts2 fetch --to {tmp_path / 'none'}" in capsys.readouterr().err


def test_stopped(tmp_path: Path, model_folder: Path, voice_files, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline.Pipeline, "speak", interrupt)
    arguments = ["say", "Hello.", "--voice", str(voice_files["Ann"]), "-o", str(tmp_path / "o.wav")]
    assert main([*arguments, "--model-dir", str(model_folder)]) == 130
    assert capsys.readouterr().err.endswith("indextts2: stopped\n")


@pytest.mark.parametrize("arguments", [[], ["sing"], ["say", "Hello."], ["talk", "x", "--beams", "many"]])
def test_usage(arguments: list[str], capsys) -> None:
    assert main(arguments) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("indextts2: error: ")
    assert message.endswith("--help says more")
