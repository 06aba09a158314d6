"""The audit log: whatever is done to it behind the program's back is found."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import AuditEvent, AuditLog, Checked, check_audit, read_audit
from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, Vault
from gateway.clock import SimulatedClock, SystemClock
from gateway.tickets.database import Database, open_database
from gateway.tickets.schema import accounts, audit, audit_head

ENTRIES = 6
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass
class Chain:
    """A log with some entries in it, whose triggers were dropped."""

    database: Database
    vault: Vault
    log: AuditLog
    loop: asyncio.AbstractEventLoop

    async def check(self, known: tuple[int, str] | None = None) -> Checked:
        """Walk the chain."""
        async with self.database.snapshot() as connection:
            return await check_audit(connection, self.vault, known)

    async def append(self, event: AuditEvent = AuditEvent.SIGNED_OUT, **detail: Any) -> None:
        """Append an entry."""
        await self.database.write(lambda c: self.log.append(c, event, "li", detail))

    async def after(self, tamper: Callable[[AsyncConnection], Any]) -> Checked:
        """Walk the chain as it would be after that, and leave it as it was."""
        async with self.database.engine.connect() as connection:
            await connection.execute(text("BEGIN")) if self.database.is_embedded else None
            await tamper(connection)
            found = await check_audit(connection, self.vault)
            await connection.rollback()
        return found


@pytest.fixture
async def chain(database: Database, vault: Vault, clock: SimulatedClock, log: AuditLog) -> Chain:
    """Six entries of all kinds, a minute apart."""
    found = Chain(database, vault, log, asyncio.get_running_loop())
    for number in range(ENTRIES):
        await found.append(ticket_id="261123000000000", fields=["name", "电话"], count=number)
        clock.advance(timedelta(minutes=1))
    await database.write(_drop_triggers)
    return found


async def _drop_triggers(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        for verb in ("update", "delete"):
            await connection.execute(text(f"DROP TRIGGER audit_refuses_{verb}"))
    else:
        await connection.execute(text("DROP TRIGGER audit_refuses_change ON audit"))


async def test_a_log_that_nobody_touched_is_whole(chain: Chain) -> None:
    """The walk ends at the last entry, and says which one that is."""
    found = await chain.check()
    assert (found.number, found.fault) == (ENTRIES, None)
    assert await chain.check((found.number, found.mac)) == found
    await chain.append()
    assert (await chain.check((found.number, found.mac))).fault is None


async def test_an_empty_log_is_whole(database: Database, vault: Vault) -> None:
    """A new installation has nothing to tell, and that is no fault."""
    async with database.snapshot() as connection:
        assert await check_audit(connection, vault) == Checked(0, "")


WRONG: dict[str, st.SearchStrategy[Any]] = {
    "at": st.datetimes().map(lambda at: at.replace(tzinfo=SystemClock().now().tzinfo)),
    "event": st.sampled_from(AuditEvent),
    "actor": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9),
    "detail": st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.booleans()),
    "mac": st.binary(max_size=40),
}


@contextmanager
def _awaiting(chain: Chain) -> Iterator[Callable[[Any], Any]]:
    """Give a way to run coroutines of an example beside the loop of the test itself."""
    with asyncio.Runner() as runner:
        url = chain.database.engine.url.render_as_string(hide_password=False)
        other = open_database(url)
        mine = Chain(other, chain.vault, chain.log, runner.get_loop())
        try:
            yield lambda tamper: runner.run(mine.after(tamper))
        finally:
            runner.run(other.close())


def _fuzz(chain: Chain, check: Callable[[Callable[[Any], Any], Any], None]) -> None:
    """Run the examples in a thread: they are no coroutines, but what they look at is."""
    with _awaiting(chain) as after:

        @FUZZ
        @given(data=st.data())
        def examples(data: Any) -> None:
            check(after, data)

        examples()


async def test_any_change_is_found(chain: Chain) -> None:
    """Whichever column of whichever entry is changed, to whatever, that entry is named."""

    def check(after: Callable[[Any], Any], data: Any) -> None:
        number = data.draw(st.integers(1, ENTRIES))
        column = data.draw(st.sampled_from(sorted(WRONG)))
        value = data.draw(WRONG[column])

        seen = []

        async def tamper(connection: AsyncConnection) -> None:
            row = select(audit).where(audit.c.number == number)
            seen.append((await connection.execute(row)).one())
            changed = update(audit).where(audit.c.number == number)
            await connection.execute(changed.values({column: value}))
            seen.append((await connection.execute(row)).one())

        found = after(tamper)
        if seen[0] != seen[1]:
            assert found.fault == f"entry {number} is not as it was written"
            assert found.number == number - 1

    await asyncio.to_thread(_fuzz, chain, check)


async def test_any_deletion_is_found(chain: Chain) -> None:
    """Whichever entries are deleted, at the start, in the midst or a whole tail, it is found."""

    def check(after: Callable[[Any], Any], data: Any) -> None:
        gone = data.draw(st.sets(st.integers(1, ENTRIES), min_size=1))
        found = after(lambda c: c.execute(delete(audit).where(audit.c.number.in_(gone))))
        assert found.fault == f"entry {min(gone)} is missing"

    await asyncio.to_thread(_fuzz, chain, check)


async def test_any_order_but_its_own_is_found(chain: Chain) -> None:
    """Entries that change places, whole with their MACs, are found at the first wrong one."""

    def check(after: Callable[[Any], Any], data: Any) -> None:
        order = data.draw(st.permutations(range(1, ENTRIES + 1)))

        async def tamper(connection: AsyncConnection) -> None:
            await connection.execute(update(audit).values(number=audit.c.number + 100))
            for new, old in enumerate(order, 1):
                moved = update(audit).where(audit.c.number == old + 100)
                await connection.execute(moved.values(number=new))

        wrong = [new for new, old in enumerate(order, 1) if new != old]
        found = after(tamper)
        expected = f"entry {wrong[0]} is not as it was written" if wrong else None
        assert found.fault == expected

    await asyncio.to_thread(_fuzz, chain, check)


async def test_any_insertion_is_found(chain: Chain) -> None:
    """An entry that the program did not write is found, wherever it is put."""

    def check(after: Callable[[Any], Any], data: Any) -> None:
        number = data.draw(st.integers(-3, ENTRIES + 4))
        copied = data.draw(st.integers(1, ENTRIES))

        async def tamper(connection: AsyncConnection) -> None:
            row = (await connection.execute(select(audit).where(audit.c.number == copied))).one()
            for later in range(ENTRIES, max(number, 1) - 1, -1):
                moved = update(audit).where(audit.c.number == later)
                await connection.execute(moved.values(number=later + 1))
            await connection.execute(insert(audit).values({**row._mapping, "number": number}))

        assert after(tamper).fault is not None

    await asyncio.to_thread(_fuzz, chain, check)


@pytest.mark.parametrize("left", range(ENTRIES))
async def test_a_tail_that_is_cut_off_with_the_head_put_back_is_found(
    chain: Chain, left: int
) -> None:
    """Whoever has the database alone cannot seal the head at an earlier entry."""

    async def tamper(connection: AsyncConnection) -> None:
        await connection.execute(delete(audit).where(audit.c.number > left))
        last = select(audit.c.mac).where(audit.c.number == left)
        mac = await connection.scalar(last) or b""
        await connection.execute(update(audit_head).values(number=left, mac=mac))

    assert (await chain.after(tamper)).fault == "the head is not as it was written"


async def test_what_is_written_later_does_not_heal_the_log(chain: Chain) -> None:
    """After a tail was cut off, with the head put back or gone, the program cannot hide it."""

    async def cut(connection: AsyncConnection) -> None:
        await connection.execute(delete(audit).where(audit.c.number > 3))
        mac = await connection.scalar(select(audit.c.mac).where(audit.c.number == 3))
        await connection.execute(update(audit_head).values(number=3, mac=mac))

    await chain.database.write(cut)
    await chain.append()
    assert (await chain.check()).fault == "the head is not as it was written"
    await chain.database.write(lambda c: c.execute(delete(audit_head)))
    assert (await chain.check()).fault == "the head is missing"
    await chain.append()
    assert (await chain.check()).fault == "the head is not as it was written"


async def test_a_log_put_back_as_a_whole_is_found_by_who_knows_its_end(chain: Chain) -> None:
    """What was noted of an earlier walk shows that everything is as it was before."""
    async with chain.database.read() as connection:
        [head] = (await connection.execute(select(audit_head))).mappings()
    await chain.append()
    known = await chain.check()

    async def put_back(connection: AsyncConnection) -> None:
        await connection.execute(delete(audit).where(audit.c.number > ENTRIES))
        await connection.execute(update(audit_head).values(**head))

    await chain.database.write(put_back)
    assert (await chain.check()).fault is None
    found = await chain.check((known.number, known.mac))
    assert found.fault == f"entry {ENTRIES + 1} is missing"
    await chain.append(another=1)
    found = await chain.check((known.number, known.mac))
    assert found.fault == f"entry {ENTRIES + 1} is not the one that is known"


async def test_another_key_cannot_write_it(chain: Chain) -> None:
    """Who lacks the index key appends nothing that the walk takes."""
    stranger = Vault(KeyFile.generate(), StoredDataKeys(chain.database))
    log = AuditLog(stranger, SystemClock())
    await chain.database.write(lambda c: log.append(c, AuditEvent.SIGNED_OUT, "li", {}))
    found = await chain.check()
    assert found.fault == f"entry {ENTRIES + 1} is not as it was written"


async def test_several_writers_make_one_chain(chain: Chain) -> None:
    """Processes that append at the same moment wait for each other."""
    url = chain.database.engine.url.render_as_string(hide_password=False)
    others = [Chain(open_database(url), chain.vault, chain.log, chain.loop) for _ in range(4)]
    await asyncio.gather(*(one.append(by=n) for n, one in enumerate(others) for _ in range(10)))
    for other in others:
        await other.database.close()
    found = await chain.check()
    assert (found.number, found.fault) == (ENTRIES + 40, None)


async def test_the_first_entries_at_once_make_one_chain(
    database: Database, vault: Vault, log: AuditLog
) -> None:
    """Also the head is made once, whoever comes first."""
    url = database.engine.url.render_as_string(hide_password=False)
    loop = asyncio.get_running_loop()
    writers = [Chain(open_database(url), vault, log, loop) for _ in range(6)]
    await asyncio.gather(*(one.append() for one in writers))
    assert (await writers[0].check()) == await Chain(database, vault, log, loop).check()
    assert (await writers[0].check()).number == 6
    for one in writers:
        await one.database.close()


async def test_what_fails_is_not_told_of(chain: Chain) -> None:
    """An entry is in the transaction of what it tells of: undone with it."""

    async def work(connection: AsyncConnection) -> None:
        row = {"name": "x", "role": "agent", "token_digest": b"", "created_at": None}
        await chain.log.append(connection, AuditEvent.ACCOUNT_MADE, "li", {})
        await connection.execute(insert(accounts).values(row))

    with pytest.raises(DBAPIError):
        await chain.database.write(work)
    found = await chain.check()
    assert (found.number, found.fault) == (ENTRIES, None)


async def test_reading_by_number_actor_and_event(chain: Chain) -> None:
    """The newest come first; each filter narrows."""
    await chain.append(AuditEvent.EXPORTED, rows=9)
    async with chain.database.read() as connection:
        everything = await read_audit(connection, limit=100)
        exported = await read_audit(connection, event=AuditEvent.EXPORTED, limit=100)
        nobody = await read_audit(connection, actor="zhang", limit=100)
        older = await read_audit(connection, before=4, actor="li", limit=2)
    assert [line["number"] for line in everything] == list(range(ENTRIES + 1, 0, -1))
    assert [line["detail"] for line in exported] == [{"rows": 9}]
    assert nobody == []
    assert [line["number"] for line in older] == [3, 2]
