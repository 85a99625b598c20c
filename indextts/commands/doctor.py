"""`indextts2 doctor`: what this machine has, which model files are there, and whether the parts fit together."""

import argparse
import importlib.metadata
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec

import torch

from ...runtime.card import card_of
from ...runtime.device_capability import why_too_old
from ...runtime.shape_tables import describe_shapes
from ..errors import ConfigError
from ..loading.find import Survey, survey_files
from ..loading.layouts import DEMO_FOLDER, default_roots, has_demo, list_file_names
from ..loading.placement import why_no_int8
from ..text.glossary_file import read_glossaries, user_glossary_file

TRITON = "triton-windows" if platform.system() == "Windows" else "triton"

OK, NOTE, MISSING = "ok", "note", "missing"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report. `remedy` is empty where there is nothing to do."""

    name: str
    state: str
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.state:>8}  {self.name}: {self.detail}"
        return f"{line}\n{'':>10}-> {self.remedy}" if self.remedy else line


def doctor(options: argparse.Namespace) -> int:
    """Print every finding; 1 where something that is needed is missing, else 0."""
    survey = survey_files(default_roots(options.model_dir))
    findings = []
    for finding in examine_machine(survey, options.full):
        print(finding, flush=True)
        findings.append(finding)
    bad = sum(finding.state == MISSING for finding in findings)
    print("\neverything needed is there" if not bad else f"\n{bad} of {len(findings)} findings need your attention")
    return 1 if bad else 0


def examine_machine(survey: Survey, full: bool = False) -> Iterator[Finding]:
    """All findings, the quick ones first. full: with those that compile kernels, which takes minutes."""
    yield from (
        _python_finding(),
        _torch_finding(),
        _gpu_finding(),
        _triton_finding(),
        _shapes_finding(),
        _flash_finding(),
        _int8_finding(),
        _transformers_finding(),
    )
    yield _model_finding(survey)
    yield from _file_findings(survey)
    yield _readings_finding(survey)
    yield _run_check("room", "lines_that_fit", "use low_memory, or close what holds the GPU's memory", survey)
    yield _run_check(
        "acceleration modules import", "acceleration_imports", "install the pack again: pip install -e FOLDER"
    )
    yield _run_check(
        "IndexTTS2 initialises", "model_initialises", "replace what is named here: indextts2 fetch", survey
    )
    yield _run_check("UnifiedVoice takes its options", "options_agree", "turn use_accel off and report this", full)
    if not full:
        yield Finding("S2Mel can be compiled", OK, "not tried; indextts2 doctor --full does, in minutes")
        return
    compiles = _run_check("S2Mel can be compiled", "s2mel_compiles", _compiler_remedy())
    yield compiles if compiles.state == OK else replace(compiles, state=NOTE)  # only use_torch_compile needs it


def _run_check(name: str, function: str, remedy: str, *arguments: object) -> Finding:
    """Run a function of `checkup`. Whatever goes wrong in it, imports too, is what the doctor has to tell."""
    try:
        return Finding(name, OK, getattr(import_module(".checkup", __package__), function)(*arguments))
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Finding(name, MISSING, reason, remedy)


def _python_finding() -> Finding:
    version, known = sys.version_info, (3, 10) <= sys.version_info[:2] <= (3, 13)
    detail = f"{version.major}.{version.minor}.{version.micro} on {platform.system()} {platform.machine()}"
    if version < (3, 10):
        return Finding("Python", MISSING, detail, "install Python 3.10 to 3.13")
    return Finding("Python", OK if known else NOTE, detail, "" if known else "tested with 3.10 to 3.13")


def _torch_finding() -> Finding:
    enough = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 7)
    remedy = "" if enough else "install PyTorch 2.7 or newer for your GPU, see pytorch.org"
    return Finding("PyTorch version", OK if enough else MISSING, torch.__version__, remedy)


def _gpu_finding() -> Finding:
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        memory = f"{properties.total_memory / 2**30:.0f} GiB"
        detail = f"{properties.name}, {memory}, compute {properties.major}.{properties.minor}"
        too_old = why_too_old(torch.device("cuda", 0))
        remedy = f"{too_old}; speech is made on PyTorch's own operations, slower and as well" if too_old else ""
        return Finding("GPU", NOTE if too_old else OK, detail, remedy)
    if torch.backends.mps.is_available():
        return Finding("GPU", OK, "Apple GPU through MPS")
    remedy = "check the GPU's driver: nvidia-smi"
    if torch.version.cuda is None and torch.version.hip is None:
        remedy = "if this machine has an NVIDIA GPU, install a CUDA build of PyTorch"
    return Finding("GPU", NOTE, "none that PyTorch can use; speech is made on the CPU", remedy)


def _triton_finding() -> Finding:
    version = _package_version("triton") or _package_version("triton-windows")
    if version:
        return Finding("Triton", OK, version)
    remedy = "" if not torch.cuda.is_available() else f"pip install {TRITON}: use_accel is faster with it"
    return Finding("Triton", NOTE, "not installed; decoding runs on PyTorch's own attention", remedy)


def _shapes_finding() -> Finding:
    device = torch.device("cuda", 0)
    if not torch.cuda.is_available() or find_spec("triton") is None or why_too_old(device):
        return Finding("kernel shapes", OK, "none, as no Triton kernels run here")
    return Finding("kernel shapes", OK, describe_shapes(card_of(device)))


def _flash_finding() -> Finding:
    return Finding("flash-attn", OK, _package_version("flash-attn") or "not installed, and not needed")


def _int8_finding() -> Finding:
    on_gpu = torch.cuda.is_available()
    reason = why_no_int8(torch.device("cuda" if on_gpu else "cpu"))
    less = f"--int8 takes {0.44 if on_gpu else 1.3} GiB less of the released model"
    return Finding("int8 weights", OK, f"not used: {reason}" if reason else less)


def _transformers_finding() -> Finding:
    version = _package_version("transformers")
    enough = version is not None and tuple(int(part) for part in version.split(".")[:2]) >= (4, 46)
    remedy = "" if enough else 'pip install "transformers>=4.46"'
    return Finding("transformers", OK if enough else MISSING, version or "not installed", remedy)


def _model_finding(survey: Survey) -> Finding:
    """Which model it is, and whether all of it is there."""
    if survey.is_complete:
        kind = (
            survey.version.title if survey.folder != DEMO_FOLDER else "the demonstration voice, small and English only"
        )
        return Finding("model", OK, f"{kind}, complete, in {survey.folder}")
    title = survey.version.title
    detail = f"{title} in {survey.folder} is incomplete" if survey.folder else "no IndexTTS-2 was found"
    demo = "; the demonstration voice is there: --model-dir demo" if has_demo() else ""
    return Finding("model", MISSING, f"{detail}{demo}", _file_remedy(survey))


def _file_findings(survey: Survey) -> Iterator[Finding]:
    if survey.mixed:
        yield Finding("model folder", NOTE, survey.mixed, "move the files of one version to a folder of their own")
    folder, version = next(iter(survey.other_versions.items()), (None, None))
    if folder and survey.folder is None:
        yield Finding("model folder", MISSING, f"{folder} holds IndexTTS-{version}, not IndexTTS-2", "see below")
    names = list_file_names(survey.version)
    for field, place in survey.found.items():
        yield Finding(names.get(field, field), OK, str(place))
    for field, name in survey.missing.items():
        optional = field == "qwen"
        detail = "not found" + (", only emotion from text needs it" if optional else "")
        yield Finding(name, NOTE if optional else MISSING, detail, _file_remedy(survey))


def _readings_finding(survey: Survey) -> Finding:
    try:
        entries = read_glossaries([survey.found.get("glossary"), user_glossary_file()])
    except ConfigError as error:
        return Finding("own readings", MISSING, str(error), "mend this glossary; nothing is spoken before")
    return Finding("own readings", OK, f"{len(entries)} terms beside the model and in {user_glossary_file()}")


def _file_remedy(survey: Survey) -> str:
    if survey.is_demo:
        return "the demonstration voice comes as it is with the pack; indextts2 fetch brings IndexTTS-2, which has all"
    return f"indextts2 fetch --to {survey.folder}" if survey.folder else "indextts2 fetch"


def _compiler_remedy() -> str:
    if torch.cuda.is_available():
        return f"pip install {TRITON}; without it leave use_torch_compile off"
    return "install a C++ compiler; without it leave use_torch_compile off"


def _package_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
