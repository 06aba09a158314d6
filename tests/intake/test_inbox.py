"""The inbox: message and ticket stored together, once for each key, before anybody is answered."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from channels.channel import Receipt
from channels.message import Attachment, Message, Place, Reporter
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import SimulatedClock
from gateway.intake.drafting import query_digest
from gateway.intake.inbox import Inbox, KeyReused
from gateway.tickets import schema
from gateway.tickets.database import Database, open_database
from gateway.tickets.numbers import read_ticket_id
from gateway.tickets.store import history_of, words_of
from tests.dispatch.line import START


def told(text: str, key: str = "key-1", **fields: Any) -> Message:
    """A message of the web form."""
    return Message("web", key, text, raw=text.encode(), **fields)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands."""
    return SimulatedClock(START)


@pytest.fixture
def inbox(database: Database, vault: Vault, clock: SimulatedClock) -> Inbox:
    """An inbox over an empty database."""
    return Inbox(database, vault, clock, Bell(clock), surge=False)


async def count(database: Database, table: Any) -> int:
    """How many rows a table has."""
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def test_a_message_opens_a_ticket_whose_clock_runs(inbox: Inbox, database: Database) -> None:
    """What the citizen gets is stored: number, code, message, and the first line of history."""
    receipt = await inbox.accept(told("楼道灯不亮"))
    assert read_ticket_id(receipt.ticket_id) == receipt.ticket_id
    async with database.read() as connection:
        [ticket] = await connection.execute(select(schema.tickets))
        [line] = await history_of(connection, receipt.ticket_id)
    assert (ticket.id, ticket.status, ticket.version) == (receipt.ticket_id, "received", 1)
    assert (ticket.accepted_at, ticket.needs_triage) == (START, True)
    assert (line["event"], line["actor"], line["at"]) == ("received", "citizen", START)


async def test_people_are_kept_masked_or_sealed_only(
    inbox: Inbox, database: Database, vault: Vault
) -> None:
    """No column holds the name, the numbers or the code as they are; the vault opens them."""
    secrets = ("13800138000", "110101199003077715", "欧阳小红", "东四十条一号")
    reporter = Reporter("欧阳小红", "13800138000", "110101199003077715", "东四十条一号")
    text = "我是欧阳小红，电话13800138000，楼道灯不亮"
    receipt = await inbox.accept(
        told(text, reporter=reporter, place=Place("找13800138000开门", 116.4, 39.9))
    )
    async with database.read() as connection:
        rows = [
            str(dict(row._mapping))
            for table in schema.metadata.sorted_tables
            for row in await connection.execute(select(table))
        ]
        [words] = (await words_of(connection, [receipt.ticket_id]))[receipt.ticket_id]
    kept = "".join(rows)
    for secret in (*secrets, receipt.query_code, receipt.query_code.replace("-", "")):
        assert secret not in kept
        assert str(secret.encode())[2:-1] not in kept
    assert words.text == "我是[诉求人]，电话[电话]，楼道灯不亮"
    assert words.place == {"address": "找[电话]开门", "longitude": 116.4, "latitude": 39.9}
    assert (await vault.open(words.sealed_text, f"message/{words.id}/text")).decode() == text


async def test_people_are_found_by_their_numbers(
    inbox: Inbox, database: Database, vault: Vault
) -> None:
    """A number in the text or of the reporter is found however it was written."""
    spoken = await inbox.accept(told("回电幺三八零零幺三八零零零", "key-1"))
    given = await inbox.accept(
        told("灯不亮", "key-2", reporter=Reporter(phone="+86 138-0013-8000"))
    )
    people = schema.people.c
    async with database.read() as connection:
        digest = vault.digest("phone", "13800138000")
        rows = await connection.execute(
            select(people.ticket_id, people.source).where(people.digest == digest)
        )
        assert {tuple(row) for row in rows} == {
            (spoken.ticket_id, "text"), (given.ticket_id, "reporter"),
        }  # fmt: skip


async def test_the_query_code_is_checked_by_a_keyed_hash(
    inbox: Inbox, database: Database, vault: Vault
) -> None:
    """The code as it was given fits its ticket, typed in small letters too, and no other one."""
    receipt = await inbox.accept(told("楼道灯不亮"))
    async with database.read() as connection:
        stored = (await connection.execute(select(schema.tickets.c.query_digest))).scalar_one()
    assert stored == query_digest(vault, receipt.ticket_id, receipt.query_code.lower())
    assert stored != query_digest(vault, receipt.ticket_id, "0000-0000-00000")


