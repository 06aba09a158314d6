"""A gateway as operators run it: the command in a process of its own, killed for real."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.ports import free_port


class GatewayProcess:
    """`jiesu serve` over a data folder, on a port that stays the same when it is started again."""

    def __init__(self, folder: Path, *roles: str, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / f"gateway-{self.port}.log"
        self.roles = roles
        self.settings = {
            "JIESU_HOST": "127.0.0.1",
            "JIESU_PORT": str(self.port),
            "JIESU_DATA_DIR": str(folder),
            # Whether an agent is asked is the test's to say, not the model's.
            "JIESU_AUTOMATIC_ERROR": "0",
            "JIESU_APPEALS_PER_MINUTE": "0",
            **settings,
        }
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which it, and commands beside it, run."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("JIESU_")}
        return {**mine, **self.settings}

    def start(self, seconds: float = 120) -> None:
        """Start it and wait until it is ready."""
        roles = [part for role in self.roles for part in ("--role", role)]
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "serve", *roles],
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the gateway does not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Return whether it can accept appeals."""
        try:
            return self.request("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Send one request; a body that is no bytes goes as JSON, and JSON comes back parsed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(content) if is_json else content

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run another `jiesu` command with the same settings."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"jiesu {' '.join(arguments)}: {done.stderr}{done.stdout}")
        return done

    def terminate(self, seconds: float = 30) -> int:
        """Ask it to drain and end, and return its exit status."""
        assert self.child is not None
        self.child.terminate()
        return self.child.wait(seconds)

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()
