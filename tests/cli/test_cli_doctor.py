"""The doctor names every part and every file, and a remedy for all that is not as it should be."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from indextts2_multitalk.indextts.commands import checkup, doctor
from indextts2_multitalk.indextts.commands.cli import main
from indextts2_multitalk.indextts.loading.find import survey_files
from indextts2_multitalk.s2mel.choice import CompileRequest

PARTS = ("Python", "PyTorch version", "GPU", "Triton", "kernel shapes", "flash-attn", "transformers")
FILES = (
    "config.yaml", "gpt.pth", "s2mel.pth", "bpe.model", "feat1.pt", "feat2.pt", "wav2vec2bert_stats.pt",
    "w2v-bert-2.0", "semantic_codec/model.safetensors", "campplus_cn_common.bin", "bigvgan", "qwen0.6bemo4-merge",
)  # fmt: skip
CHECKS = (
    "acceleration modules import",
    "IndexTTS2 initialises",
    "UnifiedVoice takes its options",
    "S2Mel can be compiled",
)


@pytest.fixture(autouse=True)
def quick_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "s2mel_compiles", lambda: "pretended")


def test_healthy(model_folder: Path, capsys) -> None:
    assert main(["doctor", "--full", "--model-dir", str(model_folder)]) == 0
    report = capsys.readouterr().out
    for name in (*PARTS, *FILES, *CHECKS):
        assert f"  {name}: " in report
    assert "missing" not in report
    assert "all files fit" in report
    assert "everything needed is there" in report
    assert f"model: IndexTTS-2, complete, in {model_folder}" in report


def test_a_gpu_that_triton_has_no_tensor_cores_for_is_noted(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.torch.cuda, "is_available", lambda: True)
    turing = SimpleNamespace(name="RTX 2080", total_memory=8 << 30, major=7, minor=5)
    monkeypatch.setattr(doctor.torch.cuda, "get_device_properties", lambda device: turing)
    monkeypatch.setattr(doctor.torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(doctor.torch.version, "cuda", "13.0")
    assert "Triton has no tensor cores before 8.0" in str(doctor._gpu_finding())
    assert "none, as no Triton kernels run here" in str(doctor._shapes_finding())


def test_nothing_is_compiled_unless_asked(model_folder: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(checkup, "s2mel_compiles", lambda: tried.append("compile") or "works")
    monkeypatch.setattr(checkup, "options_agree", lambda on_gpu: tried.append(on_gpu) or "the same")
    assert main(["doctor", "--model-dir", str(model_folder)]) == 0
    assert tried == [False]
    assert "S2Mel can be compiled: not tried; indextts2 doctor --full does" in capsys.readouterr().out
    assert main(["doctor", "--full", "--model-dir", str(model_folder)]) == 0
    assert tried == [False, True, "compile"]


def test_the_demonstration_voice_is_known(capsys) -> None:
    assert main(["doctor", "--model-dir", "demo"]) == 0
    assert "model: the demonstration voice, small and English only, complete, in " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gib", "words"),
    [
        (7.1, "16 lines × 3 beams at once in the 7.1 GiB that are free"),
        (2.0, "not one line fits in the 2.0 GiB that"),
        (4.2, " × 3 beams at once with --int8"),
    ],
)
def test_it_says_what_fits(model_folder: Path, gib: float, words: str, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a GPU with so much free, which is there for this check alone."""

    def ask(survey):
        with monkeypatch.context() as patch:
            patch.setattr("torch.cuda.is_available", lambda: True)
            patch.setattr("torch.cuda.mem_get_info", lambda: (int(gib * 2**30), 8 * 2**30))
            return fits(survey)

    fits = checkup.lines_that_fit
    monkeypatch.setattr(checkup, "lines_that_fit", ask)
    main(["doctor", "--model-dir", str(model_folder)])
    assert words in capsys.readouterr().out


