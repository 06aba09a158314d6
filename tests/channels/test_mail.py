"""E-mail over a gateway that runs: what comes by SMTP, and what is answered."""

import asyncio
import json
import smtplib
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import pytest

import channels.mail.adapter as mail
from channels.channel import WireRequest
from channels.mail.listener import LARGEST
from gateway.foundation import attachment_store, foundation
from gateway.intake.attachments import Attachments
from gateway.intake.quarantine import Quarantine
from gateway.settings import Settings
from tests.channels.mail_servers import Post, post
from tests.ports import free_port
from tests.web.test_odd_words import decided
from tests.web.wire import Served, assert_problem, serving

PAYLOADS = Path(mail.__file__).parent / "payloads"
HOTLINE = "hotline@12345.example"
CITIZEN = "wang@mail.example"


@dataclass(slots=True)
class Mailing:
    """A gateway that takes mails, and the server by which it answers."""

    served: Served
    port: int
    post: Post

    def client(self) -> smtplib.SMTP:
        """Return a connection to the listener, once it listens."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return smtplib.SMTP("127.0.0.1", self.port, "relay.example", timeout=60)
            except OSError:
                assert time.monotonic() < deadline, "nobody listens"
                time.sleep(0.05)

    def send(self, content: bytes, sender: str = CITIZEN, recipient: str = HOTLINE) -> None:
        """Send a mail that must be taken."""
        with self.client() as client:
            client.sendmail(sender, [recipient], content)

    def refusal(self, content: bytes, sender: str = CITIZEN, recipient: str = HOTLINE) -> int:
        """Send a mail that must not be taken, and return the code of the answer."""
        with self.client() as client:
            client.ehlo()
            client.mail(sender)
            code, _ = client.rcpt(recipient)
            return code if code != 250 else client.data(content)[0]

    def select(self, statement: str, *values: str) -> list[Any]:
        """Return rows of the gateway's database."""
        database = f"file:{self.served.process.folder}/jiesu.sqlite3?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as connection:
            return connection.execute(statement, values).fetchall()

    def ticket_id(self, message_id: str) -> str:
        """Return the number of the ticket to which a mail belongs."""
        [(number,)] = self.select(
            "SELECT ticket_id FROM messages WHERE channel = 'email' AND message_id = ?", message_id
        )
        return str(number)

    def ticket(self, message_id: str) -> Any:
        """Return the ticket to which a mail belongs, when triage has read it."""
        return decided(self.served, self.ticket_id(message_id))

    def reply(self, about: str) -> Any:
        """Return the mail with the receipt for the one of this id."""
        return self.wait(lambda: next(iter(receipts(self.post.taken, about)), None))

    def kept(self) -> dict[str, int]:
        """Return how many rows there are of what citizens sent."""
        return {table: n for table, n in self.served.rows().items() if table != "outbox"}

    def wait(self, found: Callable[[], Any]) -> Any:
        """Return what is found, once it is."""
        deadline = time.monotonic() + 30
        while not (result := found()):
            assert time.monotonic() < deadline, "it does not come"
            time.sleep(0.05)
        return result


def receipts(mails: list[EmailMessage], about: str) -> list[EmailMessage]:
    """Return the mails that tell number and query code to whoever sent the one of this id."""
    found = [one for one in mails if one["In-Reply-To"] == about]
    return [one for one in found if "查询码" in one.get_content()]


@pytest.fixture(scope="module")
def mailing() -> Iterator[Mailing]:
    """A gateway that takes mails by SMTP, and answers them."""
    port = free_port()
    with post() as desk:
        settings = {
            "JIESU_MAIL_ADDRESS": HOTLINE,
            "JIESU_MAIL_LISTEN": f"127.0.0.1:{port}",
            "JIESU_MAIL_SMTP": f"smtp://127.0.0.1:{desk.port}",
        }
        with serving(accounts=True, **settings) as served:
            yield Mailing(served, port, desk)


def written(text: str = "楼道里的灯坏了", *, sender: str = CITIZEN, **headers: str) -> EmailMessage:
    """Return a mail as a citizen's client writes it."""
    found = EmailMessage()
    found["From"] = f"王小明 <{sender}>"
    found["To"] = HOTLINE
    found["Message-ID"] = make_msgid(domain="mail.example")
    for name, value in headers.items():
        found[name.replace("_", "-")] = value
    found.set_content(text)
    return found


