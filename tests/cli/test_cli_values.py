"""Values and files are asked for before any work: what is wrong is named with its option, before a model is found."""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
import torch
from indextts2_multitalk.indextts import audio_file
from indextts2_multitalk.indextts.commands import speaking
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.errors import OutputError, ScriptError
from indextts2_multitalk.indextts.records import Line, Take

VALUES = {
    "--speed": ("0", "-1", "9", "inf", "nan", "x", "", "1e400"),
    "--emotion-alpha": ("nan", "1e30", "-0.1", "inf"),
    "--device": ("meta", "xpu", "cuda:", "cuda:-1", "cuda:1e9", "CPU", "cpu\n", ""),
    "--seed": ("1.5", "9" * 5000, "²", "0x1", "nan"),
    "--temperature": ("0", "nan", "inf", "-1"),
    "--top-k": ("-1", "9" * 30),
    "--top-p": ("1.1", "nan"),
    "--max-codes": ("0", "9" * 12),
    "--steps": ("-1", "1001"),
    "--beams": ("0", "17"),
    "--candidates": ("0", "99"),
    "--tries": ("0", "99"),
    "--output": ("", "a\0b.wav"),
    "--glossary": ("",),
}
TALK_VALUES = {"--silence": ("nan", "-1", "61", "inf"), "--fit-speeds": ("nan", "0.1", "9"), "--timing": ("late",)}


@pytest.fixture(autouse=True)
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for a model has begun to work."""
    monkeypatch.setattr(speaking, "find_checkpoint", lambda roots: pytest.fail("a model was looked for"))


@pytest.fixture
def talk(tmp_path: Path, voice_files: dict[str, Path]) -> list[str]:
    script = tmp_path / "script.txt"
    script.write_text("Ann: Hello there.\n", encoding="utf-8")
    return ["talk", str(script), "--voice", f"Ann={voice_files['Ann']}", "-o", str(tmp_path / "o.wav")]


def refuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said, in one line."""
    assert main(arguments) == 2
    (message,) = capsys.readouterr().err.splitlines()
    return message


def test_values_are_named_with_their_option(tmp_path: Path, talk: list[str], capsys) -> None:
    say = ["say", "Hello.", "--voice", talk[3].partition("=")[2], "-o", str(tmp_path / "o.wav")]
    for arguments, values in ((say, VALUES), (talk, TALK_VALUES)):
        for option, wrong in values.items():
            for value in wrong:
                more = [value, "1.0"] if option == "--fit-speeds" else [value]
                message = refuse([*arguments, option, *more], capsys)
                assert option in message
                assert len(message) < 300
    assert not (tmp_path / "o.wav").exists()


@pytest.mark.parametrize("option", ["-o", "--srt", "--picture", "--stems"])
def test_outputs_that_cannot_be_written(tmp_path: Path, talk: list[str], capsys, option: str) -> None:
    suffix = {"-o": ".wav", "--srt": ".srt", "--picture": ".png"}.get(option, "")
    (tmp_path / "file").touch()
    (tmp_path / f"loop{suffix}").symlink_to(tmp_path / f"loop{suffix}")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    names = [f"file/x{suffix}", f"circle/x{suffix}", f"loop{suffix}", "n" * 256 + suffix, f"é{'é' * 127}{suffix}"]
    names += [f"CON{suffix}", f"nul.x{suffix}", f"aux/x{suffix}", f"a:b{suffix}", f"a\n{suffix}"]
    for name in names:
        assert "cannot be written" in refuse([*talk, option, str(tmp_path / name)], capsys)


def test_what_is_said_is_a_line(tmp_path: Path, talk: list[str], capsys) -> None:
    for name in ("a\nb.wav", "a\x1b[2Jb.wav", "d/" * 4000 + "x.wav", "a\r\b.wav"):
        message = refuse([*talk, "-o", str(tmp_path / name)], capsys)
        assert message.isprintable()
        assert len(message) < 2100
    os.mkfifo(tmp_path / "pipe.wav")
    for voice in ("pipe.wav", "~nobody_here/x", "n" * 300, ".", "x\udcff"):
        assert "no such file" in refuse([*talk[:2], "--voice", f"Ann={tmp_path / voice}", *talk[4:]], capsys)
    assert "--voice: got" in refuse([*talk, "--voice", f"{'n' * 300}=x.wav"], capsys)


def test_outputs_keep_clear_of_each_other_and_of_what_is_read(tmp_path: Path, talk: list[str], capsys) -> None:
    recording = Path(talk[3].partition("=")[2])
    before = recording.read_bytes()
    assert "would be written over" in refuse([*talk, "-o", str(recording)], capsys)
    assert "would be written over what -o writes" in refuse([*talk, "--srt", str(tmp_path / "o.wav")], capsys)
    assert "would be written over" in refuse([*talk, "--srt", talk[1]], capsys)
    stems = [*talk, "-o", str(tmp_path / "Ann.wav"), "--stems", str(tmp_path)]
    assert "--stems" in refuse(stems, capsys)
    assert recording.read_bytes() == before


