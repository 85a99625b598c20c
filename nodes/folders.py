"""Where ComfyUI keeps things: every folder that may hold models, and the one place a node may write to."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path, PureWindowsPath

import folder_paths

from ..indextts.audio_file import FORMATS, translate_output_errors
from ..indextts.errors import ConfigError, OutputError
from ..indextts.file_names import why_no_file_name
from ..indextts.loading.layouts import DEMO, GLOSSARY_NAME, PACK, default_roots

AUTO = "auto"
NOT_MODELS = ("custom_nodes", "datasets")


def model_roots(model_dir: str = AUTO) -> list[Path]:
    """Search roots for `find_checkpoint`. `model_dir` "auto" (or empty) means every place models are known to lie,
    "demo" the demonstration voice."""
    wanted = model_dir.strip()
    if wanted == DEMO:
        return default_roots(Path(DEMO))
    if wanted and wanted != AUTO:
        return default_roots(_named_folder(Path(wanted).expanduser()))
    return default_roots(models_folders=list(dict.fromkeys(_models_folders())))


def _models_folders() -> Iterator[Path]:
    """ComfyUI's models folder, then those of extra_model_paths.yaml: "vae: models/vae" stands for models."""
    yield Path(folder_paths.models_dir)
    for name, (paths, _) in folder_paths.folder_names_and_paths.items():
        if name not in NOT_MODELS:
            for path in map(Path, paths):
                yield from (path, path.parent) if "tts" in name.lower() else (path.parent,)


def _named_folder(folder: Path) -> Path:
    """A relative folder is looked for in the pack, in the models folder and beside it; a missing one stays as named."""
    models = Path(folder_paths.models_dir)
    places = [folder] if folder.is_absolute() else [base / folder for base in (PACK, models, models.parent)]
    return next((place for place in places if place.is_dir()), places[-1])


def named_file(value: str) -> Path | None:
    """A `config_path`: None for "auto", else the file, relative to the pack or to the models folder."""
    wanted = value.strip()
    if not wanted or wanted == AUTO:
        return None
    file = Path(wanted).expanduser()
    places = [file] if file.is_absolute() else [PACK / file, Path(folder_paths.models_dir) / file]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        looked = " and ".join(str(place) for place in places)
        raise ConfigError(f'config_path: got {value!r}, expected "auto" or a config.yaml; looked at {looked}')
    return found


def user_glossary_file() -> Path:
    """Own readings for all models, beside the other settings of ComfyUI's user."""
    return Path(folder_paths.get_user_directory()) / "default" / "indextts2" / GLOSSARY_NAME


def resolve_output(name: str) -> Path:
    """The absolute path of `output_filename`, inside ComfyUI's output folder. Touches nothing on disk.

    Raises `OutputError` for an empty name, an absolute path, `..`, a name that some system does not take, links in a
    circle, or a suffix that is not an audio format.
    """
    plain = name.strip().replace("\\", "/")
    if not plain or plain.endswith("/") or "\0" in plain:
        raise OutputError(f'output_filename: got {name!r}, expected a file name such as "dialogue.wav"')
    if plain.startswith("/") or PureWindowsPath(plain).drive or ".." in plain.split("/"):
        raise OutputError(
            f'output_filename: got {name!r}, expected a path inside ComfyUI\'s output folder, such as "talks/first.wav"'
        )
    for part in plain.split("/"):
        if part != "." and (reason := why_no_file_name(part, on_windows=True)):
            raise OutputError(f"output_filename: got {name[:80]!r}, but {reason}; choose another name")
    root = Path(folder_paths.get_output_directory()).resolve()
    try:
        file = (root / (plain if Path(plain).suffix else f"{plain}.wav")).resolve()
    except (OSError, RuntimeError) as error:  # links in a circle: before Python 3.13 a RuntimeError
        raise OutputError(f"output_filename: {name[:80]!r} cannot be followed ({error}); remove the link") from error
    if not file.is_relative_to(root):
        raise OutputError(f"output_filename: {name!r} leads to {file}, which is outside {root}; remove the link")
    if file.suffix.lower().removeprefix(".") not in FORMATS:
        raise OutputError(f"output_filename: got {file.suffix!r}, expected one of {', '.join(FORMATS)}")
    return file


@contextmanager
def claimed_output(file: Path) -> Iterator[Path]:
    """`file`, or where that is there the first free `name_00002.wav`: ours alone, whoever else writes at the same time.

    Where writing fails the name is free again.
    """
    free = _claim(file)
    try:
        yield free
    except BaseException:
        free.unlink(missing_ok=True)
        raise


def _claim(file: Path) -> Path:
    with translate_output_errors(file):
        for number in count(1):
            free = file if number == 1 else file.with_stem(f"{file.stem}_{number:05}")
            try:
                free.open("xb").close()
            except FileExistsError:
                continue
            return free
    raise AssertionError("there is always another number")
