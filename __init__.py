"""IndexTTS2 for ComfyUI. ComfyUI calls `comfy_entrypoint`; importing this package anywhere else touches nothing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy_api.latest import ComfyExtension

WEB_DIRECTORY = "./web"

__all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]


async def comfy_entrypoint() -> "ComfyExtension":
    """The V3 extension ComfyUI loads; imported late so that the package is importable without ComfyUI."""
    from .nodes import IndexTTS2Extension

    return IndexTTS2Extension()
