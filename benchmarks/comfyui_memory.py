"""The nodes beside another model under ComfyUI's memory management: evicted, back, and gone after /free.

    python benchmarks/comfyui_memory.py [--comfyui DIR] [--dynamic] [--folder DIR] [--free GIB]

With --comfyui the memory management is ComfyUI's own, from that checkout, else the tests' stand-in; the rest of ComfyUI
is always the stand-in's. --dynamic: with DynamicVRAM (comfy-aimdo) as ComfyUI's main.py switches it on. ComfyUI
runs CUDA with PYTORCH_CUDA_ALLOC_CONF=backend:cudaMallocAsync by default: measure with it and without.

The model is the demonstration voice's, or --folder's, in half precision on a GPU, where a balloon leaves --free GiB and
the other model takes 80 % of them. Refuses where what is spoken after the eviction is not what was spoken before.
Prints one JSON line a figure.
"""

import argparse
import gc
import importlib
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from measure import Refused, drain, emit

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from helpers import fake_comfy
from helpers.process_memory import resident_bytes, used_device_bytes

SHARE = 0.8
"""Of the free memory, what the other model takes."""
LAYER = 8192
"""Width of one of its layers: 128 MiB in half precision."""
TEXT = "Anna: Good evening, everyone. The train leaves in ten minutes.\nBen: Then we must hurry."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comfyui", type=Path, metavar="DIR", help="a ComfyUI checkout, for its memory management")
    parser.add_argument("--dynamic", action="store_true", help="switch DynamicVRAM on; needs --comfyui and a GPU")
    parser.add_argument("--folder", default="demo", help="a released folder (default: the demonstration voice)")
    parser.add_argument("--free", type=float, default=8.0, metavar="GIB", help="what a balloon leaves (default 8)")
    arguments = parser.parse_args()
    own = use_comfyui(arguments.comfyui, arguments.dynamic) if arguments.comfyui else {}
    with tempfile.TemporaryDirectory() as scratch, fake_comfy.installed(Path(scratch), own):
        importlib.import_module("comfy.model_management").get_torch_device = device
        with torch.inference_mode():
            measure(Nodes(arguments.folder), describe(arguments), arguments.free if arguments.comfyui else None)


def device() -> torch.device:
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def describe(arguments: argparse.Namespace) -> dict[str, str]:
    backend = torch.cuda.get_allocator_backend() if torch.cuda.is_available() else "none"
    dynamic = "DynamicVRAM" if arguments.dynamic else "ModelPatcher"
    return {"management": dynamic if arguments.comfyui else "stand-in", "allocator": backend}


def use_comfyui(checkout: Path, dynamic: bool) -> dict[str, ModuleType]:
    """ComfyUI's own memory management, by module name. Raises `Refused` where DynamicVRAM cannot be switched on."""
    sys.path.insert(0, str(checkout))
    sys.argv = [sys.argv[0], *([] if torch.cuda.is_available() else ["--cpu"])]
    importlib.import_module("comfy.options").enable_args_parsing()
    names = ("comfy", "comfy.utils", "comfy.model_management", "comfy.model_patcher")
    own = {name: importlib.import_module(name) for name in names}
    if dynamic:
        control = importlib.import_module("comfy_aimdo.control")
        if not control.init() or not control.init_devices([0]):
            raise Refused("comfy-aimdo cannot be switched on here")
        own["comfy.model_patcher"].CoreModelPatcher = own["comfy.model_patcher"].ModelPatcherDynamic
        importlib.import_module("comfy.memory_management").aimdo_enabled = True
    return own


