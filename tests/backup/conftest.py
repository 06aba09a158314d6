"""A PostgreSQL server of its own for the tests that need one, and a fresh database for each."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _binary(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        pytest.fail(f"{name} is missing: install PostgreSQL (Debian: postgresql)")
    return found


def _run(*command: str) -> None:
    """Run as the user `postgres` where we are root, whom the server refuses."""
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*become, *command], cwd="/tmp", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """The folder with the socket of a server that ends with the session."""
    folder = Path(tempfile.mkdtemp(prefix="jiesu-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    control, data = _binary("pg_ctl"), str(folder / "data")
    _run(_binary("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c shared_buffers=32MB"
    try:
        _run(control, "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        yield folder
        _run(control, "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@contextmanager
def _fresh(socket: Path) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    options = ("-h", str(socket), "-U", "postgres")
    _run(_binary("createdb"), *options, "-T", "template0", "-E", "UTF8", name)
    yield f"postgresql+asyncpg://postgres@/{name}?host={socket}"
    _run(_binary("dropdb"), *options, "--force", name)


@pytest.fixture
def postgres_url(postgres_socket: Path) -> Iterator[str]:
    """The URL of a fresh database."""
    with _fresh(postgres_socket) as url:
        yield url


@pytest.fixture
def other_postgres_url(postgres_socket: Path) -> Iterator[str]:
    """The URL of a second fresh database."""
    with _fresh(postgres_socket) as url:
        yield url
