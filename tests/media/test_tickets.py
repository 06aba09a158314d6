"""From a picture to a ticket that was triaged by what stands in it, and what may go wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from channels.message import RemoteMedium, Reporter
from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import KeyFile, Vault
from gateway.clock import SystemClock
from gateway.intake.media.child_process import MediaChild
from gateway.intake.media.findings import Note
from gateway.observability.metrics import Metrics
from gateway.tickets import schema
from gateway.tickets.database import Database
from gateway.tickets.document import TicketDocument, dump_document
from gateway.tickets.store import Happening, save
from gateway.tickets.workflow import Confirmation, Status
from tests.dispatch.line import Line, running_line
from tests.media.bench import MOST, Bench
from tests.media.conftest import WORD
from tests.media.made import NOTICE, encoded, notice, photo, speech_model, tone, video
from tests.servers import QueueServer
from triage.decision import Tier

WHOLE = "真实判断"
"""Makes triage say what the model says."""


@pytest.fixture
async def line(database: Database, vault: Vault, valkey: QueueServer) -> AsyncIterator[Line]:
    """Everything from the inbox to the streams."""
    async with running_line(database, vault, valkey.url, share=0) as found:
        yield found


@pytest.fixture
async def bench(line: Line, tmp_path: Path) -> AsyncIterator[Bench]:
    """The line with the role `media`, whose model hears one word."""
    model = speech_model(tmp_path / "model", WORD)
    child = MediaChild(tmp_path / "scratch", model, SystemClock(), Metrics())
    yield Bench(line, tmp_path, child)
    await child.close()


async def test_a_notice_in_a_picture_decides(bench: Bench) -> None:
    """The ticket goes out on its words; read, the picture gives it tier, unit and place."""
    number = await bench.tell(f"看图，{WHOLE}", photo(notice()))
    await bench.line.look()
    before = await bench.line.ticket(number)
    assert (before.tier, before.district) == (Tier.GENERAL, None)
    await bench.read_all()
    await bench.line.look()
    after = await bench.line.ticket(number)
    assert (after.tier, after.district) == (Tier.LIVELIHOOD, "district-haidian")
    assert after.matter == "tap-water-out"
    events = await bench.line.events(number)
    assert events == ["received", "triaged", "published", "medium_read", "triaged", "published"]
    [first] = await bench.line.entries(Tier.GENERAL)
    [second] = await bench.line.entries(Tier.LIVELIHOOD)
    assert int(second["version"]) > int(first["version"])
    assert (second["change"], first["ticket"]["media"][0]["text"]) == ("changed", None)
    document = await bench.document(number)
    del document["history"]
    told = TicketDocument.model_validate_json(dump_document(document))
    [medium] = told.media
    assert medium.text == "\n".join(NOTICE)
    assert medium.facts["latitude"] == 39.985
    [view] = medium.derived
    assert (view["kind"], view["media_type"]) == ("view", "image/jpeg")
    shown = b"".join([piece async for piece in bench.attachments.read(view["address"])])
    assert shown.startswith(b"\xff\xd8")
    assert told.decision is not None
    [matter] = [reason for reason in told.decision.reasons if reason.kind == "matter"]
    assert matter.source == medium.id
    assert "停水" in medium.text[matter.start : matter.end]


async def test_a_sign_in_a_video_decides(bench: Bench) -> None:
    """What is shown and what is said are both read."""
    shown = video([notice("海淀区柳荫小区", "水龙头一滴水也没有")], seconds=2, sound=True)
    number = await bench.tell(f"看视频，{WHOLE}", shown)
    await bench.read_all()
    [medium] = (await bench.document(number))["media"]
    assert medium["text"].splitlines() == ["海淀区柳荫小区", "水龙头一滴水也没有", WORD]
    assert (await bench.line.ticket(number)).tier is Tier.EMERGENCY
    assert [item["kind"] for item in medium["derived"]] == ["poster"]


async def test_people_in_pictures_are_masked(bench: Bench) -> None:
    """Telephones and the reporter's name are tokens; the number is found by its index."""
    picture = encoded(notice("联系人欧阳小红", "电话13800138000"))
    number = await bench.tell("看图", picture, reporter=Reporter("欧阳小红"))
    await bench.read_all()
    [row] = await bench.media(number)
    assert row.masked_text == "联系人[诉求人]\n电话[电话]"
    original = await bench.line.vault.open(row.sealed_text, f"medium/{row.id}/text")
    assert original.decode() == "联系人欧阳小红\n电话13800138000"
    digest = bench.line.vault.digest("phone", "13800138000")
    async with bench.line.database.read() as connection:
        people = schema.people.c
        found = await connection.execute(select(people.source).where(people.digest == digest))
        assert [item.source for item in found] == ["medium"]


