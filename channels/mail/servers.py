"""Where mail servers are, from URLs that hold secrets: no error quotes them."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

_PORTS: Final = {"smtp": 587, "smtps": 465, "imap": 143, "imaps": 993}
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server, and as whom we sign in."""

    host: str
    port: int
    tls: bool
    """Whether the connection begins with TLS."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    folder: str = "INBOX"

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine, so that nobody listens on the way."""
        return self.host in _HERE


def read_server(protocol: str, url: str) -> MailServer:
    """Return the server of a URL `protocol[s]://user:password@host:port/folder`.

    Raises `ValueError` with a sentence that quotes nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the host or port cannot be read") from None
    if parts.scheme not in {protocol, f"{protocol}s"} or not parts.hostname:
        raise ValueError(f"write it as {protocol}s://user:password@host:port")
    server = MailServer(
        host=parts.hostname,
        port=_PORTS[parts.scheme] if port is None else port,
        tls=parts.scheme.endswith("s"),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )
    if protocol == "imap":
        _check_mailbox(server)
    return server


def _check_mailbox(server: MailServer) -> None:
    if not (server.user and server.password):
        raise ValueError("name the user and the password of the mailbox")
    if not (server.folder + server.user + server.password).isascii():
        raise ValueError("user, password and folder must be ASCII; write the folder in UTF-7")
    if not (server.tls or server.is_here):
        raise ValueError("write imaps://: a password does not travel without TLS")
