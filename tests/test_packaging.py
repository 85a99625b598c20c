"""The pack installs and imports where ComfyUI lives: nothing heavy, nothing optional, nothing touched."""

import ast
import re
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import pytest
import soundfile
from helpers.released_folder import write_released_folder
from helpers.tones import tone
from helpers.waiting import HUNG_SECONDS
from packaging.requirements import Requirement

tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OPTIONAL = ("triton", "flash_attn", "torchaudio", "comfy", "comfy_api", "folder_paths", "pynini", "torchcodec", "PIL")
ENTRIES = (
    "pipeline",
    "loading.fetch",
    *(f"commands.{name}" for name in ("cli", "say", "talk", "doctor", "checkup", "bench", "fetch", "progress")),
)
"""Modules that the nodes and the command line start from; they reach all that is not brought in when it is needed."""

LAZY = ("transformers", "huggingface_hub", "librosa", "omegaconf", "torch._inductor", "wetext")
"""Takes longer to import than all the rest; only what runs it may bring it in."""

WITHOUT_OPTIONAL = f"""
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in {OPTIONAL!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""


def run(code: str, cwd: Path | None = None) -> str:
    """Standard output of `code` in a fresh interpreter; its error where it fails."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, timeout=HUNG_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_pack_does_nothing() -> None:
    before_after = run(
        "import os, sys\n"
        "path, environment = list(sys.path), dict(os.environ)\n"
        "known = set(sys.modules)\n"
        "import indextts2_multitalk\n"
        "assert sys.path == path and dict(os.environ) == environment\n"
        "print(sorted(name for name in set(sys.modules) - known if not name.startswith('indextts2_multitalk')))"
    )
    heavy = set(ast.literal_eval(before_after)) & {"torch", "numpy", "transformers", "yaml", "pydantic"}
    assert heavy == set()


def test_modules_import_without_optional_packages() -> None:
    loaded = run(
        f"{WITHOUT_OPTIONAL}\n"
        "import importlib, logging, torch\n"
        "def state():\n"
        "    return torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state().tolist()\n"
        "before = state()\n"
        f"for name in {ENTRIES!r}:\n"
        "    importlib.import_module(f'indextts2_multitalk.indextts.{name}')\n"
        "assert state() == before\n"
        "assert not logging.getLogger('indextts2_multitalk').handlers\n"
        "print(sorted(sys.modules))"
    )
    assert set(ast.literal_eval(loaded)).isdisjoint({*OPTIONAL, *LAZY})


def test_the_nodes_import_nothing_that_takes_long(tmp_path: Path) -> None:
    """ComfyUI imports every pack before it shows its page; ours may take 1.2 s of that and takes 0.5."""
    loaded = run(
        f"import sys\nfrom pathlib import Path\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from helpers import fake_comfy\n"
        f"with fake_comfy.installed(Path({str(tmp_path)!r})):\n"
        "    import indextts2_multitalk.nodes\n"
        "print(sorted(sys.modules))"
    )
    assert set(ast.literal_eval(loaded)).isdisjoint(LAZY)


def test_speaks_without_optional_packages(tmp_path: Path) -> None:
    model = write_released_folder(tmp_path / "model")
    voice = tmp_path / "voice.wav"
    soundfile.write(voice, tone(200.0).squeeze(0).numpy(), 16000)
    quick = ["--device", "cpu", "--steps", "1", "--max-codes", "5", "--beams", "1"]
    say = ["say", "Hello.", "--voice", str(voice), "--model-dir", str(model), "-o", str(tmp_path / "o.wav"), *quick]
    said = run(
        f"{WITHOUT_OPTIONAL}\n"
        "from indextts2_multitalk.indextts.commands.cli import main\n"
        f"for switch in ('--accel', '--no-accel'):\n    assert main([*{say!r}, switch]) == 0"
    )
    assert said.count("22050 Hz") == 2


@pytest.mark.parametrize("command", ["say", "talk", "doctor", "fetch", "bench"])
def test_help_is_quick(command: str) -> None:
    """The parser needs nothing but the standard library."""
    run(
        "import sys\n"
        "from indextts2_multitalk.indextts.commands import cli\n"
        f"try:\n    cli.main([{command!r}, '--help'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        "assert not {'torch', 'numpy', 'rich'} & set(sys.modules), 'imported too much'"
    )


def test_version_is_the_same_everywhere() -> None:
    assert version("indextts2-multitalk") == PROJECT["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changes, re.M)
    assert newest is not None
    assert newest[1] == PROJECT["project"]["version"]


def test_requirements_are_pyproject_without_torch() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {line for line in lines if line and not line.startswith("#")}
    declared = set(PROJECT["project"]["dependencies"])
    assert declared - required == {"torch>=2.7"}
    assert required <= declared


def test_nothing_is_pinned() -> None:
    """A pin in one pack breaks the next; lower bounds are all that is promised."""
    for text in PROJECT["project"]["dependencies"]:
        assert {specifier.operator for specifier in Requirement(text).specifier} == {">="}, text


def test_nothing_required_bounds_numpy_or_brings_torch() -> None:
    """From the metadata of what is installed here; `make matrix-comfyui` asks pip's resolver."""
    queue = [Requirement(line) for line in PROJECT["project"]["dependencies"] if not line.startswith("torch")]
    seen: set[str] = set()
    while queue:
        required = queue.pop()
        name = required.name.lower().replace("_", "-")
        if required.marker is not None and not required.marker.evaluate({"extra": ""}):
            continue
        assert name != "torch", "some package brings torch"
        bounds = {specifier.operator for specifier in required.specifier}
        assert name != "numpy" or bounds <= {">=", "!="}, f"numpy is bounded: {required}"
        if name not in seen:
            seen.add(name)
            queue += [Requirement(text) for text in requires(name) or ()]
    assert {"numpy", "omegaconf", "pyyaml", "tokenizers"} <= seen


def test_every_package_is_listed() -> None:
    rooms = ("accel", "indextts", "nodes", "runtime", "s2mel")
    found = {"indextts2_multitalk", "indextts2_multitalk.configs"}
    for room in rooms:
        for file in (ROOT / room).rglob("__init__.py"):
            found.add(".".join(["indextts2_multitalk", *file.parent.relative_to(ROOT).parts]))
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_data_file_is_packed() -> None:
    packed = PROJECT["tool"]["setuptools"]["package-data"]
    for room in ("accel", "configs", "indextts", "nodes", "runtime", "s2mel"):
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and file.suffix not in (".py", ".pyc", ".md"):
                package = ".".join(["indextts2_multitalk", *file.parent.relative_to(ROOT).parts])
                assert any(file.match(pattern) for pattern in packed.get(package, ())), file


def test_the_demonstration_voice_is_packed_whole_and_small() -> None:
    (pattern,) = PROJECT["tool"]["setuptools"]["package-data"]["indextts2_multitalk"]
    files = {file for file in (ROOT / "checkpoints" / "demo").rglob("*") if file.is_file()}
    assert files == {file for file in ROOT.glob(pattern) if file.is_file()}
    assert sum(file.stat().st_size for file in files) <= 40_000_000


def test_python_versions_match_what_is_promised() -> None:
    assert PROJECT["project"]["requires-python"] == ">=3.10"
    target = PROJECT["tool"]["ruff"]["target-version"]
    assert (target, PROJECT["tool"]["mypy"]["python_version"]) == ("py310", "3.10")


def test_registry_metadata() -> None:
    registry = PROJECT["tool"]["comfy"]
    assert registry["PublisherId"]
    assert registry["DisplayName"]
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")
