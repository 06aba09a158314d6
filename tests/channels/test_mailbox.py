"""Mails from a mailbox that is polled: seen when they are stored for good, not before."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import channels.mail.adapter as mail
from channels.mail.listener import LARGEST
from tests.channels.mail_servers import Mailbox, mailbox
from tests.channels.test_mail import CITIZEN, HOTLINE, written
from tests.web.wire import Served, serving

PAYLOADS = Path(mail.__file__).parent / "payloads"
PASSWORD = "pass word"


@contextmanager
def polling(box: Mailbox) -> Iterator[Served]:
    """Give a gateway that looks into this mailbox."""
    settings = {
        "JIESU_MAIL_ADDRESS": HOTLINE,
        "JIESU_MAIL_IMAP": f"imap://hotline:pass%20word@127.0.0.1:{box.port}/INBOX",
    }
    with serving(accounts=True, **settings) as served:
        yield served


def wait(found: Callable[[], Any]) -> Any:
    """Return what is found, once it is."""
    deadline = time.monotonic() + 60
    while not (result := found()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
    return result


def messages(served: Served) -> list[tuple[str, str]]:
    """Return id and ticket of each message that came by mail."""
    database = f"file:{served.process.folder}/jiesu.sqlite3?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as connection:
        return connection.execute(
            "SELECT message_id, ticket_id FROM messages WHERE channel = 'email' ORDER BY number"
        ).fetchall()


def test_mailbox() -> None:
    """Every mail is dealt with once: what is broken, automatic or too large blocks no other."""
    with mailbox() as box:
        broken = box.add((PAYLOADS / "nothing.eml").read_bytes())
        automatic = box.add((PAYLOADS / "auto-reply.eml").read_bytes())
        bounced = box.add(b"Return-Path: <>\r\n" + written().as_bytes())
        huge = box.add((PAYLOADS / "big5.eml").read_bytes(), size=LARGEST + 1)
        box.add((PAYLOADS / "plain.eml").read_bytes())
        with polling(box) as served:
            wait(lambda: not box.unseen())
            [(first, number)] = messages(served)
            assert first == "<plain-1@mail.example>"
            assert served.rows()["quarantine"] == 2
            listed = served.process.command("quarantine", "list").stdout
            assert "no words and no files" in listed
            assert "the mail lies in the mailbox, flagged" in listed
            assert [uid for uid in box.mails if "\\Flagged" in box.flags[uid]] == [huge]
            assert {"\\Seen"} == box.flags[broken] == box.flags[automatic] == box.flags[bounced]
            # What comes later is found by the connection that is there.
            box.add((PAYLOADS / "qq-reply.eml").read_bytes())
            wait(lambda: not box.unseen())
            assert messages(served)[1] == ("<tencent_reply-1@mail.example>", number)
            assert box.logins == [b'hotline "pass word"']
            log = served.log()
    assert PASSWORD not in log
    assert "pass%20word" not in log
    assert CITIZEN not in log


@pytest.mark.kills
def test_killed_between_storing_and_marking() -> None:
    """A gateway that dies before a mail is marked as seen takes it again: it is one ticket."""
    with mailbox() as box:
        box.forgets_flags = True
        box.add((PAYLOADS / "plain.eml").read_bytes())
        with polling(box) as served:
            wait(lambda: messages(served))
            served.process.kill()
            assert box.unseen() == [1]
            box.forgets_flags = False
            served.process.start()
            wait(lambda: not box.unseen())
            assert len(messages(served)) == 1
            assert served.rows()["tickets"] == 1


def test_mailbox_away() -> None:
    """A mailbox that is away when the gateway starts is found when it comes back."""
    with mailbox() as box:
        box.is_away = True
        box.add((PAYLOADS / "plain.eml").read_bytes())
        with polling(box) as served:
            wait(lambda: "the mailbox cannot be read" in served.log())
            assert served.process.is_ready()
            box.is_away = False
            wait(lambda: not box.unseen())
            assert len(messages(served)) == 1
