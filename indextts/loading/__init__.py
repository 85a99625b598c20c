"""From files on disk to modules with weights: find, read, load strictly, fetch what is missing."""

from .find import CheckpointFiles, find_checkpoint
from .models import Models, load_models

__all__ = ["CheckpointFiles", "Models", "find_checkpoint", "load_models"]
