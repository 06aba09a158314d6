"""What is done to the service while it is fed: each attack at its share of the stories."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.gateway_process import GatewayProcess


@dataclass(slots=True)
class Attack:
    """One blow; the feeder waits for it before it goes beyond the attack's share."""

    share: float
    name: str
    strike: Callable[[], Awaitable[None]]
    begun: asyncio.Event = field(default_factory=asyncio.Event)


def in_order(attacks: Sequence[Attack]) -> list[Attack]:
    """Return the attacks as they follow each other."""
    return sorted(attacks, key=lambda attack: attack.share)


class Siege:
    """Attacks one after the other, in the order of their shares."""

    def __init__(self, attacks: Sequence[Attack], stories: int) -> None:
        self._attacks = in_order(attacks)
        self._stories = stories
        self._reached = asyncio.Condition()
        self._furthest = 0

    async def gate(self, number: int) -> None:
        """Let a story pass once the attacks before it have begun."""
        async with self._reached:
            self._furthest = max(self._furthest, number)
            self._reached.notify_all()
        for attack in self._attacks:
            if attack.share * self._stories <= number:
                await attack.begun.wait()

    async def run(self) -> None:
        """Strike whenever the feeder has come that far; returns after the last attack."""
        for attack in self._attacks:
            threshold = attack.share * self._stories
            async with self._reached:
                while self._furthest < threshold:
                    await self._reached.wait()
            attack.begun.set()
            await attack.strike()

    @property
    def names(self) -> list[str]:
        """What was done, in order; an attack that did not happen is missing."""
        return [attack.name for attack in self._attacks if attack.begun.is_set()]


async def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until it holds; raise `TimeoutError` after a time that no sound service needs."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.05)


async def kill_and_start(process: GatewayProcess, pause: float = 0.2) -> None:
    """Kill a gateway or worker with -9, and start it again on the same data."""
    assert process.child is not None, "the process is not there"
    assert process.child.poll() is None, f"it ended: {process.log.read_text()[-3000:]}"
    process.kill()
    await asyncio.sleep(pause)
    await asyncio.to_thread(process.start, 60)


async def kill_embedded_valkey(folder: Path) -> None:
    """Kill the gateway's Valkey with -9; the gateway starts it again by itself."""
    record = folder / "valkey" / "child.pid"
    pid = int(record.read_text())
    os.kill(pid, signal.SIGKILL)
    await until(lambda: int(record.read_text() or pid) != pid)


async def stop_for(pids: Sequence[int], seconds: float) -> None:
    """Put processes out of reach for a time: connections stay open and nothing answers."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def kill_triage_child(process: GatewayProcess) -> None:
    """Kill the process that runs the model with -9, whatever it is doing."""
    assert process.child is not None
    pid = process.child.pid
    await until(lambda: triage_children(pid))
    os.kill(triage_children(pid)[0], signal.SIGKILL)


def triage_children(pid: int) -> list[int]:
    """Return the processes that run the model for this one."""
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [child for child in listing.read_text().split() if _is_spawned(child)]
    return [int(child) for child in found]


def _is_spawned(pid: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"multiprocessing.spawn" in command


def processes_of(folder: Path) -> list[str]:
    """Return every process that works on this data folder, as `pid command`."""
    mark = f"JIESU_DATA_DIR={folder}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + b"\0":
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:
                    found.append(f"{process.name} {command.strip()}")
        except OSError:
            continue
    return found