def fresh() -> str:
    """Return a sender of whom nothing is known yet."""
    return f"{uuid.uuid4().hex[:12]}@mail.example"


TOLD = {
    "plain": "方庄路灯不亮\n丰台区方庄小区北门的路灯不亮，已经三天，晚上很黑。",
    "outlook-html": (
        "地下车库积水\n您好：\n朝阳区望京街道南湖西园地下车库积水，约二十厘米深。\n业主 "
    ),
    "qq-picture": "小区门口占道\n海淀区清河街道小区门口每天早上有人占道卖菜，照片见附件。",
    "big5": "公車站牌損壞\n西單公車站牌損壞，看不清班次。",
    "undeclared-gbk": "下水道堵了\n东城区和平里下水道堵了，污水流到路上。",
}
PEOPLE = {
    "plain": ("李安然", "li.anran@mail.example"),
    "outlook-html": ("陈思远", "chen.siyuan@corp.example"),
    "qq-picture": ("赵一鸣", "zhao.yiming@qq.example"),
    "big5": ("林雅婷", "lin@tw.example"),
    "undeclared-gbk": ("周大成", "zhou@old.example"),
}


@pytest.mark.parametrize("name", TOLD)
def test_payloads(mailing: Mailing, name: str) -> None:
    """Plain and HTML mails in every Chinese charset are read as they were written."""
    content = (PAYLOADS / f"{name}.eml").read_bytes()
    mailing.send(content)
    [(identity, number)] = mailing.select(
        "SELECT id, ticket_id FROM messages ORDER BY number DESC LIMIT 1"
    )
    text = decided(mailing.served, number)["messages"][0]["text"]
    assert text.startswith(TOLD[name])
    reporter = json.loads(asyncio.run(_opened(mailing, identity, "reporter")))
    assert (reporter["name"], reporter["email"]) == PEOPLE[name]
    assert asyncio.run(_opened(mailing, identity, "raw")) == content


async def _opened(mailing: Mailing, identity: str, field: str) -> bytes:
    [(sealed,)] = mailing.select(f"SELECT sealed_{field} FROM messages WHERE id = ?", identity)
    async with foundation(Settings(data_dir=mailing.served.process.folder)) as base:
        return await base.vault.open(sealed, f"message/{identity}/{field}")


def test_attachments(mailing: Mailing) -> None:
    """Files of a mail are stored and stand on its ticket; sent again, they are not stored twice."""
    content = (PAYLOADS / "qq-picture.eml").read_bytes()
    content = content.replace(b"tencent_1F", uuid.uuid4().hex.encode())
    for _ in range(2):
        mailing.send(content)
    [(number,)] = mailing.select("SELECT ticket_id FROM messages ORDER BY number DESC LIMIT 1")
    files = decided(mailing.served, number)["attachments"]
    assert [(item["media_type"], item["size"]) for item in files] == [
        ("image/png", 70),
        ("application/octet-stream", 14),
    ]
    stored = mailing.select("SELECT address FROM attachments WHERE ticket_id = ?", number)
    assert asyncio.run(_read(mailing, stored[1][0])) == "每天七点到九点".encode("gb18030")


async def _read(mailing: Mailing, address: str) -> bytes:
    settings = Settings(data_dir=mailing.served.process.folder)
    async with foundation(settings) as base:
        store = attachment_store(settings)
        scratch = settings.data_dir / "scratch"
        attachments = Attachments(store, base.vault, scratch, settings.max_file)
        return b"".join([chunk async for chunk in attachments.read(address)])


def test_same_mail_twice(mailing: Mailing) -> None:
    """A mail that a relay sends again is one message of one ticket, answered once."""
    content = written().as_bytes(policy=SMTP)
    before = mailing.kept()
    for _ in range(3):
        mailing.send(content)
    after = mailing.kept()
    assert after["tickets"] == before["tickets"] + 1
    assert after["messages"] == before["messages"] + 1


def test_receipt(mailing: Mailing) -> None:
    """The citizen is answered in the thread of their mail, marked as automatic, once."""
    asked = written(Subject="小区停水", References="<earlier@mail.example>", sender=fresh())
    mailing.send(asked.as_bytes(policy=SMTP))
    found = mailing.reply(asked["Message-ID"])
    number = mailing.ticket_id(asked["Message-ID"])
    assert number[:6] in found.get_content().replace("-", "")
    assert "查询码" in found.get_content()
    assert found["To"] == asked["From"].addresses[0].addr_spec
    assert found["From"] == HOTLINE
    assert found["Auto-Submitted"] == "auto-replied"
    assert found["References"] == f"<earlier@mail.example> {asked['Message-ID']}"
    assert "停水" not in found["Subject"]
    assert number not in found["Subject"]


