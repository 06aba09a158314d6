"""One gateway for most tests of the HTTP side."""

import json
from collections.abc import Iterator

import pytest

from tests.web.wire import WEBHOOK_SECRET, Served, serving


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """A gateway with a short patience for bodies, and accounts for all roles."""
    settings = {
        "JIESU_BODY_TIMEOUT": "1",
        "JIESU_MAX_FILES": "2",
        "JIESU_MAX_BODY": "1000000",
        "JIESU_MAX_FILE": "100000",
        "JIESU_UNDO_SECONDS": "600",
        "JIESU_WEBHOOK_SECRETS": json.dumps({"tests": WEBHOOK_SECRET}),
        "JIESU_VOICE_SECRETS": json.dumps({"tests": WEBHOOK_SECRET}),
    }
    with serving(accounts=True, **settings) as found:
        yield found


@pytest.fixture
def unchanged(served: Served) -> Iterator[Served]:
    """The gateway, which must have stored nothing and stumbled over nothing after the test."""
    before, logged = served.rows(), served.logged()
    yield served
    assert served.rows() == before
    assert "Traceback" not in served.log(logged)
    assert '"level":"error"' not in served.log(logged)
