"""What pages are made with, from our own origin, under names that change with the content."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from gateway.web.problems import Problem

log = structlog.get_logger(__name__)
FOLDER: Final = Path(__file__).parent
_FILES: Final = {
    "pico.css": "node_modules/@picocss/pico/css/pico.blue.min.css",
    "htmx.js": "node_modules/htmx.org/dist/htmx.min.js",
    "pages.css": "static/pages.css",
    "agent.css": "static/agent.css",
    "knowledge.css": "static/knowledge.css",
    "supervisor.css": "static/supervisor.css",
    "today.js": "static/today.js",
    "uplot.js": "node_modules/uplot/dist/uPlot.iife.min.js",
    "uplot.css": "node_modules/uplot/dist/uPlot.min.css",
    "keys.js": "static/keys.js",
    "queue.js": "static/queue.js",
    "form.js": "static/form.js",
    "uploads.js": "static/uploads.js",
    "receipt.js": "static/receipt.js",
    "chat.js": "static/chat.js",
    "ticket.js": "static/ticket.js",
    "picker.js": "static/picker.js",
    "player.js": "static/player.js",
    "ticket.css": "static/ticket.css",
    "icon.svg": "static/icon.svg",
}
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_HASH_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    compressed: bytes
    media_type: str
    path: str


class Assets:
    """The files, read once."""

    def __init__(self) -> None:
        """Read them; what is not installed is left out, and pages go without its help."""
        self._by_path: dict[str, Asset] = {}
        self._by_name: dict[str, Asset] = {}
        for name, place in _FILES.items():
            try:
                content = (FOLDER / place).read_bytes()
            except FileNotFoundError:
                log.warning("pages do without a file: run `npm ci` in their folder", file=place)
                continue
            digest = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
            asset = Asset(
                content,
                gzip.compress(content, mtime=0),
                _TYPES[Path(name).suffix],
                f"/assets/{digest}/{name}",
            )
            self._by_path[asset.path] = self._by_name[name] = asset

    def path(self, name: str) -> str | None:
        """Return where a file is served; None where it is not installed."""
        asset = self._by_name.get(name)
        return asset.path if asset else None

    def find(self, path: str) -> Asset | None:
        """Return the file that is served there, with this very content."""
        return self._by_path.get(path)


ASSETS: web.AppKey[Assets] = web.AppKey("assets", Assets)


async def show_asset(request: web.Request) -> web.Response:
    """Send a file that may be kept for ever."""
    asset = request.app[ASSETS].find(request.path)
    if asset is None:
        raise Problem("not-found", "load the page again", "请重新加载页面")
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    body = asset.content
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = asset.compressed
    return web.Response(body=body, content_type=asset.media_type, charset="utf-8", headers=headers)
