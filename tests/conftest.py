"""Makes `tests/helpers` importable and keeps torch to one thread, so that parallel runs do not fight for cores.

What takes longest is begun first, so that no process works alone at the end.

Without a GPU, Triton's kernels run in its interpreter, which must be asked for before Triton is first imported.

No test depends on how fast the machine is: examples of hypothesis have all the time they take, a test's clock is one
that it winds itself, and where something outside the process is waited for, HUNG_SECONDS end only what hangs.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# What a test works out for this machine is not kept for the next run, nor does it find what an earlier one kept.
CACHE = TemporaryDirectory(prefix="indextts2-tests-")
os.environ["INDEXTTS2_CACHE"] = CACHE.name

from helpers.waiting import HUNG_SECONDS  # noqa: E402

# Read when huggingface_hub is first imported; its own ten seconds are for a network.
os.environ["HF_HUB_ETAG_TIMEOUT"] = os.environ["HF_HUB_DOWNLOAD_TIMEOUT"] = str(int(HUNG_SECONDS))

# Fixtures that are made once for all examples hold nothing that an example changes.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("unhurried")

LONGEST = ("kernels", "voice", "training")
"""Folders whose files take minutes, in the order in which they are begun."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(room) if (room := item.path.parent.name) in LONGEST else len(LONGEST))
