"""What pip would install from `requirements.txt` into a Python that has this one's torch and numpy: neither again.

`python resolve_beside_torch.py FOLDER` makes a virtual environment in FOLDER in which only the metadata of the two
lies, which is all that pip's resolver reads. It needs a package index: `make matrix-comfyui`.
"""

import json
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
GIVEN = ("torch", "numpy")


def create_environment(folder: Path) -> Path:
    """A virtual environment that believes it has the packages of `GIVEN`; returns its Python."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.run([python, "-c", query], check=True, capture_output=True, text=True).stdout.strip())
    for name in GIVEN:
        package = distribution(name)
        metadata = packages / f"{name}-{package.version}.dist-info"
        metadata.mkdir()
        for file in ("METADATA", "RECORD", "WHEEL"):
            (metadata / file).write_text(package.read_text(file) or "", encoding="utf-8")
    return python


def resolve_requirements(python: Path, report: Path) -> dict[str, str]:
    """Name and version of every package that pip would install for `requirements.txt`; the report stays."""
    pip = [python, "-m", "pip", "install", "-q", "--dry-run", "--report", report, "-r", REQUIREMENTS]
    subprocess.run(pip, check=True)
    installs = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {item["metadata"]["name"].lower(): item["metadata"]["version"] for item in installs}


def main(folder: Path) -> None:
    found = resolve_requirements(create_environment(folder), folder / "report.json")
    assert "omegaconf" in found, f"pip's report is not of requirements.txt: {found}"
    replaced = [f"{name} {distribution(name).version} by {found[name]}" for name in GIVEN if name in found]
    if replaced:
        sys.exit(f"requirements.txt would replace {', '.join(replaced)}")
    sys.stdout.write(f"requirements.txt brings {len(found)} packages and leaves {' and '.join(GIVEN)} as they are\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
