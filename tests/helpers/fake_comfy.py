"""Just enough of ComfyUI to import the nodes and run them: the schema records what it is told, memory is a list."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import torch

PACKAGE = "indextts2_multitalk.nodes"


class Interrupted(BaseException):
    """As in current ComfyUI, not an Exception."""


class Field:
    """An input or output as it was declared."""

    kind = "?"

    def __init__(self, name: str, **settings: Any) -> None:
        self.name = name
        self.optional = settings.pop("optional", False)
        self.settings = {"multiline": False} if self.kind == "STRING" else {}
        self.settings |= settings


class Autogrow(Field):
    """An input that grows; the node gets a mapping."""

    kind = "AUTOGROW"

    class Input(Field):
        kind = "AUTOGROW"

    class TemplateNames(NamedTuple):
        input: Field
        names: list[str]
        min: int


def _type(kind: str) -> type:
    field = type(kind, (Field,), {"kind": kind})
    return type(kind, (), {"Input": field, "Output": field})


class Schema:
    def __init__(self, **parts: Any) -> None:
        self.__dict__.update(parts)


class NodeOutput:
    def __init__(self, *result: Any) -> None:
        self.result = result


class ControlAfterGenerate(str, Enum):
    fixed = "fixed"


class ProgressBar:
    shown: list[int]

    def __init__(self, total: int) -> None:
        ProgressBar.shown = []

    def update_absolute(self, value: int, total: int | None = None) -> None:
        ProgressBar.shown.append(value)


class Context(NamedTuple):
    node_id: str


class Server:
    """What the page would show: (node, words) in order."""

    words: ClassVar[list[tuple[str, str]]] = []
    sent: ClassVar[list[tuple[str, Any]]] = []
    client_id: ClassVar[str | None] = None

    def send_progress_text(self, text: str, node_id: str) -> None:
        Server.words.append((node_id, text))

    def send_sync(self, event: str, data: Any, client: str | None = None) -> None:
        assert client == self.client_id
        Server.sent.append((event, data))


class ModelPatcher:
    """The moves of ComfyUI's own, without patches."""

    def __init__(self, model: Any, load_device: torch.device, offload_device: torch.device) -> None:
        self.model, self.load_device, self.offload_device = model, load_device, offload_device
        self.model.model_loaded_weight_memory = 0

    def partially_load(self, device_to: Any, extra_memory: float = 0, force_patch_weights: bool = False) -> int:
        self.model.to(device_to)
        self.model.device = device_to
        return 1

    def detach(self, unpatch_all: bool = True) -> Any:
        if unpatch_all:
            self.model.to(self.offload_device)
            self.model.device = self.offload_device
        return self.model


class Loaded:
    def __init__(self, model: ModelPatcher) -> None:
        self.model = model

    def model_unload(self) -> None:
        self.model.detach()


class Management(ModuleType):
    """`comfy.model_management`: `cancelled` stands for a pressed cancel button, `asked` for what was asked to fit."""

    InterruptProcessingException = Interrupted

    def __init__(self) -> None:
        super().__init__("comfy.model_management")
        self.current_loaded_models: list[Loaded] = []
        self.cancelled = False
        self.asked: list[int] = []

    def get_torch_device(self) -> torch.device:
        return torch.device("cpu")

    def throw_exception_if_processing_interrupted(self) -> None:
        if self.cancelled:
            self.cancelled = False
            raise Interrupted

    def load_models_gpu(self, models: list[Any], memory_required: int = 0, force_full_load: bool = False) -> None:
        self.asked.append(memory_required)
        for model in models:
            if any(entry.model is model for entry in self.current_loaded_models):
                model.detach(unpatch_all=False)
            else:
                self.current_loaded_models.append(Loaded(model))
            model.partially_load(model.load_device)

    def unload_all(self) -> None:
        """What `/free` has ComfyUI's worker do."""
        while self.current_loaded_models:
            self.current_loaded_models.pop().model_unload()

    def free_memory(self, memory_required: int, device: torch.device) -> None:
        """There is always room."""

    def soft_empty_cache(self) -> None:
        """Give back what PyTorch keeps of freed memory."""
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def module_size(self, module: torch.nn.Module) -> int:
        return sum(parameter.nbytes for parameter in module.parameters())


def _module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(content)
    return module


def modules(base: Path) -> dict[str, ModuleType]:
    """Fake modules by name; models and output lie under `base`."""
    io = _module(
        "io", Custom=_type, Schema=Schema, NodeOutput=NodeOutput, ComfyNode=object, Input=Field, Output=Field,
        MultiType=_type("MULTI"), Autogrow=Autogrow,
        ControlAfterGenerate=ControlAfterGenerate, Audio=_type("AUDIO"), Boolean=_type("BOOLEAN"),
        Combo=_type("COMBO"), Float=_type("FLOAT"), Int=_type("INT"), String=_type("STRING"),
    )  # fmt: skip
    management, utils = Management(), _module("comfy.utils", ProgressBar=ProgressBar)
    patcher = _module("comfy.model_patcher", ModelPatcher=ModelPatcher)
    paths = _module(
        "folder_paths",
        models_dir=str(base / "models"),
        folder_names_and_paths={"checkpoints": ([str(base / "models" / "checkpoints")], set())},
        get_output_directory=lambda: str(base / "output"),
        get_temp_directory=lambda: str(base / "temp"),
        get_input_directory=lambda: str(base / "input"),
        get_user_directory=lambda: str(base / "user"),
    )
    latest = _module("comfy_api.latest", io=io, ComfyExtension=object)
    Server.words, Server.sent, Server.client_id = [], [], None
    return {
        "server": _module("server", PromptServer=SimpleNamespace(instance=Server())),
        "comfy_execution": _module("comfy_execution"),
        "comfy_execution.utils": _module("comfy_execution.utils", get_executing_context=lambda: Context("7")),
        "comfy": _module("comfy", utils=utils, model_management=management, model_patcher=patcher),
        "comfy.utils": utils,
        "comfy.model_management": management,
        "comfy.model_patcher": patcher,
        "comfy_api": _module("comfy_api", latest=latest),
        "comfy_api.latest": latest,
        "folder_paths": paths,
    }


@contextmanager
def installed(base: Path, own: Mapping[str, ModuleType] | None = None) -> Iterator[Management]:
    """The fakes in `sys.modules`, and the nodes not yet imported; afterwards as if nothing had been.

    own: modules of a real ComfyUI that stay, by name.
    """
    fakes = modules(base) | dict(own or {})
    before = dict(sys.modules)
    _forget_nodes()
    sys.modules.update(fakes)
    try:
        yield fakes["comfy.model_management"]  # type: ignore[misc]
    finally:
        _forget_nodes()
        for name in fakes:
            sys.modules.pop(name, None)
        sys.modules.update({name: module for name, module in before.items() if name in fakes})


def _forget_nodes() -> None:
    for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
        del sys.modules[name]
