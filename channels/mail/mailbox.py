"""A mailbox polled by IMAP: a mail is marked as seen when it is stored for good, not before."""

import asyncio
import imaplib
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import structlog

from channels.channel import Take, WireRequest
from channels.errors import NotAnAppeal
from channels.mail.listener import LARGEST
from channels.mail.servers import MailServer

log = structlog.get_logger(__name__)
TOO_LARGE: Final = "too-large"
"""The wire header of a mail of which only the headers were fetched."""
_POLL_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 30.0
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
T = TypeVar("T")


class PolledMailbox:
    """Looks for unseen mails; the mailbox is ours alone: what others have read is not looked at."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._client: imaplib.IMAP4 | None = None

    async def run(self, take: Take) -> None:
        """Poll until cancelled; a server that is away is tried again."""
        try:
            while True:
                try:
                    await self._look(take)
                except (OSError, imaplib.IMAP4.error) as error:
                    log.warning("the mailbox cannot be read", error=type(error).__name__)
                    self._hang_up()
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), _POLL_SECONDS)
        finally:
            self._hang_up()

    async def _look(self, take: Take) -> None:
        if self._client is None:
            self._client = await asyncio.to_thread(_connect, self._server)
        client = self._client
        [found] = await _ask(partial(client.uid, "SEARCH", "UNSEEN"))
        for uid in (found or b"").decode().split():
            request = await _fetch(client, uid)
            if request is None:
                continue
            try:
                await take(request)
            except NotAnAppeal:
                pass
            except Exception as error:
                # It stays unseen, and comes again; those behind it need not wait for it.
                log.error("a mail was not stored", error=type(error).__name__)
                continue
            flags = r"(\Seen \Flagged)" if TOO_LARGE in request.headers else r"(\Seen)"
            await _ask(partial(client.uid, "STORE", uid, "+FLAGS", flags))

    def _hang_up(self) -> None:
        """End the connection; a thread that waits for its answer is woken."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError):
                client.socket().shutdown(socket.SHUT_RDWR)
            client.socket().close()


def _connect(server: MailServer) -> imaplib.IMAP4:
    """Return a connection with the folder selected; raise `OSError` or an error of IMAP."""
    if server.tls:
        context = ssl.create_default_context()
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            server.host, server.port, ssl_context=context, timeout=_ANSWER_SECONDS
        )
    else:
        client = imaplib.IMAP4(server.host, server.port, timeout=_ANSWER_SECONDS)
    client.login(server.user or "", server.password or "")
    if "ID" in client.capabilities:
        # NetEase's servers select no folder for a client that has not said its name (RFC 2971).
        client.xatom("ID", '("name" "jiesu")')
    folder = server.folder.replace("\\", "\\\\").replace('"', '\\"')
    _answered(client.select(f'"{folder}"'))
    return client


async def _fetch(client: imaplib.IMAP4, uid: str) -> WireRequest | None:
    """Return the mail, or its headers where it is too large; None where it is gone."""
    told = await _ask(partial(client.uid, "FETCH", uid, "(RFC822.SIZE)"))
    size = _SIZE.search(b" ".join(item for item in told if isinstance(item, bytes)))
    if size is None:
        return None
    too_large = int(size[1]) > LARGEST
    wanted = "(BODY.PEEK[HEADER])" if too_large else "(BODY.PEEK[])"
    got = await _ask(partial(client.uid, "FETCH", uid, wanted))
    content = next((item[1] for item in got if isinstance(item, tuple)), None)
    if content is None:
        return None
    return WireRequest({TOO_LARGE: size[1].decode()} if too_large else {}, content)


async def _ask(command: Callable[[], tuple[str, list[T]]]) -> list[T]:
    return _answered(await asyncio.to_thread(command))


def _answered(answer: tuple[str, list[T]]) -> list[T]:
    state, found = answer
    if state != "OK":
        raise imaplib.IMAP4.error(state)
    return found
