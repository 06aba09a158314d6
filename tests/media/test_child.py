"""The child process: when it starts and ends, and what a medium may do to it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import SimulatedClock
from gateway.intake.media.child_process import ChildFailed, MediaChild
from gateway.intake.media.findings import Note, Unreadable
from gateway.observability.metrics import Metrics
from tests.dispatch.line import START
from tests.media.conftest import read_by
from tests.media.made import tone

ROOT = Path(__file__).parents[2]
WAV = "audio/x-wav"

# Reads one medium and then hangs about with an idle child.
PARENT = """
import asyncio, sys
from pathlib import Path
from gateway.clock import SystemClock
from gateway.intake.media.child_process import MediaChild
from gateway.observability.metrics import Metrics
from gateway.observability.logs import configure_logs
from tests.media.conftest import read_by
from tests.media.made import tone

async def main():
    configure_logs("error", "json")
    child = MediaChild(Path(sys.argv[1]), None, SystemClock(), Metrics())
    await read_by(child, tone(1), "audio/x-wav")
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    """Return when the process has ended."""
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline, "the process does not end"
        time.sleep(0.02)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands still."""
    return SimulatedClock(START)


@pytest.fixture
async def child(tmp_path: Path, clock: SimulatedClock) -> AsyncIterator[MediaChild]:
    """A child that has not started."""
    found = MediaChild(tmp_path, None, clock, Metrics())
    yield found
    await found.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in other tasks."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_it_starts_with_the_first_medium_and_ends_when_idle(
    child: MediaChild, clock: SimulatedClock
) -> None:
    """There is no process before; media soon after one another share it; a minute ends it."""
    pids = [child.pid]
    assert pids == [None]
    await read_by(child, tone(1), WAV)
    first = child.pid
    assert first is not None
    await asyncio.sleep(0.01)
    clock.advance(timedelta(seconds=59))
    await read_by(child, tone(1), WAV)
    assert child.pid == first
    await asyncio.sleep(0.01)
    clock.advance(timedelta(seconds=59))
    await asyncio.sleep(0)
    assert is_alive(first)
    clock.advance(timedelta(seconds=1))
    await until(lambda: child.pid is None)
    wait_until_gone(first)
    await read_by(child, tone(1), WAV)
    assert child.pid not in {None, first}


async def test_one_that_dies_is_replaced(child: MediaChild) -> None:
    """Killed while it reads, it fails that medium; the next one gets a new process."""
    await read_by(child, tone(1), WAV)
    first = child.pid
    reading = asyncio.create_task(read_by(child, tone(1), WAV))
    while not reading.done():
        if child.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        await asyncio.sleep(0.01)
    with pytest.raises(ChildFailed):
        await reading
    assert (await read_by(child, tone(1), WAV)).found.note is Note.NO_RECOGNISER
    assert child.pid != first


async def test_a_medium_that_takes_too_long_is_given_up(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    """Its process is killed, whatever it is at."""
    child = MediaChild(tmp_path, None, clock, Metrics(), limit=0.01)
    with pytest.raises(Unreadable) as refused:
        await read_by(child, tone(1), WAV)
    assert (refused.value.note, child.pid) == (Note.TOOK_TOO_LONG, None)


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """Nobody is left behind when the gateway is killed; no content lies about."""
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    wait_until_gone(pid)
    assert list(tmp_path.iterdir()) == []


async def test_it_knows_no_secret(child: MediaChild, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, and so keys, are not in its environment."""
    monkeypatch.setenv("JIESU_KEYS", "a key of the tests")
    await read_by(child, tone(1), WAV)
    environment = Path(f"/proc/{child.pid}/environ")
    assert b"JIESU" not in environment.read_bytes()  # noqa: ASYNC240 - no disk behind it
