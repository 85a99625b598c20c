"""What the page asks of a script while it is written, answered by ComfyUI's own server."""

import asyncio

from aiohttp import web
from server import PromptServer

from .script_check import check_script

PATH = "/indextts2/check_script"


def add_routes() -> None:
    """Answer `PATH`."""
    PromptServer.instance.routes.post(PATH)(_answer)


async def _answer(request: web.Request) -> web.Response:
    try:
        asked = await request.json()
        text, count = str(asked["text"]), asked.get("count")
        voices = None if count is None else max(1, min(100, int(count)))
    except (ValueError, TypeError, KeyError, OverflowError):
        return web.json_response({"error": 'expected {"text": "…", "count": 2}'}, status=400)
    return web.json_response(await asyncio.to_thread(check_script, text, voices))
