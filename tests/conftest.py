"""Fixtures that many tests share: real servers, fresh databases, a gateway as a process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, Vault
from gateway.clock import SystemClock
from gateway.tickets.database import Database, open_database
from gateway.tickets.migrate import migrate
from tests import servers
from tests.gateway_process import GatewayProcess


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.PostgresServer]:
    """A PostgreSQL server that ends with the session."""
    with servers.postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: servers.PostgresServer) -> Iterator[str]:
    """The URL of a fresh database."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def other_postgres_url(postgres_server: servers.PostgresServer) -> Iterator[str]:
    """The URL of a second fresh database."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: servers.PostgresServer) -> str:
    """The URL of a migrated database to copy; nobody stays connected to it."""
    url = postgres_server.create()

    async def bring_forward() -> None:
        found = open_database(url)
        await migrate(found, SystemClock())
        await found.close()

    # In a thread: whoever asks for this first may be inside an event loop.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, bring_forward()).result()
    return url


@pytest.fixture
def valkey() -> Iterator[servers.QueueServer]:
    """A Valkey of its own for each test."""
    with servers.valkey() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated database, once on SQLite and once on PostgreSQL: one contract for both."""
    if request.param == "postgresql":
        server: servers.PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create(template=request.getfixturevalue("migrated_postgres"))
        found = open_database(url)
        yield found
        await found.close()
        server.drop(url)
        return
    found = open_database(f"sqlite+aiosqlite:///{tmp_path}/jiesu.sqlite3")
    await migrate(found, SystemClock())
    yield found
    await found.close()


@pytest.fixture
async def vault(database: Database) -> Vault:
    """A vault over the database, ready to seal."""
    found = Vault(KeyFile.generate(), StoredDataKeys(database))
    await found.start()
    return found


@pytest.fixture
def gateway() -> Iterator[GatewayProcess]:
    """A whole gateway with its embedded parts, not started yet."""
    with servers.short_folder() as folder:
        process = GatewayProcess(folder)
        try:
            yield process
        finally:
            process.kill()
