"""The service under measurement, as an operator runs it, and the memory of all its processes."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

import aiohttp

from gateway.clock import Clock


class ServedGateway:
    """`jiesu serve` with embedded parts over a folder of its own."""

    def __init__(self, folder: Path, clock: Clock, **settings: str) -> None:
        self._folder = folder
        self._clock = clock
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        outer = {name: value for name, value in os.environ.items() if not name.startswith("JIESU_")}
        kept = {
            name: os.environ[name]
            for name in ("JIESU_MODELS_DIR", "JIESU_TRIAGE_PROCESSES")
            if name in os.environ
        }
        self._environment = {
            **outer,
            **kept,
            "JIESU_PORT": str(self.port),
            "JIESU_APPEALS_PER_MINUTE": "0",
            "JIESU_DATA_DIR": str(folder),
            **settings,
        }
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def valkey_socket(self) -> Path:
        """The embedded queue's socket."""
        return self._folder / "valkey.sock"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> float:
        """Start it and return the seconds until it was ready."""
        started = self._clock.monotonic()
        log = (self._folder / "serve.log").open("ab")
        self._child = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "-m", "gateway.cli", "serve"],
            env=self._environment,
            stdout=log,
            stderr=log,
        )
        log.close()
        url = f"http://127.0.0.1:{self.port}/readyz"
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(url) as answer:
                        if answer.status == 200:
                            return self._clock.monotonic() - started
                except aiohttp.ClientError:
                    pass
                if self._child.poll() is not None:
                    raise RuntimeError(f"the service ended: see {self._folder}/serve.log")
                await self._clock.sleep(0.05)

    async def stop(self) -> None:
        """Let it drain and end."""
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._child.wait)
            self._child = None

    def cpu(self) -> float:
        """Return the seconds of CPU that the gateway's own process has taken, triage left out."""
        assert self._child is not None
        fields = Path(f"/proc/{self._child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, float]:
        """Return the proportional memory of each process, MiB, by what it is."""
        assert self._child is not None
        found: dict[str, float] = {}
        for pid in _descendants(self._child.pid):
            try:
                smaps = Path(f"/proc/{pid}/smaps_rollup").read_text()
                name = _name(pid, self._child.pid)
            except OSError:
                continue
            pss = next(line for line in smaps.splitlines() if line.startswith("Pss:"))
            found[name] = found.get(name, 0.0) + int(pss.split()[1]) / 1024
        return found


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def _name(pid: int, parent: int) -> str:
    if pid == parent:
        return "web, relay, clock"
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    if b"valkey" in command:
        return "valkey"
    return "resource tracker" if b"resource_tracker" in command else "triage"
