"""The line of one ticket, on both databases."""

from collections.abc import AsyncIterator

import pytest

from gateway.accounts.keys import Vault
from gateway.tickets.database import Database
from tests.dispatch.line import Line, running_line
from tests.servers import QueueServer


@pytest.fixture
async def line(database: Database, vault: Vault, valkey: QueueServer) -> AsyncIterator[Line]:
    """Everything from the inbox to the streams, in this process."""
    async with running_line(database, vault, valkey.url) as found:
        yield found
