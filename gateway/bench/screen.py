"""One Chromium that looks at the queue; where there is none, nothing of it is measured."""

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

_OPTIONS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
_OBSERVE: Final = """() => {
  window.late = [];
  const since = Date.now();
  new MutationObserver((records) => {
    const rows = records.flatMap((record) => Array.from(record.addedNodes));
    requestAnimationFrame(() => requestAnimationFrame(() => rows.forEach((row) => {
      const accepted = Date.parse(row.dataset.accepted);
      if (accepted > since) window.late.push((Date.now() - accepted) / 1000);
    })));
  }).observe(document.querySelector("[data-queue]"), { childList: true });
}"""
"""Two frames later a row that was added has been painted."""
_PAINT: Final = """() => new Promise((done) => new PerformanceObserver((list) => {
  const first = list.getEntriesByName("first-contentful-paint")[0];
  if (first) done(first.startTime / 1000);
}).observe({ type: "paint", buffered: true }))"""


@dataclass(slots=True)
class Seen:
    """What was seen: seconds from receipt to the row, and to the first paint; bytes of the page."""

    late: list[float] = field(default_factory=list)
    paint: float = 0.0
    weight: int = 0


class Screen:
    """A browser with one page, or nothing."""

    def __init__(self, page: Any, origin: str) -> None:
        self._page = page
        self._origin = origin
        self._seen = Seen()
        self._loaded: list[Any] = []

    @classmethod
    @asynccontextmanager
    async def opened(cls, port: int) -> AsyncIterator[Self]:
        """Give a browser that is ended afterwards."""
        path = shutil.which("chromium")
        async with AsyncExitStack() as stack:
            page = None
            try:
                from playwright.async_api import async_playwright
            except ImportError:
                path = None
            if path is not None:
                playwright = await stack.enter_async_context(async_playwright())
                browser = await playwright.chromium.launch(
                    executable_path=path, args=list(_OPTIONS)
                )
                stack.push_async_callback(browser.close)
                context = await browser.new_context(viewport={"width": 1440, "height": 900})
                page = await context.new_page()
            yield cls(page, f"http://127.0.0.1:{port}")

    async def watch(self, name: str, password: str, path: str) -> None:
        """Sign in, look at a page, and note from now on how late its rows are."""
        page = self._page
        if page is None:
            return
        await page.goto(f"{self._origin}/agent/sign-in")
        await page.fill("#name", name)
        await page.fill("#password", password)
        await page.click("main button[type=submit]")
        await page.wait_for_selector("[data-queue]")
        # A function of its own: playwright keeps a note on it, which a method of a list takes not.
        page.on("response", lambda response: self._loaded.append(response))  # noqa: PLW0108
        await page.goto(self._origin + path)
        await page.wait_for_selector("[data-live-state][data-is=live]")
        await page.evaluate(_OBSERVE)

    async def seen(self) -> Seen | None:
        """Return what was seen; None without a browser."""
        page = self._page
        if page is None:
            return None
        self._seen.late = await page.evaluate("() => window.late")
        for response in self._loaded:
            if "event-stream" not in response.headers.get("content-type", ""):
                self._seen.weight += len(await response.body())
        return self._seen

    async def paint(self) -> None:
        """Load the whole queue and note when it was painted first."""
        page = self._page
        if page is None:
            return
        second = await page.context.new_page()
        await second.goto(f"{self._origin}/agent")
        self._seen.paint = max(self._seen.paint, await second.evaluate(_PAINT))
        await second.close()
