"""The SMTP listener: a mail is answered 250 when it is stored for good, not before."""

import asyncio
from contextlib import nullcontext
from typing import Final, cast

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.channel import Take, WireRequest
from channels.errors import NotAnAppeal
from channels.mail.servers import MailServer

log = structlog.get_logger(__name__)
ENVELOPE_SENDER: Final = "mail-from"
LARGEST: Final = 50 * 1024 * 1024
"""Bytes of the largest mail."""
_MOST_CONNECTIONS: Final = 16
_LONGEST_LINE: Final = 64 * 1024
_LARGE: Final = 1024 * 1024


class SmtpListener:
    """Takes mails to one address, and relays none."""

    def __init__(self, address: str, place: MailServer) -> None:
        self._address = address
        self._place = place

    async def run(self, take: Take) -> None:
        """Listen until cancelled; raises `OSError` where the port cannot be had."""
        desk = _Desk(self._address, take)
        connections: set[_Connection] = set()
        domain = self._address.partition("@")[2]
        host, port = self._place.host, self._place.port
        try:
            server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(desk, connections, domain), host, port
            )
        except OSError:
            log.error("JIESU_MAIL_LISTEN: cannot listen there", host=host, port=port)
            raise
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for connection in list(connections):
                connection.end()


class _Desk:
    """What is answered to the commands of a sender; the names are aiosmtpd's."""

    def __init__(self, address: str, take: Take) -> None:
        self._address = address.lower()
        self._take = take
        # Reading and sealing a mail takes several times its size: large ones go one by one.
        self._one_large = asyncio.Lock()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.lower() != self._address:
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        request = WireRequest({ENVELOPE_SENDER: envelope.mail_from or ""}, content)
        try:
            async with self._one_large if len(content) > _LARGE else nullcontext():
                await self._take(request)
        except NotAnAppeal:
            return "550 5.7.1 automatic mail is not taken here"
        except Exception as error:
            log.error("a mail was not stored", error=type(error).__name__)
            return "451 4.3.0 not stored now, send it again later"
        return "250 2.0.0 stored"


class _Connection(SMTP):
    """One sender's connection; more than a few at once are told to come again."""

    line_length_limit = _LONGEST_LINE

    def __init__(self, desk: _Desk, connections: "set[_Connection]", domain: str) -> None:
        super().__init__(
            desk,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=domain,
            ident="Jiesu",
            loop=asyncio.get_running_loop(),
        )
        self._others = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or refuse where too many are here: a mail lies in memory while it comes."""
        if len(self._others) >= _MOST_CONNECTIONS:
            # uvloop's transports are of this kind, but do not inherit from it.
            wire = cast("asyncio.WriteTransport", transport)
            wire.write(b"421 4.3.2 too many connections, come again later\r\n")
            wire.close()
            return
        self._others.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End what was begun."""
        if self in self._others:
            self._others.remove(self)
            super().connection_lost(error)

    def end(self) -> None:
        """Break off: the sender has no 250, and will send its mail again."""
        if self.transport is not None:
            self.transport.close()
