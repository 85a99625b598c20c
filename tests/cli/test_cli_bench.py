"""`bench` measures every mode and writes what it measured."""

import json
from pathlib import Path

import torch
from indextts2_multitalk.indextts.commands import bench
from indextts2_multitalk.indextts.commands.cli import main


def test_bench(tmp_path: Path, model_folder: Path, capsys) -> None:
    """All modes; what torch.compile came to stands below the table."""
    file = tmp_path / "results.jsonl"
    quick = ["--lines", "2", "--max-codes", "10", "--steps", "1", "--beams", "1", "--device", "cpu"]
    assert main(["bench", "--model-dir", str(model_folder), *quick, "--json", str(file)]) == 0
    results = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [result["case"] for result in results] == [
        f"{case}, {mode}" for mode in bench.MODES for case in ("1 line", "2 lines")
    ]
    assert all(result["value"] > 0 and result["audio_seconds"] > 0 and result["device"] == "cpu" for result in results)
    printed = capsys.readouterr().err
    for words in (*bench.MODES, "torch.compile off", "torch.compile not used: on a CPU"):
        assert words in printed


def test_the_demonstration_voice_is_timed_in_english(tmp_path: Path, model_folder: Path, monkeypatch) -> None:
    spoken: list[str] = []
    speak = bench.Pipeline.speak

    def heard(pipeline, lines, *rest):
        spoken.extend(line.text for line in lines)
        return speak(pipeline, lines, *rest)

    monkeypatch.setattr(bench.Pipeline, "speak", heard)
    monkeypatch.setattr(bench, "DEMO_FOLDER", model_folder)
    monkeypatch.setattr(bench, "MODES", dict([*bench.MODES.items()][1:2]))
    quick = ["--lines", "4", "--max-codes", "5", "--steps", "1", "--beams", "1", "--device", "cpu"]
    assert main(["bench", "--model-dir", str(model_folder), *quick]) == 0
    assert len(set(spoken)) == 3
    assert all(text.isascii() for text in spoken)


def test_no_figure_without_sound(tmp_path: Path, model_folder: Path, monkeypatch) -> None:
    def silent(*_: object, **__: object):
        yield from ()

    monkeypatch.setattr(bench.Pipeline, "speak", silent)
    monkeypatch.setattr(bench, "MODES", dict([*bench.MODES.items()][:1]))
    try:
        main(["bench", "--model-dir", str(model_folder), "--json", str(tmp_path / "r"), "--device", "cpu"])
    except AssertionError:
        assert not (tmp_path / "r").exists()
    else:
        raise AssertionError("a benchmark without sound reported")


def test_device_name() -> None:
    assert bench.device_name(torch.device("cpu")) == "cpu"
