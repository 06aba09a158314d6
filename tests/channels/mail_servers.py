"""Mail servers for the tests: a mailbox that speaks IMAP4rev1, and a server that takes mails."""

import asyncio
import re
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import free_port

_COMMAND = re.compile(rb"(\S+) (?:UID )?(\w+) ?(.*)\r\n", re.IGNORECASE)


@dataclass(slots=True)
class Post:
    """A server that takes mails for citizens, or refuses the next ones as it is told."""

    port: int = 0
    refusals: dict[str, str] = field(default_factory=dict)
    """Answers to every mail for a recipient, instead of taking it."""
    greylisted: set[str] = field(default_factory=set)
    """Recipients whose mails are taken at the second attempt only."""
    unknown: set[str] = field(default_factory=set)
    """Recipients that it does not know."""
    tried: list[EmailMessage] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Refuse whom it does not know."""
        if address in self.unknown:
            return "550 5.1.1 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take the mail unless a refusal is due."""
        mail = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.tried.append(mail)
        [recipient] = envelope.rcpt_tos
        attempts = sum(mail["Message-ID"] == other["Message-ID"] for other in self.tried)
        if recipient in self.greylisted and attempts == 1:
            return "451 4.7.1 come again"
        if recipient not in self.refusals:
            self.taken.append(mail)
        return self.refusals.get(recipient, "250 OK")


@contextmanager
def post() -> Iterator[Post]:
    """Give a server for replies."""
    desk = Post(port=free_port())
    controller = Controller(desk, hostname="127.0.0.1", port=desk.port)
    controller.start()
    try:
        yield desk
    finally:
        controller.stop()


@dataclass(slots=True)
class Mailbox:
    """A mailbox on a server of its own: as much of IMAP4rev1 as a poll needs."""

    port: int = 0
    mails: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    """Sizes that are told instead of the true ones."""
    forgets_flags: bool = False
    """Break the connection off instead of keeping flags."""
    is_away: bool = False
    """Let nobody in."""
    logins: list[bytes] = field(default_factory=list)

    def add(self, mail: bytes, *, size: int | None = None) -> int:
        """Put an unseen mail in, and return its UID."""
        uid = len(self.mails) + 1
        if size is not None:
            self.sizes[uid] = size
        self.flags[uid] = set()
        self.mails[uid] = mail
        return uid

    def unseen(self) -> list[int]:
        """Return the mails that nobody has marked as seen."""
        return [uid for uid in self.mails if "\\Seen" not in self.flags[uid]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it leaves."""
        writer.write(b"* BYE later\r\n" if self.is_away else b"* OK ready\r\n")
        with suppress(ConnectionError):
            while line := await reader.readline():
                if not self._answer(line, writer):
                    break
                await writer.drain()
        writer.close()

    def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> bool:
        matched = _COMMAND.fullmatch(line)
        assert matched is not None, line
        tag, name, rest = matched[1], matched[2].upper().decode(), matched[3]
        if name == "STORE" and self.forgets_flags:
            return False
        for told in self._told(name, rest):
            writer.write(b"* " + told + b"\r\n")
        writer.write(tag + b" OK done\r\n")
        return name != "LOGOUT"

    def _told(self, name: str, rest: bytes) -> list[bytes]:
        if name == "CAPABILITY":
            return [b"CAPABILITY IMAP4rev1 ID"]
        if name == "LOGIN":
            self.logins.append(rest)
        elif name == "SELECT":
            return [b"%d EXISTS" % len(self.mails)]
        elif name == "SEARCH":
            return [b" ".join([b"SEARCH", *(b"%d" % uid for uid in self.unseen())])]
        elif name == "FETCH":
            uid, _, what = rest.partition(b" ")
            return [self._fetched(int(uid), what)]
        elif name == "STORE":
            uid, _, flags = rest.partition(b" +FLAGS ")
            self.flags[int(uid)] |= set(flags.decode().strip("()").split())
        return []

    def _fetched(self, uid: int, what: bytes) -> bytes:
        mail = self.mails[uid]
        if what == b"(RFC822.SIZE)":
            return b"%d FETCH (UID %d RFC822.SIZE %d)" % (uid, uid, self.sizes.get(uid, len(mail)))
        if what == b"(BODY.PEEK[HEADER])":
            mail = mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return b"%d FETCH (UID %d BODY[] {%d}\r\n%s)" % (uid, uid, len(mail), mail)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Give an empty mailbox that is served."""
    found = Mailbox(port=free_port())
    with _loop_beside() as loop:
        server = _run(loop, asyncio.start_server(found.serve, "127.0.0.1", found.port))
        try:
            yield found
        finally:
            loop.call_soon_threadsafe(server.close)


@contextmanager
def _loop_beside() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mailbox")
    thread.start()
    try:
        yield loop
    finally:
        _run(loop, _end_tasks())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _run(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(work, loop).result(20)