async def test_the_tier_rises_and_never_falls(bench: Bench) -> None:
    """An emergency that is said makes the ticket one; harmless words change nothing of it."""
    number = await bench.tell("路灯不亮", tone(1))
    await bench.line.look()
    assert (await bench.line.ticket(number)).tier is Tier.GENERAL
    bench.line.triage.finds[WORD] = {"tier": "emergency"}
    await bench.read_all()
    await bench.line.look()
    assert (await bench.line.ticket(number)).tier is Tier.EMERGENCY
    [entry] = await bench.line.entries(Tier.EMERGENCY)
    assert (entry["ticket_id"], entry["change"]) == (number, "changed")
    bench.line.triage.finds.clear()
    await bench.line.accept("没事了", edits="key-1")
    await bench.line.triage_all()
    assert (await bench.line.ticket(number)).tier is Tier.EMERGENCY


async def test_what_an_agent_confirmed_stays_but_for_the_tier(bench: Bench) -> None:
    """Words that come later do not overrule a person."""
    number = await bench.tell("路灯不亮", tone(1))
    choice = {"unit": "transport"}
    before = await bench.line.ticket(number)
    await bench.line.desk.confirm(number, "agent-07", before.version, choice)
    bench.line.triage.finds[WORD] = {"tier": "emergency", "unit": "fire-rescue"}
    await bench.read_all()
    after = await bench.line.ticket(number)
    assert (after.tier, after.unit) == (Tier.EMERGENCY, "transport")
    assert after.confirmation is Confirmation.AGENT


async def test_a_zip_named_like_a_picture_is_only_an_attachment(bench: Bench) -> None:
    """The type is told from the content, so nobody tries to read it."""
    number = await bench.tell("看图", b"PK\x03\x04" + bytes(1000))
    assert await bench.media(number) == []
    [file] = (await bench.document(number))["attachments"]
    assert file["media_type"] == "application/zip"


async def test_the_same_content_is_read_once(bench: Bench) -> None:
    """What another citizen sent before is taken over, sealed anew, masked for this reporter."""
    sound = tone(1)
    first = await bench.tell("第一个人", sound)
    await bench.read_all()
    assert bench.child is not None
    await bench.child.close()
    second = await bench.tell("第二个人", sound, reporter=Reporter(WORD))
    await bench.read_all()
    assert bench.child.pid is None
    [one], [other] = await bench.media(first), await bench.media(second)
    assert (one.masked_text, other.masked_text) == (WORD, "[诉求人]")
    assert (one.facts, one.derived) == (other.facts, other.derived)
    assert one.line_starts == other.line_starts == [0.0]
    opened = await bench.line.vault.open(other.sealed_text, f"medium/{other.id}/text")
    assert opened.decode() == WORD
    assert (await bench.line.events(second)).count("medium_read") == 1


async def test_what_was_erased_is_read_anew(bench: Bench) -> None:
    """Words that are no longer kept cannot be taken over: the same content is read again."""
    sound = tone(1)
    await bench.tell("第一个人", sound)
    await bench.read_all()
    table = schema.media
    await bench.line.database.write(lambda c: c.execute(update(table).values(sealed_text=b"")))
    second = await bench.tell("第二个人", sound)
    await bench.read_all()
    [medium] = await bench.media(second)
    opened = await bench.line.vault.open(medium.sealed_text, f"medium/{medium.id}/text")
    assert (medium.masked_text, opened.decode()) == (WORD, WORD)


