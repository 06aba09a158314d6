"""One browser and one gateway for these tests; nothing that a page complains of is overlooked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.browsing import COMPLAINTS, chromium, visiting
from tests.browser.ticket_screens import VOICE
from tests.web.wire import Served, serving

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser(served: Served) -> Iterator[Browser]:
    """Debian's Chromium, after the gateway and ended with this folder: it holds the event loop."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def served() -> Iterator[Served]:
    """A gateway that takes files up to a megabyte."""
    settings = {"JIESU_MAX_FILE": "3000000", "JIESU_MAX_FILES": "3", "JIESU_SECOND_FACTOR": "off"}
    with serving(accounts=True, **settings, **VOICE) as found:
        yield found


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A phone that has never been here."""
    with visiting(browser, served) as found:
        yield found


@pytest.fixture(autouse=True)
def content() -> Iterator[None]:
    """No script may fail, and no policy may be broken, on any page of any test."""
    COMPLAINTS.clear()
    yield
    assert COMPLAINTS == []
