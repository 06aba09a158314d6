"""One gateway for the tests of the signed channels."""

import json
from collections.abc import Iterator

import pytest

from tests.web.wire import WEBHOOK_SECRET, Served, serving


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A gateway that knows two sources."""
    secrets = {"tests": WEBHOOK_SECRET, "others": "another secret of the tests"}
    settings = {"JIESU_WEBHOOK_SECRETS": json.dumps(secrets), "JIESU_BODY_TIMEOUT": "1"}
    with serving(accounts=True, **settings) as found:
        yield found
