"""`indextts2 fetch`: download the model files that are missing, with a bar for each."""

import argparse

from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ..loading.fetch import fetch_missing
from ..model_version import find_version
from .progress import NamedProgress, make_console


def fetch(options: argparse.Namespace) -> int:
    """Download what is missing, with a bar per file, and say where everything is."""
    console = make_console()
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with NamedProgress(TextColumn("{task.description}"), *columns, console=console) as progress:
        version = find_version(options.version) if options.version else None
        folder = fetch_missing(options.to or options.model_dir, options.endpoint, progress.show_progress, version)
    count = len(progress.tasks)
    console.print(f"{folder}: {f'{count} files downloaded' if count else 'nothing was missing'}, complete")
    return 0
