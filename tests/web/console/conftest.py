"""One gateway for the console's pages, on which nobody needs a second factor."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from channels.signing import SIGNATURE, SOURCE, TIMESTAMP, sign
from gateway.accounts.permissions import Role
from tests.web.visitor import Sight, Visitor
from tests.web.wire import PASSWORD, Served, serving

SIGN_IN = "/agent/sign-in"
CALL_CENTRE = "a secret of the call centre"


@pytest.fixture(scope="package")
def console() -> Iterator[Served]:
    """A gateway with an account of each role."""
    voice = json.dumps({"platform": CALL_CENTRE})
    with serving(accounts=True, JIESU_SECOND_FACTOR="off", JIESU_VOICE_SECRETS=voice) as found:
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


def report_call(served: Served, *said: tuple[str, str], call: str = "", **fields: Any) -> Any:
    """Report who said what in a call, as the call centre's platform does."""
    segments = [
        {"number": number, "speaker": speaker, "text": text, "start": number * 4.0}
        for number, (speaker, text) in enumerate(said)
    ]
    document = {"call_id": call or uuid.uuid4().hex, "segments": segments, **fields}
    body, now = json.dumps(document).encode(), str(int(time.time()))
    headers = {SOURCE: "platform", TIMESTAMP: now, SIGNATURE: sign(CALL_CENTRE, now, body)}
    reply = served.call("POST", "/channels/voice", body, headers)
    assert reply.status == 200, reply.body
    return reply.document