async def test_media_are_fetched_from_their_vendor(bench: Bench) -> None:
    """What lies elsewhere is kept as an attachment of its message, and then read."""
    bench.vendor.holds["voice-1"] = tone(1)
    number = await bench.send("听录音", "voice-1")
    assert (await bench.document(number))["media"][0]["address"] is None
    await bench.read_all()
    document = await bench.document(number)
    [medium], [file] = document["media"], document["attachments"]
    assert (medium["text"], medium["media_type"]) == (WORD, "audio/x-wav")
    assert (file["address"], file["message"]) == (medium["address"], medium["message"])


async def test_the_platforms_transcript_is_triaged_at_once(bench: Bench) -> None:
    """It counts before the sound has been fetched, is not heard again, and stays if that fails."""
    bench.line.triage.finds["井盖"] = {"unit": "transport"}
    bench.vendor.holds |= {"voice-1": tone(1), "voice-2": None}
    media = tuple(RemoteMedium(name, transcript="井盖不见了") for name in bench.vendor.holds)
    number = await bench.line.triaged("听录音", media=media)
    assert (await bench.line.ticket(number)).unit == "transport"
    await bench.read_all()
    rows = await bench.media(number)
    assert [row.masked_text for row in rows] == ["井盖不见了"] * 2
    assert [row.note for row in rows] == [None, Note.CANNOT_BE_FETCHED]
    assert (await bench.line.events(number)).count("triaged") == 1


async def test_a_fetch_that_fails_is_tried_again_and_then_noted(bench: Bench) -> None:
    """The pauses grow; the ticket was published on its words long before."""
    bench.vendor.fails = 5
    number = await bench.send("路灯不亮", "voice-1")
    await bench.line.look()
    assert len(await bench.line.all_entries()) == 1
    for tries, pause in enumerate((5, 60, 600, 3600), start=1):
        await bench.read_all()
        assert len(bench.vendor.asked) == tries
        bench.line.later(seconds=pause - 1)
        await bench.read_all()
        assert len(bench.vendor.asked) == tries
        bench.line.later(seconds=1)
    await bench.read_all()
    [medium] = (await bench.document(number))["media"]
    assert (medium["note"], medium["text"]) == (Note.CANNOT_BE_FETCHED, None)
    history = await bench.line.history(number)
    assert history[-1]["event"] == "medium_unread"
    assert history[-1]["detail"]["note"] == "cannot-be-fetched"
    assert not await bench.reader.step()


async def test_a_fetch_that_failed_once_loses_nothing(bench: Bench) -> None:
    """The second try gives the words."""
    bench.vendor.holds["voice-1"] = tone(1)
    bench.vendor.fails = 1
    number = await bench.send("听录音", "voice-1")
    await bench.read_all()
    bench.line.later(seconds=5)
    await bench.read_all()
    assert (await bench.document(number))["media"][0]["text"] == WORD


async def test_what_is_gone_or_too_large_is_noted_at_once(bench: Bench) -> None:
    """Trying again would not help."""
    bench.vendor.holds |= {"gone": None, "large": bytes(MOST + 1), "empty": b""}
    number = await bench.send("看图", *bench.vendor.holds)
    await bench.read_all()
    rows = await bench.media(number)
    assert [row.note for row in rows] == [Note.CANNOT_BE_FETCHED, Note.TOO_LARGE, Note.DAMAGED]
    assert all(row.done_at is not None and row.attempts == 1 for row in rows)


async def test_a_url_inside_is_noted(bench: Bench) -> None:
    """A channel that cannot fetch leaves it to URLs, and these only lead outside."""
    bench.vendor.name = "another"
    bench.reader = bench.another_reader()
    number = await bench.send("看图", "http://127.0.0.1/picture.jpg")
    await bench.read_all()
    assert (await bench.document(number))["media"][0]["note"] == Note.REFUSED_ADDRESS


async def test_whoever_dies_leaves_the_medium_to_others(bench: Bench) -> None:
    """Claimed and never finished, it is read when the lease is over, once."""
    number = await bench.tell("听录音", tone(1))
    rows = bench.reader.rows
    dead = await rows.claim()
    assert dead is not None
    assert await rows.claim() is None
    bench.line.later(minutes=2)
    await bench.read_all()
    assert (await bench.document(number))["media"][0]["text"] == WORD
    assert not await rows.finish(dead, {"note": "damaged"}, [], reopens=True)
    [row] = await bench.media(number)
    assert (row.note, row.attempts) == (None, 2)
    assert (await bench.line.events(number)).count("medium_read") == 1


