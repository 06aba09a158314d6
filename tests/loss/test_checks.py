"""The proof can fail: each thing that it must find is found in a run that was tampered with."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.tickets import schema
from tests import servers
from tests.gateway_process import GatewayProcess
from tests.loss import generator
from tests.loss.agent import Confirmed, Minutes
from tests.loss.checks import Checks
from tests.loss.evidence import Evidence, Place, gather_evidence
from tests.loss.feeder import Journal
from tests.loss.proof import GROUPS, Run, ledger_path, settings
from tests.loss.reader import ReaderProcess

_STORIES = 120
_SEED = 7
_DATABASE = "jiesu.sqlite3"
_LEDGER = f"ledger-{GROUPS[0]}.sqlite3"
_ANY = "(SELECT id FROM tickets ORDER BY id LIMIT 1)"
_WITHOUT_FILES = (
    "(SELECT id FROM tickets WHERE id NOT IN (SELECT ticket_id FROM attachments) LIMIT 1)"
)
_OTHERS = ", ".join(column.name for column in schema.tickets.c if column.name != "id")
_FIRST = (
    "SELECT ticket_id, version, unit, tier, confirmation, messages, reader FROM effects LIMIT 1"
)
_COPY = "INSERT INTO effects (ticket_id, version, unit, tier, confirmation, messages, reader)"


@dataclass(frozen=True, slots=True)
class Sample:
    """A small run in which nothing went wrong, with its stores to tamper with."""

    folder: Path
    journal: Journal

    async def evidence(self) -> Evidence:
        """Read the stores."""
        url = f"sqlite+aiosqlite:///{self.folder}/{_DATABASE}"
        ledgers = {group: ledger_path(self.folder, group) for group in GROUPS}
        return await gather_evidence(Place(self.folder, url, ""), ledgers)

    def copy(self, folder: Path) -> "Sample":
        """Return a copy of its own."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("*.sock"))
        return Sample(folder, deepcopy(self.journal))

    def execute(self, database: str, *statements: str) -> None:
        """Tamper with a database."""
        with closing(sqlite3.connect(self.folder / database)) as db, db:
            for statement in statements:
                assert db.execute(statement).rowcount > 0, f"nothing was done by: {statement}"


async def run_sample(folder: Path) -> Journal:
    """Feed a gateway that nobody attacks, and stop it."""
    gateway = GatewayProcess(folder, **settings(confirmed=False))
    socket = f"unix://{folder / 'valkey.sock'}"
    readers = [ReaderProcess(ledger_path(folder, group), socket, group, group) for group in GROUPS]

    async def stop() -> None:
        assert await asyncio.to_thread(gateway.terminate) == 0

    try:
        await asyncio.to_thread(gateway.start)
        for reader in readers:
            reader.start()
        url = f"sqlite+aiosqlite:///{folder}/{_DATABASE}"
        place = Place(folder, url, socket)
        run = Run("sample", place, [gateway], readers, [], stop, stories=_STORIES, seed=_SEED)
        await run.prove()
    finally:
        gateway.kill()
        for reader in readers:
            reader.end()
    return run.journal


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    """A run in which nothing went wrong."""
    with servers.short_folder() as folder:
        yield Sample(folder, asyncio.run(run_sample(folder)))


@pytest.fixture
def tampered(sample: Sample, tmp_path: Path) -> Sample:
    """A copy of the run for one test."""
    return sample.copy(tmp_path / "tampered")


async def complaint(
    sample: Sample,
    minutes: Minutes | None = None,
    change: Callable[[Evidence], None] | None = None,
) -> str:
    """Return what the checks say of the run."""
    evidence = await sample.evidence()
    if change is not None:
        change(evidence)
    told = list(generator.stories(_STORIES, _SEED))
    with pytest.raises(AssertionError) as raised:
        Checks(told, sample.journal, evidence, minutes).all()
    return str(raised.value)


