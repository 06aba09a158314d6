"""One gateway for the console's pages, on which nobody needs a second factor."""

from collections.abc import Iterator

import pytest

from gateway.accounts.permissions import Role
from tests.web.visitor import Sight, Visitor
from tests.web.wire import PASSWORD, Served, serving

SIGN_IN = "/agent/sign-in"


@pytest.fixture(scope="package")
def console() -> Iterator[Served]:
    """A gateway with an account of each role."""
    with serving(accounts=True, JIESU_SECOND_FACTOR="off") as found:
        yield found


@pytest.fixture
def agent(console: Served) -> Visitor:
    """The browser of an agent who has signed in."""
    return signed_in(console, Role.AGENT)


def signed_in(console: Served, role: Role) -> Visitor:
    """Return the browser of somebody of that role who has signed in by the page."""
    visitor = Visitor(console)
    assert enter(visitor, role).reply.status == 200
    return visitor


def enter(visitor: Visitor, name: str, password: str = PASSWORD, **fields: str) -> Sight:
    """Fill in the page for signing in."""
    return visitor.fill(SIGN_IN, SIGN_IN, name=name, password=password, **fields)