def _reply_by_references(asked: EmailMessage, answer: EmailMessage) -> dict[str, str]:
    own = answer["Message-ID"]
    return {"Subject": f"Re: {answer['Subject']}", "In-Reply-To": own,
            "References": f"{asked['Message-ID']} {own}"}  # fmt: skip


def _reply_to_us_alone(_asked: EmailMessage, answer: EmailMessage) -> dict[str, str]:
    return {"Subject": f"回复：{answer['Subject']}", "In-Reply-To": answer["Message-ID"]}


def _reply_to_oneself(asked: EmailMessage, _answer: EmailMessage) -> dict[str, str]:
    return {"Subject": "Re: 楼道灯", "References": asked["Message-ID"]}


def _reply_known_by_subject(_asked: EmailMessage, answer: EmailMessage) -> dict[str, str]:
    return {"Subject": f"回复：{answer['Subject']}"}


@pytest.mark.parametrize(
    "thread",
    [_reply_by_references, _reply_to_us_alone, _reply_to_oneself, _reply_known_by_subject],
)
def test_replies_join_their_ticket(
    mailing: Mailing, thread: Callable[[EmailMessage, EmailMessage], dict[str, str]]
) -> None:
    """A reply is added to the ticket that it is about, without what it quotes."""
    sender = fresh()
    asked = written(Subject="楼道灯", sender=sender)
    mailing.send(asked.as_bytes(policy=SMTP))
    headers = thread(asked, mailing.reply(asked["Message-ID"]))
    quoted = f'昨晚又灭了\n\n在 2026-11-27 08:00:00，"12345" <{HOTLINE}> 写道：\n> 您的诉求已受理'
    more = written(quoted, sender=sender, **{k.replace("-", "_"): v for k, v in headers.items()})
    mailing.send(more.as_bytes(policy=SMTP))
    number = mailing.ticket_id(asked["Message-ID"])
    assert mailing.ticket_id(more["Message-ID"]) == number
    texts = [item["text"] for item in decided(mailing.served, number)["messages"]]
    assert texts[1] == "昨晚又灭了"
    assert receipts(mailing.post.tried, more["Message-ID"]) == [], "the ticket has its receipt"


def test_second_matter_of_the_same_citizen(mailing: Mailing) -> None:
    """A mail that answers nothing is a matter of its own, however soon it comes."""
    sender = fresh()
    first, second = (written(sender=sender), written("电梯停了", sender=sender))
    for content in (first, second):
        mailing.send(content.as_bytes(policy=SMTP))
    assert mailing.ticket_id(first["Message-ID"]) != mailing.ticket_id(second["Message-ID"])


OURS = "<jiesu.0123456789abcdef0123456789abcdef.PGFAbT4@12345.example>"
AUTOMATIC: dict[str, tuple[dict[str, str], str, str]] = {
    "auto-submitted": ({"Auto_Submitted": "auto-replied"}, CITIZEN, "auto-reply"),
    "generated": ({"Auto_Submitted": "auto-generated; by=cron"}, CITIZEN, "auto-reply"),
    "X-Autoreply": ({"X_Autoreply": "yes"}, CITIZEN, "auto-reply"),
    "a Chinese vacation": ({"Subject": "自动回复：您向 12345 反映的诉求"}, CITIZEN, "auto-reply"),
    "an English vacation": ({"Subject": "Automatic reply: leave"}, CITIZEN, "auto-reply"),
    "a list": ({"Precedence": "list"}, CITIZEN, "bulk"),
    "bulk": ({"Precedence": "bulk"}, CITIZEN, "bulk"),
    "no sender": ({}, "", "delivery-report"),
    "failed recipients": ({"X_Failed_Recipients": CITIZEN}, CITIZEN, "delivery-report"),
    "our own loop header": ({"X_Loop": HOTLINE}, CITIZEN, "loop"),
    "ourselves": ({"sender": HOTLINE}, CITIZEN, "loop"),
    "ourselves on the envelope": ({}, HOTLINE, "loop"),
}