def test_a_check_of_files_reads_no_weights(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and shapes are enough, so that gigabytes are checked within a second."""
    from indextts2_multitalk.indextts.loading import models

    seen = []

    def load_and_note(build, state, **settings):
        seen.extend(tensor.is_meta for name, tensor in state.items() if name not in ("styles", "vectors"))
        return load(build, state, **settings)

    load = models.load_strict
    monkeypatch.setattr(models, "load_strict", load_and_note)
    assert "all files fit" in checkup.model_initialises(survey_files([model_folder], model_folder))
    assert seen
    assert all(seen)


def test_only_what_is_needed_is_imported() -> None:
    """Importing is most of the doctor's time."""
    asked = "import indextts2_multitalk.indextts.commands.checkup, indextts2_multitalk.indextts.commands.doctor, sys"
    heavy = "transformers", "torch._dynamo", "torch._inductor", "triton", "scipy", "pynini", "torchaudio", "rich"
    print_them = f"print([name for name in {heavy} if name in sys.modules])"
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", f"{asked}; {print_them}"]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_no_files(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert main(["doctor", "--model-dir", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any("model: no IndexTTS-2 was found; the demonstration voice is there: --model-dir demo" in x for x in lines)
    for name in FILES:
        place = next(number for number, line in enumerate(lines) if f"  {name}: not found" in line)
        assert "-> indextts2 fetch" in lines[place + 1]
    assert any("IndexTTS2 initialises: at the released size, without weights" in line for line in lines)


def test_spoiled_file(model_folder: Path, tmp_path: Path, capsys) -> None:
    for file in model_folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "s2mel.pth").unlink()
    (tmp_path / "s2mel.pth").write_bytes(b"PK\x03\x04")
    assert main(["doctor", "--model-dir", str(tmp_path)]) == 1
    assert "missing  IndexTTS2 initialises: " in (report := capsys.readouterr().out)
    assert "s2mel.pth: got 4 bytes" in report


def test_other_version(tmp_path: Path, capsys) -> None:
    for name in ("codec.pth", "gpt.pth", "a.tiktoken"):
        (tmp_path / name).write_bytes(b"")
    assert main(["doctor", "--model-dir", str(tmp_path)]) == 1
    assert f"IndexTTS-2.5 in {tmp_path} is incomplete" in capsys.readouterr().out
    for name in ("codec.pth", "a.tiktoken"):
        (tmp_path / name).unlink()
    (tmp_path / "dvae.pth").write_bytes(b"")
    assert main(["doctor", "--model-dir", str(tmp_path)]) == 1
    assert f"{tmp_path} holds IndexTTS-1.x, not IndexTTS-2" in capsys.readouterr().out


def test_failing_checks_have_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError("broken\nat length")

    for name in ("acceleration_imports", "model_initialises", "options_agree", "s2mel_compiles"):
        monkeypatch.setattr(checkup, name, fail)
    findings = {
        finding.name: finding for finding in doctor.examine_machine(survey_files([tmp_path], tmp_path), full=True)
    }
    for name in CHECKS:
        assert findings[name].detail == "broken"
        assert findings[name].remedy
    assert findings["S2Mel can be compiled"].state == doctor.NOTE


STATES = {"compiled": "torch.compile works on", "not used: why": "torch.compile is not used: why", "failed: so": None}


@pytest.mark.parametrize(("state", "words"), STATES.items())
def test_compiling_is_really_tried(state: str, words: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    choice = type("Choice", (), {"compile_state": state})
    monkeypatch.setattr(
        checkup, "choose_flow", lambda estimator, request: choice if isinstance(request, CompileRequest) else None
    )
    if words:
        assert words in checkup.s2mel_compiles()
    else:
        with pytest.raises(RuntimeError, match=state):
            checkup.s2mel_compiles()


@pytest.mark.parametrize(("version", "state"), [("2.7.1+cu128", "ok"), ("2.6.0", "missing"), ("3.0.0a0", "ok")])
def test_torch_version(version: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.__version__", version)
    assert doctor._torch_finding().state == state


def test_own_readings_are_counted(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEXTTS2_CONFIG", str(tmp_path))
    survey = survey_files([model_folder])
    assert "0 terms" in str(doctor._readings_finding(survey))
    (tmp_path / "glossary.yaml").write_text("AI: A I\nk8s: K eight S\n", encoding="utf-8")
    assert "2 terms" in str(doctor._readings_finding(survey))
    (tmp_path / "glossary.yaml").write_text("AI", encoding="utf-8")
    finding = doctor._readings_finding(survey)
    assert finding.state == doctor.MISSING
    assert "line 1" in finding.detail
