"""`indextts2 fetch`: download the model files that are missing, with a bar for each."""

import argparse
from typing import Any

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ..loading.fetch import fetch_missing
from .progress import make_console


def fetch(options: argparse.Namespace) -> int:
    """Download what is missing, with a bar per file, and say where everything is."""
    console = make_console()
    columns: tuple[Any, ...] = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    progress = Progress(TextColumn("{task.description}"), *columns, console=console)
    tasks: dict[str, TaskID] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = progress.add_task(name, total=total)
        progress.update(tasks[name], completed=done)

    with progress:
        folder = fetch_missing(options.to or options.model_dir, options.endpoint, show)
    console.print(f"{folder}: {f'{len(tasks)} files downloaded' if tasks else 'nothing was missing'}, complete")
    return 0