class Nodes:
    """The speaking node over one model that waits in RAM when it is evicted."""

    def __init__(self, folder: str) -> None:
        nodes = fake_comfy.PACKAGE
        settings = importlib.import_module(f"{nodes}.settings")
        half = torch.cuda.is_available()
        wanted = settings.ModelSettings(model_dir=folder, use_fp16=half, use_cuda_kernel=half)
        self.handle = settings.ModelHandle(wanted, keep_in_ram=True)
        self._takes = importlib.import_module(f"{nodes}.take_cache").take_cache._takes
        self._talk = importlib.import_module(f"{nodes}.multi_talk").MultiTalk.execute
        demo = importlib.import_module(f"{nodes}.demo_voice").DemoVoice.execute
        self._voices = {f"speaker{n}_audio": demo(name).result[0] for n, name in ((1, "anna"), (2, "ben"))}
        self.models = importlib.import_module(f"{nodes}.model_cache").model_cache

    def speak(self) -> tuple[torch.Tensor, float]:
        """The waveform, spoken anew, and the seconds it took."""
        self._takes.clear()
        start = time.perf_counter()
        given = {"num_speakers": "2", "conversation_text": TEXT, "output_filename": "talk.wav", "verbose": False}
        audio = self._talk(**given, **self._voices, model_manager=self.handle).result[0]
        drain()
        return audio["waveform"], time.perf_counter() - start

    @property
    def weight_bytes(self) -> int:
        modules = self.models.peek(self.handle).pipeline.modules
        return sum(parameter.nbytes for parameter in modules.parameters())

    def is_evicted(self) -> bool:
        return self.models.peek(self.handle).pipeline.device.type == "cpu"


class OtherModel:
    """A stack of layers that ComfyUI's management owns and that is run to be really there."""

    def __init__(self, size: int) -> None:
        self._management = importlib.import_module("comfy.model_management")
        linear = importlib.import_module("comfy.ops").manual_cast.Linear
        count = max(1, round(size / (2 * LAYER**2)))
        model = torch.nn.Sequential(
            *(linear(LAYER, LAYER, bias=False, dtype=torch.float16, device="cpu") for _ in range(count))
        )
        zeros = torch.zeros(LAYER, LAYER, dtype=torch.float16)
        model.load_state_dict({f"{number}.weight": zeros for number in range(count)})
        patcher = importlib.import_module("comfy.model_patcher").CoreModelPatcher
        self.patcher = patcher(model.requires_grad_(False), device(), torch.device("cpu"))

    def run(self) -> None:
        self._management.load_models_gpu([self.patcher])
        out = self.patcher.model(torch.zeros(1, LAYER, dtype=torch.float16, device=device()))
        if not bool(torch.isfinite(out).all()):
            raise Refused("the other model does not compute")


def measure(nodes: Nodes, about: dict[str, str], free_gib: float | None) -> None:
    """free_gib: of the card beside a balloon, for another model of ComfyUI's; None: only unload."""
    management = importlib.import_module("comfy.model_management")
    unload = getattr(management, "unload_all", None) or management.unload_all_models
    baseline = used_device_bytes()
    nodes.speak()
    first, warm = nodes.speak()
    weights = nodes.weight_bytes
    crowd = nullcontext(unload) if free_gib is None or not torch.cuda.is_available() else Crowd(free_gib)
    with crowd as evict:
        evict()
        if torch.cuda.is_available() and not nodes.is_evicted():
            raise Refused("the other model came and this one stayed on the device")
        again, back = nodes.speak()
        evict()
        third, _ = nodes.speak()
    if not (torch.equal(first, again) and torch.equal(first, third)):
        raise Refused("after the eviction something else was spoken")
    emit_case("back-after-eviction", back - warm, "s", about, warm_seconds=round(warm, 4))
    del crowd, evict  # the other model must not be there, or it is what comes to the host
    gc.collect()
    nodes.handle = type(nodes.handle)(nodes.handle.settings, keep_in_ram=False)
    nodes.speak()
    host = resident_bytes()
    unload()
    management.soft_empty_cache()
    emit_case("left-after-free", (used_device_bytes() - baseline) / 2**30, "GiB", about)
    emit_case("host-freed-by-free", (host - resident_bytes()) / 2**20, "MiB", about, weights_mib=weights >> 20)


class Crowd:
    """A small card: a balloon leaves `free_gib`, of which another model takes `SHARE`. Entered, it is what evicts."""

    def __init__(self, free_gib: float) -> None:
        self._free = int(free_gib * 2**30)

    def __enter__(self) -> Callable[[], None]:
        torch.cuda.empty_cache()
        size = max(0, torch.cuda.mem_get_info()[0] - self._free)
        self._balloon = torch.empty(size, dtype=torch.uint8, device=device())
        return OtherModel(int(SHARE * self._free)).run

    def __exit__(self, *_: object) -> None:
        del self._balloon


def emit_case(case: str, value: float, unit: str, about: dict[str, str], **more: Any) -> None:
    emit("comfyui_memory", case, value, unit, "float16" if torch.cuda.is_available() else "float32", **about, **more)


if __name__ == "__main__":
    main()
