"""Ports for the servers of the tests, which no client of the machine is given meanwhile."""

import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_FIRST: Final = 10_000
"""From here on, well below the ports that the system gives to whoever connects somewhere."""
_EACH: Final = 2_500
_WORKERS: Final = 4
BUS: Final = 10_000
"""So far above its own port a node of a Redis cluster has another one."""


def _mine() -> Iterator[int]:
    """Yield ports without end, of those that this worker of the run has for itself."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST + worker % _WORKERS * _EACH
    # Another run on the machine is likely to begin elsewhere.
    begun = first + random.randrange(_EACH)
    return itertools.cycle([*range(begun, first + _EACH), *range(first, begun)])


_PORTS: Final = _mine()


def free_port(bus: int = 0) -> int:
    """Return a port that nobody listens on just now; with `bus`, one so far above it is free too.

    It is not returned again for a long while: a gateway that is killed and started again keeps it.
    """
    while True:
        port = next(_PORTS)
        with suppress(OSError):
            for number in {port, port + bus}:
                with socket.socket() as probe:
                    # As servers do: what is only left of ended connections is in nobody's way.
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", number))
            return port
