"""Makes `tests/helpers` importable and keeps torch to one thread, so that parallel runs do not fight for cores."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)