def _refused(mailing: Mailing, kind: str) -> float:
    """Return how many mails of this kind were refused."""
    told = mailing.served.call("GET", "/metrics").body.decode()
    line = f'jiesu_refused_total{{channel="email",problem="{kind}"}} '
    return sum(float(row.removeprefix(line)) for row in told.splitlines() if row.startswith(line))


def _assert_refused(mailing: Mailing, content: bytes, sender: str, kind: str) -> None:
    before, counted = mailing.kept(), _refused(mailing, kind)
    assert mailing.refusal(content, sender) == 550
    assert mailing.kept() == before
    assert _refused(mailing, kind) == counted + 1


@pytest.mark.parametrize("name", AUTOMATIC)
def test_automatic_mails(mailing: Mailing, name: str) -> None:
    """Auto-replies, bounces and loops are refused and counted: no ticket, and no reply."""
    headers, sender, kind = AUTOMATIC[name]
    _assert_refused(mailing, written(**headers).as_bytes(policy=SMTP), sender, kind)


@pytest.mark.parametrize(
    ("name", "kind"), [("auto-reply", "auto-reply"), ("bounce", "delivery-report")]
)
def test_automatic_payloads(mailing: Mailing, name: str, kind: str) -> None:
    """So are those that servers send, whatever their envelope says."""
    _assert_refused(mailing, (PAYLOADS / f"{name}.eml").read_bytes(), CITIZEN, kind)


def test_loops(mailing: Mailing) -> None:
    """A mail of ours that comes back, or one that went round, is refused."""
    mine = written()
    mine.replace_header("Message-ID", OURS)
    _assert_refused(mailing, mine.as_bytes(policy=SMTP), CITIZEN, "loop")
    hops = b"Received: from a.example by b.example; Thu, 26 Nov 2026 20:15:00 +0800\r\n" * 31
    _assert_refused(mailing, hops + written().as_bytes(policy=SMTP), CITIZEN, "loop")


def test_words_like_an_auto_reply(mailing: Mailing) -> None:
    """A citizen may write about auto-replies, and say that a person sends the mail."""
    about = written("总是机器人", Subject="自动回复太慢了", Auto_Submitted="no")
    mailing.send(about.as_bytes(policy=SMTP))
    assert mailing.ticket(about["Message-ID"])["messages"][0]["text"].startswith("自动回复太慢了")