async def test_the_same_message_again_gives_the_same_receipt(
    inbox: Inbox, database: Database
) -> None:
    """A repeat stores nothing and answers as the first time, after a restart too."""
    first = await inbox.accept(told("楼道灯不亮"))
    assert await inbox.accept(told("楼道灯不亮")) == first
    assert await inbox.accept(told("楼道灯不亮"), repeats_are_edits=True) == first
    assert await count(database, schema.tickets) == await count(database, schema.messages) == 1
    assert await count(database, schema.history) == 1


async def test_a_key_with_another_body_is_refused(inbox: Inbox, database: Database) -> None:
    """Other words or other files under the same key: which of them is meant?"""
    file = Attachment("a" * 64, 3, "image/png", "灯.png")
    await inbox.accept(told("楼道灯不亮"))
    for other in (told("路灯不亮"), told("楼道灯不亮", attachments=(file,))):
        with pytest.raises(KeyReused):
            await inbox.accept(other)
    assert await count(database, schema.messages) == 1


async def test_a_vendors_changed_message_is_an_addition(inbox: Inbox, database: Database) -> None:
    """Where repeats are edits, other words go to the same ticket, and triage reads it again."""
    first = await inbox.accept(told("楼道灯不亮"), repeats_are_edits=True)
    edit = await inbox.accept(told("楼道灯不亮，三层"), repeats_are_edits=True)
    again = await inbox.accept(told("楼道灯不亮，三层"), repeats_are_edits=True)
    assert first == edit == again
    async with database.read() as connection:
        words = (await words_of(connection, [first.ticket_id]))[first.ticket_id]
        events = [line["event"] for line in await history_of(connection, first.ticket_id)]
    assert [item.text for item in words] == ["楼道灯不亮", "楼道灯不亮，三层"]
    assert events == ["received", "added"]


async def test_a_changed_message_with_a_very_long_key_is_an_addition_too(
    inbox: Inbox, database: Database
) -> None:
    """The key of an addition fits its column, and two long keys stay two."""
    keys = [f"{'k' * 250}-{n}" for n in range(2)]
    firsts = [await inbox.accept(told("灯不亮", key), repeats_are_edits=True) for key in keys]
    edits = [await inbox.accept(told("三层", key), repeats_are_edits=True) for key in keys]
    assert firsts == edits
    assert await count(database, schema.messages) == 4


async def test_a_message_that_names_another_is_an_addition_to_its_ticket(inbox: Inbox) -> None:
    """`edits` names an earlier message, of the same channel."""
    first = await inbox.accept(told("楼道灯不亮", "key-1"))
    assert await inbox.accept(told("三层", "key-2", edits="key-1")) == first
    assert await inbox.accept(told("四层", "key-3", edits="key-2")) == first
    elsewhere = await inbox.accept(replace(told("三层", "key-4", edits="key-1"), channel="sms"))
    assert elsewhere.ticket_id != first.ticket_id


async def test_an_addition_to_what_nobody_knows_opens_a_ticket(inbox: Inbox) -> None:
    """What was told is never lost for want of what it was added to."""
    receipt = await inbox.accept(told("三层也不亮", "key-2", edits="never-seen"))
    assert await inbox.accept(told("三层也不亮", "key-2", edits="never-seen")) == receipt


async def test_two_channels_may_use_the_same_key(inbox: Inbox) -> None:
    """A key belongs to its channel."""
    web = await inbox.accept(told("楼道灯不亮"))
    sms = await inbox.accept(replace(told("别的事"), channel="sms"))
    assert web.ticket_id != sms.ticket_id


async def test_of_many_at_once_each_key_has_one_ticket(inbox: Inbox, database: Database) -> None:
    """Two hundred acceptances with repeated keys, in one moment: one ticket a key, one answer."""
    chance = random.Random(4)
    keys = [f"key-{chance.randrange(60)}" for _ in range(200)]
    receipts = await asyncio.gather(*(inbox.accept(told(f"事 {key}", key)) for key in keys))
    answers: dict[str, set[Receipt]] = {}
    for key, receipt in zip(keys, receipts, strict=True):
        answers.setdefault(key, set()).add(receipt)
    assert all(len(found) == 1 for found in answers.values())
    assert len({receipt.ticket_id for receipt in receipts}) == len(answers)
    assert await count(database, schema.tickets) == len(answers)
    assert await count(database, schema.messages) == len(answers)


