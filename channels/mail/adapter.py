"""From a mail to a message, and replies back; how mails come stands in this folder's README."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from email.message import Message as Mail
from typing import Final

from channels.body import speaks
from channels.channel import Receipt, Reply, Take, WireAnswer, WireRequest
from channels.errors import (
    ChannelError,
    NotAnAppeal,
    ReplyRefused,
    SignatureRejected,
    Unparsable,
)
from channels.mail.automatic import why_not_an_appeal
from channels.mail.content import Content, read_content
from channels.mail.headers import as_sent, people, read_mail, sent_at, words
from channels.mail.listener import ENVELOPE_SENDER, LARGEST, SmtpListener
from channels.mail.mailbox import TOO_LARGE, PolledMailbox
from channels.mail.quotes import is_reply, without_history
from channels.mail.sending import SUBJECT, Answered, compose, send
from channels.mail.servers import MailServer
from channels.mail.threads import adds_to, message_key, references
from channels.message import Message, Part, Reporter

_HEADERS: Final = ("from", "to", "subject", "date", "message-id")
_LONGEST_NAME: Final = 200


class MailChannel:
    """The hotline's address: mails come by SMTP, from a mailbox, or both."""

    name = "email"
    per_second = 10.0
    """Our own choice, kind to the city's mail server."""

    def __init__(
        self,
        address: str,
        *,
        listen: MailServer | None,
        imap: MailServer | None,
        smtp: MailServer | None,
        max_text: int,
    ) -> None:
        """Take mails where `listen` and `imap` say, and send replies by `smtp`, if at all."""
        self._address = address
        self._domain = address.partition("@")[2]
        self._listen = listen
        self._imap = imap
        self._smtp = smtp
        self._max_text = max_text

    def verify(self, request: WireRequest, now: datetime) -> None:
        """Refuse whatever is posted: mails come by the listener and from the mailbox only."""
        raise SignatureRejected("mails are not posted")

    def parse(self, request: WireRequest) -> Sequence[Message]:
        """Return the mail's one message; raise `NotAnAppeal` for what no person wrote."""
        if size := request.headers.get(TOO_LARGE):
            raise Unparsable(
                f"{size} bytes, more than {LARGEST}: the mail lies in the mailbox, flagged"
            )
        try:
            return [self._message(read_mail(request.body), request)]
        except ChannelError:
            raise
        except Exception as error:
            # The standard library raises many things over a broken mail, and would each time.
            raise Unparsable(f"the mail cannot be read: {type(error).__name__}") from None

    def answer(self, request: WireRequest, receipts: Sequence[Receipt]) -> WireAnswer:
        """Answer nothing: who sent the mail hears of it by mail."""
        return WireAnswer(200, b"")

    async def listen(self, take: Take) -> None:
        """Hand over mails until cancelled."""
        async with asyncio.TaskGroup() as sources:
            if self._listen is not None:
                sources.create_task(SmtpListener(self._address, self._listen).run(take))
            if self._imap is not None:
                sources.create_task(PolledMailbox(self._imap).run(take))

    async def send(self, reply: Reply) -> None:
        """Send it by mail; raise `ReplyRefused` where it will never arrive."""
        if self._smtp is None:
            raise ReplyRefused("JIESU_MAIL_SMTP is not set")
        answered = Answered.model_validate_json(reply.address)
        mail = compose(reply, answered, self._address)
        await send(mail, self._address, answered.to, self._smtp)

    def _message(self, mail: Mail, request: WireRequest) -> Message:
        if not any(name in mail for name in _HEADERS):
            raise Unparsable("not a mail: none of its headers is there")
        sender = request.headers.get(ENVELOPE_SENDER)
        if (kind := why_not_an_appeal(mail, sender, self._address)) is not None:
            raise NotAnAppeal(kind)
        subject = words(as_sent(mail, "subject"))
        edits = adds_to(mail, self._domain)
        # A reply to us whose references were lost on the way is known by its subject alone.
        is_ours = SUBJECT in subject
        answers = is_reply(subject) and (edits is not None or is_ours)
        content = self._bounded(_told(mail, "" if answers else subject, answers=answers))
        key = message_key(mail, request.body)
        name, address = next(people(mail, "from"), ("", ""))
        return Message(
            channel=self.name,
            message_id=key,
            text=content.text,
            raw=request.body,
            reporter=Reporter(name=name[:_LONGEST_NAME] or None, email=address)
            if address
            else None,
            sent_at=sent_at(mail),
            edits=None if edits == key else edits,
            conversation=address.lower() or None,
            anew=not is_ours,
            parts=tuple(content.files),
            reply_to=self._reply_to(mail, key),
        )

    def _bounded(self, content: Content) -> Content:
        """Return text that an appeal may have: the whole of a longer one becomes a file."""
        if not speaks(content.text) and not content.files:
            raise Unparsable("no words and no files")
        if len(content.text) <= self._max_text:
            return content
        whole = Part("全文.txt", content.text.encode())
        return Content(content.text[: self._max_text], [whole, *content.files])

    def _reply_to(self, mail: Mail, key: str) -> str | None:
        found = next(people(mail, "reply-to"), None) or next(people(mail, "from"), None)
        if self._smtp is None or found is None or found[1].lower() == self._address.lower():
            return None
        return Answered.of(found[1], key, references(mail)).sealed_form()


def _told(mail: Mail, subject: str, *, answers: bool) -> Content:
    """Return what the mail tells: its subject and its words, of an answer only its own."""
    content = read_content(mail)
    if answers:
        content.text = without_history(content.text)
    if subject and not content.text.startswith(subject):
        content.text = f"{subject}\n{content.text}".strip()
    return content