UNREADABLE = {
    "no mail": b"\x00\xff\xfe nothing of a mail",
    "no words": (PAYLOADS / "nothing.eml").read_bytes(),
    "nested for ever": b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    + b"--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 500,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(mailing: Mailing, name: str) -> None:
    """What cannot be read is kept aside and not sent again; the next mail gets through."""
    before = mailing.kept()
    mailing.send(UNREADABLE[name])
    after = mailing.kept()
    assert after["quarantine"] == before["quarantine"] + 1
    assert after["tickets"] == before["tickets"]
    following = written()
    mailing.send(following.as_bytes(policy=SMTP))
    assert mailing.ticket_id(following["Message-ID"])


def test_replayed_mail_has_its_files(mailing: Mailing) -> None:
    """A mail that an earlier version could not read is replayed with its attachments."""
    content = (PAYLOADS / "qq-picture.eml").read_bytes()
    content = content.replace(b"tencent_1F", uuid.uuid4().hex.encode())
    identity = asyncio.run(_quarantined(mailing, content))
    done = mailing.served.process.command("quarantine", "replay", identity)
    number = done.stdout.split()[1]
    assert len(mailing.select("SELECT * FROM attachments WHERE ticket_id = ?", number)) == 2


async def _quarantined(mailing: Mailing, content: bytes) -> str:
    settings = Settings(data_dir=mailing.served.process.folder)
    async with foundation(settings, sealing=True) as base:
        desk = Quarantine(base.database, base.vault, base.clock)
        return await desk.keep("email", WireRequest({"mail-from": CITIZEN}, content), "a test")


def test_other_recipients(mailing: Mailing) -> None:
    """Mail for anybody else is refused: we relay nothing."""
    assert (
        mailing.refusal(written().as_bytes(policy=SMTP), recipient="someone@elsewhere.example")
        == 550
    )
    mailing.send(written().as_bytes(policy=SMTP), recipient=HOTLINE.upper())


def test_too_large(mailing: Mailing) -> None:
    """A mail beyond the limit is refused, whether its size is announced or not."""
    before = mailing.kept()
    with mailing.client() as client:
        client.ehlo()
        assert client.mail(CITIZEN, [f"SIZE={LARGEST + 1}"])[0] == 552
    line = b"a" * 900 + b"\r\n"
    content = written().as_bytes(policy=SMTP) + line * (LARGEST // len(line) + 1)
    assert mailing.refusal(content) == 552
    assert mailing.kept() == before


def test_large_but_allowed(mailing: Mailing) -> None:
    """A mail of many megabytes is taken with its files."""
    asked = written("录像见附件")
    asked.add_attachment(bytes(20_000_000), "video", "mp4", filename="录像.mp4")
    mailing.send(asked.as_bytes(policy=SMTP))
    [found] = mailing.ticket(asked["Message-ID"])["attachments"]
    assert found["size"] == 20_000_000


def test_many_connections(mailing: Mailing) -> None:
    """More senders at once than fit into memory are told to come again later."""
    held = [mailing.client() for _ in range(16)]
    try:
        with socket.create_connection(("127.0.0.1", mailing.port), timeout=20) as wire:
            assert wire.recv(100).startswith(b"421 ")
    finally:
        for client in held:
            client.close()
    mailing.wait(lambda: _is_greeted(mailing.port))


def _is_greeted(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
        return wire.recv(100).startswith(b"220 ")


def test_database_away(mailing: Mailing) -> None:
    """While nothing can be stored the sender is told to keep the mail, and then it is taken."""
    database = mailing.served.process.folder / "jiesu.sqlite3"
    content = written().as_bytes(policy=SMTP)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert mailing.refusal(content) == 451
        connection.execute("ROLLBACK")
    mailing.send(content)


def test_reply_is_retried(mailing: Mailing) -> None:
    """A reply that fails is sent again under the same Message-ID, so that it is told once."""
    asked = written(sender=(sender := fresh()))
    mailing.post.greylisted.add(sender)
    mailing.send(asked.as_bytes(policy=SMTP))
    mailing.reply(asked["Message-ID"])
    tried = [m["Message-ID"] for m in receipts(mailing.post.tried, asked["Message-ID"])]
    assert len(tried) == 2
    assert tried[0] == tried[1]


@pytest.mark.parametrize("why", ["recipient", "content"])
def test_refused_reply(mailing: Mailing, why: str) -> None:
    """A reply that is refused for good is noted and not tried again; the ticket stays."""
    asked = written(sender=(sender := fresh()))
    if why == "recipient":
        mailing.post.unknown.add(sender)
    else:
        mailing.post.refusals[sender] = "554 5.7.1 not wanted"
    mailing.send(asked.as_bytes(policy=SMTP))
    number = mailing.ticket_id(asked["Message-ID"])
    states = (
        "SELECT state, attempts, note FROM replies "
        "WHERE ticket_id = ? AND event = 'received' AND done_at NOT NULL"
    )
    [(state, attempts, note)] = mailing.wait(lambda: mailing.select(states, number))
    assert (state, attempts) == ("failed", 1)
    assert "refused" in note


def test_reply_addresses(mailing: Mailing) -> None:
    """The answer goes where the citizen wants it, and nowhere if no answer can reach them."""
    elsewhere = written(sender=fresh(), Reply_To="other@mail.example")
    mailing.send(elsewhere.as_bytes(policy=SMTP))
    assert mailing.reply(elsewhere["Message-ID"])["To"] == "other@mail.example"
    silent = written()
    del silent["From"]
    mailing.send(silent.as_bytes(policy=SMTP))
    number = mailing.ticket_id(silent["Message-ID"])
    assert mailing.select("SELECT * FROM replies WHERE ticket_id = ?", number) == []


def test_not_posted(mailing: Mailing) -> None:
    """Whoever posts a mail by HTTP is refused."""
    reply = mailing.served.call("POST", "/channels/email", written().as_bytes(policy=SMTP))
    assert_problem(reply, 401, "bad-signature")


def test_nothing_of_mails_is_logged(mailing: Mailing) -> None:
    """No line of the log holds a word, a name or an address of a mail."""
    asked = written("只有信里才有的话", sender="only.here@mail.example", Subject="独一无二")
    mailing.send(asked.as_bytes(policy=SMTP))
    mailing.refusal(written(sender="only.here@mail.example", X_Loop=HOTLINE).as_bytes(policy=SMTP))
    mailing.reply(asked["Message-ID"])
    log = mailing.served.log()
    assert "not an appeal" in log
    for word in ("只有信里才有的话", "独一无二", "only.here", asked["Message-ID"], "王小明"):
        assert word not in log
