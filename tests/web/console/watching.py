"""A client of the event stream, as a browser is one."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.web.wire import Served

LIVE = "/api/v1/live"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    id: str
    name: str
    data: Any


def events_in(body: bytes) -> list[Event]:
    """Read whole events; comments and the time after which to try again are none."""
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
        if "event" in fields:
            found.append(Event(fields["id"], fields["event"], json.loads(fields["data"])))
    return found


@contextmanager
def watching(
    served: Served, headers: Mapping[str, str], query: str = "", seconds: float = 20
) -> Iterator[Iterator[Event]]:
    """Give the events as they come; a stream that says nothing for so long fails the test."""
    connection = http.client.HTTPConnection("127.0.0.1", served.process.port, timeout=seconds)
    with closing(connection):
        named = {"Accept": "text/event-stream", **headers}
        connection.request("GET", LIVE + query, headers=named)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream"
        # Whoever reads this hears of all that happens from now on.
        assert answer.readline().startswith(b"retry: ")
        yield _events(answer)


def _events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    block = b""
    while line := answer.readline():
        block += line
        if line == b"\n":
            yield from events_in(block)
            block = b""


def line_of(events: Iterator[Event], ticket_id: str) -> tuple[Event, Any]:
    """The first line about a ticket, and its event."""
    for event in events:
        for line in event.data.get("tickets", ()):
            if line["ticket_id"] == ticket_id:
                return event, line
    raise AssertionError("the stream ended")
