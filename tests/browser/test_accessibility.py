"""axe finds nothing to complain of: on any page, in both languages and schemes, at any width."""

from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser, Page

from gateway.web.pages.assets import FOLDER
from tests.browser import screens
from tests.browser.browsing import DESK, LANGUAGES, PHONE, visiting
from tests.web.wire import Served

AXE = (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[Any]:
    """What axe finds: rule and element."""
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules},"
        " resultTypes: ['violations']})",
        RULES,
    )
    return [(item["id"], [node["html"] for node in item["nodes"]]) for item in found["violations"]]


Scheme = Literal["light", "dark"]
LOOKS: Final[dict[str, tuple[tuple[tuple[int, int], Scheme], ...]]] = {
    "zh": ((PHONE, "light"), (DESK, "dark")),
    "en": ((PHONE, "dark"), (DESK, "light")),
}
"""Each width with each scheme, once: what axe looks for does not depend on the language as well."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("view", screens.VIEWS, ids=lambda view: str(view.__name__))
def test_no_violation(browser: Browser, served: Served, view: screens.View, language: str) -> None:
    """WCAG 2.2 AA, as far as a machine can tell."""
    # The policy of the pages lets no foreign script in, axe neither.
    with visiting(browser, served, reduced_motion="reduce", bypass_csp=True) as page:
        page.goto(f"/?lang={language}")
        view(page, served)
        page.evaluate(AXE)
        for (width, height), scheme in LOOKS[language]:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], (width, scheme)


def test_axe_is_the_one_of_the_lock() -> None:
    """The checks come from the locked package, which is no part of what is served."""
    assert Path(FOLDER / "package-lock.json").read_text().count('"node_modules/axe-core"') == 1