async def test_of_many_at_once_different_bodies_are_one_ticket_and_its_additions(
    inbox: Inbox, database: Database
) -> None:
    """A vendor that sends a message and its edits in one moment gets one ticket for all."""
    texts = [f"第{n % 7}稿" for n in range(40)]
    receipts = await asyncio.gather(
        *(inbox.accept(told(text), repeats_are_edits=True) for text in texts)
    )
    assert len(set(receipts)) == 1
    async with database.read() as connection:
        number = receipts[0].ticket_id
        words = (await words_of(connection, [number]))[number]
    assert Counter(item.text for item in words) == Counter(set(texts))


async def test_a_neighbour_that_cannot_be_stored_spoils_nothing(
    inbox: Inbox, database: Database
) -> None:
    """One message that the database refuses fails alone, in whatever batch it came."""
    bad = replace(told("坏", "bad"), channel=None)  # type: ignore[arg-type]
    good = [told(f"事{n}", f"key-{n}") for n in range(20)]
    found = await asyncio.gather(
        *map(inbox.accept, [*good[:10], bad, *good[10:]]), return_exceptions=True
    )
    assert isinstance(found.pop(10), DBAPIError)
    assert len({item.ticket_id for item in found if isinstance(item, Receipt)}) == 20
    assert await count(database, schema.tickets) == 20


async def test_a_citizen_who_hangs_up_is_kept_all_the_same(
    inbox: Inbox, database: Database
) -> None:
    """A request that ends while it is stored harms no other, and its repeat finds the ticket."""
    first = asyncio.ensure_future(inbox.accept(told("事一", "key-1")))
    second = asyncio.ensure_future(inbox.accept(told("事二", "key-2")))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).ticket_id
    assert (await inbox.accept(told("事一", "key-1"))).ticket_id
    assert await count(database, schema.tickets) == 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_two_gateways_that_race_on_the_same_keys_agree(
    database: Database, vault: Vault, clock: SimulatedClock
) -> None:
    """Over one PostgreSQL two inboxes give one ticket a key, and the same receipt."""
    other = open_database(database.engine.url.render_as_string(hide_password=False))
    inboxes = [Inbox(item, vault, clock, Bell(clock), surge=False) for item in (database, other)]
    try:
        for turn in range(5):
            keys = [f"{turn}-{n}" for n in range(25)]
            chance = random.Random(turn)
            calls = [(inbox, key) for inbox in inboxes for key in keys]
            chance.shuffle(calls)
            receipts = await asyncio.gather(*(item.accept(told("事", key)) for item, key in calls))
            answers = {(key, receipt) for (_, key), receipt in zip(calls, receipts, strict=True)}
            assert len(answers) == len(keys)
    finally:
        await other.close()
    assert await count(database, schema.tickets) == 125


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_two_gateways_never_hand_out_the_same_number(
    database: Database, vault: Vault, clock: SimulatedClock
) -> None:
    """Each takes blocks of its own from the one counter."""
    inboxes = [Inbox(database, vault, clock, Bell(clock), surge=False) for _ in range(3)]
    receipts = await asyncio.gather(
        *(inboxes[n % 3].accept(told("事", f"key-{n}")) for n in range(90))
    )
    assert len({receipt.ticket_id for receipt in receipts}) == 90


async def test_numbers_go_on_after_a_restart(
    inbox: Inbox, database: Database, vault: Vault, clock: SimulatedClock
) -> None:
    """A gateway started again takes a new block: no number comes twice."""
    before = await inbox.accept(told("事一", "key-1"))
    again = Inbox(database, vault, clock, Bell(clock), surge=False)
    after = await again.accept(told("事二", "key-2"))
    assert before.ticket_id != after.ticket_id
    assert await again.accept(told("事一", "key-1")) == before


async def test_accepting_rings_for_triage(database: Database, vault: Vault) -> None:
    """Whoever waits for work hears of it at once."""
    clock = SimulatedClock(START)
    bell = Bell(clock)
    waiting = asyncio.ensure_future(bell.wait(3600))
    await Inbox(database, vault, clock, bell, surge=False).accept(told("事"))
    await asyncio.wait_for(waiting, 10)
