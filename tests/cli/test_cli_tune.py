"""`tune` loads the model, shows how far it is, and says what was gained and where it is kept."""

from pathlib import Path

from indextts2_multitalk.indextts.commands.cli import ERROR, main
from indextts2_multitalk.indextts.pipeline import Pipeline
from indextts2_multitalk.indextts.tuning import TuningReport


def test_tune_reports_what_it_found(model_folder: Path, monkeypatch, capsys) -> None:
    def tune(pipeline, on_progress):
        for share in (0.0, 0.5, 1.0):
            on_progress(share, "flow step")
        return TuningReport("a GPU", Path("table.json"), {"flow step": (2e-3, 1e-3)}, 9, 0, 0)

    monkeypatch.setattr(Pipeline, "tune", tune)
    assert main(["tune", "--model-dir", str(model_folder), "--device", "cpu"]) == 0
    assert "flow step: 2.000 -> 1.000 ms" in capsys.readouterr().out


def test_without_a_gpu_it_ends_in_one_line(model_folder: Path, capsys) -> None:
    assert main(["tune", "--model-dir", str(model_folder), "--device", "cpu"]) == ERROR
    assert "tune: it is for GPUs" in capsys.readouterr().err


def test_cancelling_keeps_nothing(model_folder: Path, monkeypatch, tmp_path: Path) -> None:
    def cancelled(pipeline, on_progress):
        raise KeyboardInterrupt

    monkeypatch.setenv("INDEXTTS2_CACHE", str(tmp_path))
    monkeypatch.setattr(Pipeline, "tune", cancelled)
    assert main(["tune", "--model-dir", str(model_folder), "--device", "cpu"]) == 130
    assert not list(tmp_path.rglob("*"))
