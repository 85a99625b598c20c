"""Makes `tests/helpers` importable and keeps torch to one thread, so that parallel runs do not fight for cores.

Without a GPU, Triton's kernels run in its interpreter, which must be asked for before Triton is first imported.
"""

import os
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")
