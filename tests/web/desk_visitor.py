"""Somebody of the hotline at the console, without scripts."""

from typing import Any

from tests.web.test_odd_words import decided
from tests.web.visitor import Sight, Visitor
from tests.web.wire import PASSWORD, Served


def signed_in(served: Served, name: str = "agent") -> Visitor:
    """A browser in which that account has signed in."""
    found = Visitor(served)
    sight = found.fill("/agent/sign-in", "/agent/sign-in", name=name, password=PASSWORD)
    assert sight.reply.status == 200, sight.text()
    return found


def filed(served: Served, text: str) -> Any:
    """A ticket on which triage has decided."""
    return decided(served, served.file(text)["ticket_id"])


def path_of(ticket: Any, tail: str = "") -> str:
    """The address of the ticket's screen, or of one of its forms."""
    return f"/agent/tickets/{ticket['ticket_id']}{tail}"


def act(agent: Visitor, ticket: Any, tail: str, **fields: str) -> Sight:
    """Open the ticket's screen, fill in one of its forms and send it."""
    return agent.fill(path_of(ticket), path_of(ticket, tail), **fields)


def now(served: Served, ticket: Any) -> Any:
    """The ticket as it is by now."""
    return served.agent("GET", f"/api/v1/tickets/{ticket['ticket_id']}").document
