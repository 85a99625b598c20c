"""`indextts2 tune`: which kernel shapes are fastest on this GPU, kept for every later start."""

import argparse
import sys

from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from ..loading.find import find_checkpoint
from ..loading.layouts import default_roots
from ..pipeline import Pipeline
from .progress import NamedProgress, make_console
from .speaking import build_load_options


def tune(options: argparse.Namespace) -> int:
    """Load the model, tune for it, and say what was gained."""
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
    pipeline = Pipeline.load(find_checkpoint(default_roots(options.model_dir)), build_load_options(options))
    with NamedProgress(*columns, TextColumn("{task.fields[what]}"), console=make_console()) as progress:
        bar = progress.add_task("tuning", total=1.0, what="")
        report = pipeline.tune(lambda share, what: progress.update(bar, completed=share, what=what))
    sys.stdout.write(f"{report}\n")
    return 0
