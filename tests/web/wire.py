"""HTTP byte by byte, for requests that no decent client would send; and a running gateway."""

import asyncio
import http.client
import json
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.accounts.accounts import Accounts
from gateway.accounts.passwords import Passwords
from gateway.accounts.permissions import Role
from gateway.foundation import foundation
from gateway.settings import Settings
from tests.gateway_process import GatewayProcess
from tests.servers import short_folder

WEBHOOK_SECRET = "a shared secret of the tests"
PASSWORD = "a password of the tests"
UNIT = "water-supply"
APPEALS = "/api/v1/appeals"
_KEPT = ("tickets", "messages", "people", "attachments", "quarantine")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `headers` by their names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Served:
    """A gateway that runs, and what a test wants to know of it."""

    process: GatewayProcess
    tokens: dict[str, str] = field(default_factory=dict)

    def send(self, data: bytes) -> Reply:
        """Send bytes as they are and read one answer."""
        with socket.create_connection(("127.0.0.1", self.process.port), timeout=20) as wire:
            wire.sendall(data)
            return read_reply(wire, data.partition(b" ")[0].decode("latin-1"))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        source: str = "127.0.0.1",
    ) -> Reply:
        """Send a request as clients do; a body that is no bytes goes as JSON."""
        address = ("127.0.0.1", self.process.port)
        connection = http.client.HTTPConnection(*address, timeout=30, source_address=(source, 0))
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        with closing(connection):
            connection.request(method, path, body, headers)
            return _reply(connection.getresponse())

    def file(self, text: str, **headers: str) -> dict[str, Any]:
        """File an appeal, which must be accepted, and return its receipt."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.call("POST", APPEALS, {"text": text}, named)
        assert reply.status == 201, reply.body
        receipt: dict[str, Any] = reply.document
        return receipt

    def agent(self, method: str, path: str, body: Any = None, name: str = "agent") -> Reply:
        """Send a request with the token of an account."""
        return self.call(method, path, body, {"Authorization": f"Bearer {self.tokens[name]}"})

    def rows(self) -> dict[str, int]:
        """Return how many rows each table holds that keeps something of citizens.

        The outbox is not counted: triage writes there of what was accepted before, when it gets
        to it, and nothing stands there whose ticket does not.
        """
        return {table: self.select(f"SELECT count(*) FROM {table}")[0][0] for table in _KEPT}

    def select(self, query: str, *values: Any) -> list[Any]:
        """Return what the gateway's database has at this moment."""
        database = f"file:{self.process.folder}/jiesu.sqlite3?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def log(self, since: int = 0) -> str:
        """Return what was logged since that many bytes."""
        return self.process.log.read_bytes()[since:].decode()

    def logged(self) -> int:
        """Return how many bytes were logged so far."""
        return self.process.log.stat().st_size

    def add_accounts(self) -> None:
        """Make one of each role, in this process because the command takes longer.

        Each is named like its role, all have `PASSWORD`, and the clerk's unit is `UNIT`.
        """
        settings = Settings(data_dir=self.process.folder)
        # The first one must be an administrator's.
        roles = sorted(Role, key=lambda role: role is not Role.ADMINISTRATOR)
        self.tokens = asyncio.run(_accounts(settings, roles))


def read_reply(wire: socket.socket, method: str = "GET") -> Reply:
    """Read one answer from a connection."""
    with closing(http.client.HTTPResponse(wire, method=method)) as answer:
        answer.begin()
        return _reply(answer)


async def _accounts(settings: Settings, roles: Sequence[Role]) -> dict[str, str]:
    async with foundation(settings) as base:
        accounts = Accounts(base.database, base.vault, base.clock)
        kept = await Passwords().hash(PASSWORD)
        tokens = {}
        for role in roles:
            unit = UNIT if role is Role.UNIT_CLERK else None
            tokens[role.value] = await accounts.add(role.value, role, unit)
            await accounts.set_password(role.value, kept)
        return tokens


def _reply(answer: http.client.HTTPResponse) -> Reply:
    headers = {name.lower(): value for name, value in answer.getheaders()}
    if cookies := answer.headers.get_all("Set-Cookie"):
        headers["set-cookie"] = "\n".join(cookies)
    return Reply(answer.status, headers, answer.read())


@contextmanager
def serving(*, accounts: bool = False, **settings: str) -> Iterator[Served]:
    """Give a gateway that runs with these settings, with an account of each role if asked."""
    with short_folder() as folder:
        process = GatewayProcess(folder, **settings)
        try:
            process.start()
            served = Served(process)
            if accounts:
                served.add_accounts()
            yield served
        finally:
            process.kill()


def request(
    body: bytes,
    *headers: str,
    line: str = f"POST {APPEALS} HTTP/1.1",
    media_type: str | None = "application/json",
    length: str | None = "",
) -> bytes:
    """Return a request's bytes; a `length` of "" is the true one, None leaves it out."""
    lines = [line, "Host: localhost", *headers]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def form(*parts: bytes, boundary: str = "border", closed: bool = True) -> bytes:
    """Return a multipart body of these parts."""
    edge = b"--" + boundary.encode()
    body = b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts)
    return body + (edge + b"--\r\n" if closed else b"")


def text_part(name: str, value: str) -> bytes:
    """Return a part that is a field."""
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def file_part(filename: str, content: bytes, name: str = "files") -> bytes:
    """Return a part that is a file."""
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    return head.encode() + content


def assert_problem(reply: Reply, status: int, kind: str, field_name: str | None = None) -> None:
    """Check a problem document (RFC 9457) in both languages, and the field that it names."""
    assert reply.status == status, (reply.status, reply.body.decode())
    assert reply.headers["content-type"] == "application/problem+json"
    found = reply.document
    assert found["type"] == f"/problems/{kind}"
    assert found["status"] == status
    for english, chinese in (("title", "title_zh"), ("detail", "detail_zh")):
        assert found[english]
        assert any(char.isascii() and char.isalpha() for char in found[english])
        assert any("\u4e00" <= char <= "\u9fff" for char in found[chinese])
    assert len(found["request_id"]) >= 8
    if field_name is not None:
        named = {item["field"]: item for item in found.get("errors", [])}
        assert field_name in named, found
        assert named[field_name]["detail"]
        assert named[field_name]["detail_zh"]