async def test_a_sound_run_passes_when_it_is_read_again(tampered: Sample) -> None:
    """A copy with which nobody tampered is as sound as the run was."""
    told = list(generator.stories(_STORIES, _SEED))
    Checks(told, tampered.journal, await tampered.evidence()).all()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (f"DELETE FROM tickets WHERE id = {_ANY}", "none_missing: 1"),
        (
            f"INSERT INTO tickets (id, {_OTHERS}) SELECT '9' || substr(id, 2), {_OTHERS} "
            f"FROM tickets WHERE id = {_ANY}",
            "none_doubled: 2",
        ),
        (f"DELETE FROM messages WHERE ticket_id = {_WITHOUT_FILES}", "words_kept: 1"),
        (
            "UPDATE messages SET ticket_id = (SELECT max(ticket_id) FROM messages) "
            f"WHERE ticket_id = {_ANY}",
            "words_kept: 2",
        ),
        (f"UPDATE tickets SET needs_triage = 1 WHERE id = {_ANY}", "all_dispatched: 1"),
        (f"UPDATE tickets SET untriaged = 1 WHERE id = {_ANY}", "all_dispatched: 1"),
        (
            f"UPDATE tickets SET status = 'awaiting_confirmation' WHERE id = {_ANY}",
            "all_dispatched: 1",
        ),
        (
            f"UPDATE tickets SET version = version + 1 WHERE id = {_ANY}",
            "last_version_in_effect: 2",
        ),
        (
            f"UPDATE tickets SET dispatched_unit = 'nobody' WHERE id = {_ANY}",
            "last_version_in_effect: 2",
        ),
        (
            "INSERT INTO outbox (ticket_id, version, tier, change, due_at, released, not_before, "
            "payload) SELECT id, version, tier, 'new', accepted_at, 1, accepted_at, '{}' "
            f"FROM tickets WHERE id = {_ANY}",
            "left in the outbox",
        ),
        (
            "INSERT INTO quarantine (id, channel, received_at, reason, sealed_request) "
            f"SELECT id, channel, accepted_at, '', '' FROM tickets WHERE id = {_ANY}",
            "1 messages are in quarantine",
        ),
    ],
)
async def test_a_store_that_lost_or_doubled_something_is_found_out(
    tampered: Sample, statement: str, expected: str
) -> None:
    """Tickets, words, outbox and quarantine are looked at one by one."""
    tampered.execute(_DATABASE, statement)
    assert expected in await complaint(tampered)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM effects WHERE number = (SELECT max(number) FROM effects)", "never reached"),
        (f"{_COPY} {_FIRST}", "took effect twice"),
        (f"{_COPY} {_FIRST.replace('version,', 'version - 1,')}", "took effect after v"),
        (f"{_COPY} {_FIRST.replace('ticket_id,', '1 || substr(ticket_id, 2),')}", "is not stored"),
        ("UPDATE effects SET unit = 'nobody' WHERE number = 1", "the consumer has nobody"),
        ("UPDATE effects SET messages = messages - 1 WHERE number = 1", "the consumer knows"),
    ],
)
async def test_an_effect_that_is_missing_doubled_or_undone_is_found_out(
    tampered: Sample, statement: str, expected: str
) -> None:
    """What a consumer has is compared with the tickets as they are."""
    tampered.execute(_LEDGER, statement)
    assert expected in await complaint(tampered)


@pytest.mark.parametrize("damage", ["removed", "cut"])
async def test_an_attachment_that_cannot_be_read_is_found_out(
    tampered: Sample, damage: str
) -> None:
    """Every file is read and compared with what was sent."""
    file = next((tampered.folder / "attachments").glob("??/??/*"))
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    assert "words_kept: 1" in await complaint(tampered)


async def test_a_receipt_that_was_never_given_is_found_out(tampered: Sample) -> None:
    """A story that was not accepted to its end is named with its key."""
    lost = tampered.journal.accepted.pop()
    found = await complaint(tampered)
    assert "was never accepted" in found
    assert repr(lost.send.key) in found


async def test_two_receipts_for_one_matter_are_found_out(tampered: Sample) -> None:
    """An addition must be answered with the receipt of the ticket that it adds to."""
    accepted = tampered.journal.accepted
    place = next(n for n, item in enumerate(accepted) if item.send.body.get("edits"))
    other = {**accepted[place].receipt, "query_code": "another"}
    accepted[place] = replace(accepted[place], receipt=other)
    assert "one matter, several receipts" in await complaint(tampered)


async def test_a_shared_ticket_is_found_out(tampered: Sample) -> None:
    """Two stories must not get one number."""
    accepted = tampered.journal.accepted
    one, other = (n for n in range(len(accepted)) if accepted[n].story in {0, 1})
    accepted[one] = replace(accepted[one], receipt=accepted[other].receipt)
    assert "was given out for 2 stories" in await complaint(tampered)


async def test_entries_that_stay_on_a_stream_are_found_out(tampered: Sample) -> None:
    """Streams and dead letters are empty at the end."""

    def leave(evidence: Evidence) -> None:
        evidence.streams["jiesu:{dispatch}:dead"] = 1

    assert "1 entries are left on jiesu:{dispatch}:dead" in await complaint(tampered, change=leave)


async def test_an_agent_who_was_not_heard_is_found_out(tampered: Sample) -> None:
    """What an agent was told is confirmed must stand at the end, and everything be confirmed."""
    number = tampered.journal.accepted[0].receipt["ticket_id"]
    minutes = Minutes(confirmed={number: Confirmed(2, "nobody")})
    found = await complaint(tampered, minutes)
    assert f"ticket {number}: v2 for nobody was undone" in found
    assert "was let out by clock, not by an agent" in found