@pytest.mark.parametrize("names", [("A+B", "A_B"), ("anna", "Anna"), ("CON",), ("字" * 90,)])
def test_speakers_whose_stems_cannot_be(tmp_path: Path, talk: list[str], capsys, names: tuple[str, ...]) -> None:
    recording = talk[3].partition("=")[2]
    voices = [part for name in names for part in ("--voice", f"{name}={recording}")]
    arguments = [*talk[:2], *voices, "-o", str(tmp_path / "o.wav"), "--stems", str(tmp_path / "stems")]
    assert "--stems" in refuse(arguments, capsys)


def test_pauses_that_fill_no_day(tmp_path: Path, talk: list[str], capsys) -> None:
    Path(talk[1]).write_text("Ann: Hello.\n" + "[pause:60]\n" * 800, encoding="utf-8")
    assert "line 1: pause_after: got" in refuse(talk, capsys)
    Path(talk[1]).write_text("Ann: Hello.\n[pause:60]\n" * 800, encoding="utf-8")
    assert "hours, expected 12 at most" in refuse(talk, capsys)
    Path(talk[1]).write_text("1\n99:00:00,000 --> 99:00:01,000\nHello.\n", encoding="utf-8")
    assert "start_seconds: got 356400.0, expected 0 to 43200" in refuse(talk, capsys)


def fail_on_writing(monkeypatch: pytest.MonkeyPatch, *places: Path) -> None:
    """The disk of `places` is full."""
    write = soundfile.write

    def write_elsewhere(file: bytes, *rest: object) -> None:
        if any(Path(os.fsdecode(file)).is_relative_to(place) for place in places):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, *rest)

    monkeypatch.setattr(audio_file.soundfile, "write", write_elsewhere)


def speak_two_takes(monkeypatch: pytest.MonkeyPatch, end: BaseException | None = None) -> None:
    """No model: two takes, and then perhaps an exception."""

    def speak(*_: object) -> Iterator[Take]:
        for place in range(2):
            yield Take(Line(place, "Ann/../x", "Hello."), torch.full((1, 2205), 0.1), ())
        if end is not None:
            raise end

    pipeline = SimpleNamespace(report=lambda: SimpleNamespace(to_text=str))
    monkeypatch.setattr(speaking, "speak_verified", speak)
    monkeypatch.setattr(speaking, "find_checkpoint", lambda _: None)
    monkeypatch.setattr(speaking, "Pipeline", SimpleNamespace(load=lambda *_: pipeline))


@pytest.mark.parametrize("command", ["say", "talk"])
def test_a_failure_at_writing_keeps_the_takes(tmp_path, talk: list[str], capsys, monkeypatch, command: str) -> None:
    say = ["say", "Hello.", "--voice", talk[3].partition("=")[2], "-o", str(tmp_path / "out" / "o.wav")]
    arguments = say if command == "say" else [*talk[:4], "-o", str(tmp_path / "out" / "o.wav")]
    speak_two_takes(monkeypatch)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(speaking.tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    fail_on_writing(monkeypatch, tmp_path / "out")
    assert main(arguments) != 0
    message = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device" in message
    folder = Path(message.rpartition("The takes are kept in ")[2])
    assert [len(soundfile.read(file)[0]) for file in sorted(folder.iterdir())] == [2205, 2205]
    monkeypatch.setattr(speaking.Path, "home", lambda: tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    fail_on_writing(monkeypatch, tmp_path)
    assert main(arguments) != 0
    assert "could not be kept" in capsys.readouterr().err


@pytest.mark.parametrize("end", [KeyboardInterrupt(), ScriptError("line 3: broken")])
def test_a_run_that_ends_early_keeps_its_finished_takes(
    tmp_path: Path, talk: list[str], capsys, monkeypatch, end: BaseException
) -> None:
    speak_two_takes(monkeypatch, end)
    monkeypatch.setattr(speaking.tempfile, "tempdir", str(tmp_path))
    try:
        main([*talk[:4], "-o", str(tmp_path / "o.wav")])
    except KeyboardInterrupt:
        assert isinstance(end, KeyboardInterrupt)
    told = "".join(capsys.readouterr()).replace("\n", "")
    assert "lines are finished. The takes are kept in" in told
    (folder,) = tmp_path.glob("indextts2-takes-*")
    assert [len(soundfile.read(file)[0]) for file in sorted(folder.iterdir())] == [2205, 2205]
    assert not list(tmp_path.glob("indextts2-spool-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_names_that_are_no_text(tmp_path: Path, talk: list[str], capsys, monkeypatch) -> None:
    speak_two_takes(monkeypatch)
    target = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    say = ["say", "Hello \udcff.", "--voice", talk[3].partition("=")[2], "-o", target]
    assert main(say) == 0
    assert Path(target).is_file()
    with pytest.raises(OutputError, match="half a character"):
        audio_file.check_output(tmp_path / "\ud83d.wav")