async def test_two_roles_never_claim_the_same(bench: Bench) -> None:
    """Side by side they take one medium each."""
    await bench.tell("听录音", tone(1), tone(1.5))
    claims = await asyncio.gather(*(bench.another_reader().rows.claim() for _ in range(3)))
    assert len({claim.id for claim in claims if claim is not None}) == 2


async def test_dying_after_the_fetch_does_not_fetch_again(bench: Bench) -> None:
    """What was fetched is an attachment already; killed before it is read, only that is done."""
    bench.vendor.holds["voice-1"] = tone(1)
    number = await bench.send("听录音", "voice-1")
    claim = await bench.reader.rows.claim()
    assert claim is not None
    await bench.reader._fetched(claim)
    bench.line.later(minutes=2)
    await bench.read_all()
    document = await bench.document(number)
    assert (len(bench.vendor.asked), len(document["attachments"])) == (1, 1)
    assert document["media"][0]["text"] == WORD


async def test_a_child_that_dies_is_not_the_end(bench: Bench) -> None:
    """The medium is tried again later, and noted at last if it kills every child."""
    assert bench.child is not None
    number = await bench.tell("听录音", tone(1))

    class Deadly(MediaChild):
        """Its process never answers."""

        async def _answer(self, process: asyncio.subprocess.Process) -> object:  # type: ignore[override]
            process.kill()
            return await super()._answer(process)

    deadly = Deadly(bench.child._scratch, None, SystemClock(), Metrics())
    bench.reader = bench.another_reader(deadly)
    for pause in (5, 60, 600, 3600, 0):
        await bench.read_all()
        bench.line.later(seconds=pause)
    [row] = await bench.media(number)
    assert (row.note, row.attempts) == (Note.NOT_READABLE, 5)
    assert deadly.pid is None


async def test_stopping_gives_the_medium_back(bench: Bench) -> None:
    """A role that is told to stop leaves it to be read at once, as if it had not begun."""
    number = await bench.send("听录音", "voice-1")
    waiting = asyncio.Event()

    async def hangs(reference: str) -> AsyncIterator[bytes]:
        waiting.set()
        await asyncio.Event().wait()
        yield b""

    bench.vendor.fetch = hangs  # type: ignore[method-assign]
    step = asyncio.create_task(bench.reader.step())
    await waiting.wait()
    step.cancel()
    await asyncio.wait({step})
    [row] = await bench.media(number)
    assert (row.attempts, row.not_before) == (0, bench.line.clock.now())


async def test_without_the_extra_media_are_kept_and_noted(bench: Bench) -> None:
    """They are fetched, so that none is lost, and the ticket says why nobody has read them."""
    bench.child = None
    bench.reader = bench.another_reader()
    bench.vendor.holds["voice-1"] = tone(1)
    number = await bench.send("听录音", "voice-1")
    await bench.read_all()
    document = await bench.document(number)
    assert document["media"][0]["note"] == Note.EXTRA_MISSING
    assert len(document["attachments"]) == 1


async def test_words_of_media_outlive_a_rotation(bench: Bench) -> None:
    """Sealed before new keys came, they open after it."""
    number = await bench.tell("听录音", tone(1))
    await bench.read_all()
    [row] = await bench.media(number)
    stored = StoredDataKeys(bench.line.database)
    old: KeyFile = bench.line.vault._key_file
    fresh = old.rotated()
    await stored.wrap_anew(fresh)
    vault = Vault(fresh, stored)
    await vault.load()
    assert (await vault.open(row.sealed_text, f"medium/{row.id}/text")).decode() == WORD


async def test_a_closed_ticket_is_not_opened_again(bench: Bench) -> None:
    """Its medium is read all the same, for whoever looks it up; triage need not."""
    number = await bench.tell("听录音", tone(1))
    closed = replace(await bench.line.ticket(number), status=Status.WITHDRAWN)
    happening = Happening(closed, "withdrawn", "citizen", bench.line.clock.now())
    await bench.line.database.write(lambda c: save(c, [happening]))
    await bench.read_all()
    assert (await bench.document(number))["media"][0]["text"] == WORD
    assert (await bench.line.events(number))[-2:] == ["withdrawn", "medium_read"]
    assert await bench.line.ticket(number) == closed
