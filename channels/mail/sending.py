"""Replies as mails: threaded with what they answer, marked as automatic, under one Message-ID."""

from email.header import Header
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate
from typing import Final

import aiosmtplib
import orjson
from pydantic import BaseModel

from channels.channel import Reply
from channels.errors import ReplyRefused
from channels.mail.servers import MailServer
from channels.mail.threads import our_id

SUBJECT: Final = "您向 12345 反映的诉求"
"""The same for all: a subject is read by others, on a locked screen for instance."""
_PERMANENT: Final = 500
_MOST_REFERENCES: Final = 10
_LONGEST_LINE: Final = 998


class Answered(BaseModel):
    """What is answered, and where: kept sealed with the message as its `reply_to`."""

    to: str
    key: str
    references: tuple[str, ...] = ()

    @classmethod
    def of(cls, to: str, key: str, references: list[str]) -> "Answered":
        """Return it with the thread's first mail and the latest: enough to be threaded by."""
        thread = list(dict.fromkeys([*references, *([key] if key.startswith("<") else [])]))
        if len(thread) > _MOST_REFERENCES:
            thread = [thread[0], *thread[1 - _MOST_REFERENCES :]]
        return cls(to=to, key=key, references=tuple(thread))

    def sealed_form(self) -> str:
        """Return it as the text that a message carries."""
        return orjson.dumps(self.model_dump()).decode()


def compose(reply: Reply, answered: Answered, address: str) -> bytes:
    """Return the mail's bytes; the same reply has the same Message-ID, so that it is told once."""
    mail = MIMEText(reply.text, "plain", "utf-8")
    mail["From"] = address
    mail["To"] = answered.to
    mail["Subject"] = Header(SUBJECT, "utf-8").encode()
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = our_id(reply.key, answered.key, address.partition("@")[2])
    if answered.references:
        mail["References"] = " ".join(answered.references)
    if answered.key in answered.references:
        mail["In-Reply-To"] = answered.key
    mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Loop"] = address
    # Ids are kept on the line of their header: not every server reads them on the next one.
    return mail.as_bytes(policy=compat32.clone(linesep="\r\n", max_line_length=_LONGEST_LINE))


async def send(mail: bytes, sender: str, recipient: str, server: MailServer) -> None:
    """Hand the mail to the server; raise `ReplyRefused` where it refuses recipient or mail.

    Raises what aiosmtplib raises where trying again may help, a wrong password among that.
    """
    try:
        await aiosmtplib.send(
            mail,
            sender=sender,
            recipients=[recipient],
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls,
            # A password does not travel without TLS; else TLS is used where it is offered.
            start_tls=True if server.user and not server.tls else None,
            local_hostname=sender.partition("@")[2],
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [refusal.code for refusal in error.recipients]
        if all(code >= _PERMANENT for code in codes):
            raise ReplyRefused(f"the recipient is refused: {codes[0]}") from None
        raise
    except aiosmtplib.SMTPDataError as error:
        if error.code >= _PERMANENT:
            raise ReplyRefused(f"the mail is refused: {error.code}") from None
        raise
