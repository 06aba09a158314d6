"""The role `media`: fetches and reads what came with appeals, one after another."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO, Final

import orjson
import structlog

from channels.message import Reporter
from gateway.accounts.keys import Vault
from gateway.bell import Bell
from gateway.clock import Clock
from gateway.intake.attachments import (
    AttachmentDamaged,
    AttachmentMissing,
    Attachments,
    EmptyFile,
    FileTooLarge,
)
from gateway.intake.drafting import READABLE, words_of_medium
from gateway.intake.masking import numbers_in
from gateway.intake.media.child_process import ChildFailed, MediaChild, chunks_of
from gateway.intake.media.claims import Claim, MediaRows
from gateway.intake.media.fetching import Fetcher
from gateway.intake.media.findings import Findings, Note, Unreadable
from gateway.observability.metrics import Metrics
from gateway.tickets.sealing import medium_context, reporter_context

log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = 1.0
_PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 60, 600, 3600))
_FETCHED_WITHIN: Final = 300.0


@dataclass(slots=True)
class MediaReader:
    """Reads the media that are due; several of them may work side by side over one database."""

    rows: MediaRows
    vault: Vault
    clock: Clock
    attachments: Attachments
    fetcher: Fetcher
    child: MediaChild | None
    """None without the extra `media`: then everything is fetched and kept, and nothing read."""
    accepted: Bell
    metrics: Metrics

    async def run(self) -> None:
        """Work until cancelled; what is away is tried again."""
        if self.child is None:
            log.warning("media are kept but not read: install the extra `media`")
        try:
            await self.rows.forget_leases()
            while True:
                try:
                    busy = await self.step()
                except Exception as error:
                    log.error("media cannot be claimed", error=type(error).__name__)
                    busy = False
                if not busy:
                    await self.clock.sleep(_LOOK_EVERY)
        finally:
            if self.child is not None:
                await self.child.close()

    async def step(self) -> bool:
        """Read one medium and return when that is stored; return whether there was one."""
        claim = await self.rows.claim()
        if claim is None:
            return False
        lease = asyncio.create_task(self.rows.keep_on(claim), name="lease of a medium")
        try:
            await self._work(claim)
        except asyncio.CancelledError:
            await self.rows.put_off(claim, timedelta(), uncounted=True)
            raise
        finally:
            lease.cancel()
            await asyncio.wait({lease})
        return True

    async def _work(self, claim: Claim) -> None:
        why = Note.NOT_READABLE
        try:
            if claim.address is None:
                why = Note.CANNOT_BE_FETCHED
                claim = await self._fetched(claim)
                why = Note.NOT_READABLE
            if not await self._take_over(claim):
                await self._read(claim)
        except Unreadable as error:
            await self._give_up(claim, error.note)
        except (AttachmentMissing, AttachmentDamaged):
            await self._give_up(claim, Note.DAMAGED)
        except Exception as error:
            reason = str(error) if isinstance(error, ChildFailed) else type(error).__name__
            log.warning("a medium failed", ticket_id=claim.ticket_id, medium=claim.id, why=reason)
            if claim.attempts > len(_PAUSES):
                await self._give_up(claim, why)
            else:
                self._count(claim, "retried")
                await self.rows.put_off(claim, _PAUSES[claim.attempts - 1])

    async def _fetched(self, claim: Claim) -> Claim:
        assert claim.sealed_reference is not None
        context = medium_context(claim.id, "reference")
        reference = (await self.vault.open(claim.sealed_reference, context)).decode()
        sealed_name = claim.sealed_name or b""
        name = (await self.vault.open(sealed_name, medium_context(claim.id, "name"))).decode()
        try:
            async with (
                asyncio.timeout(_FETCHED_WITHIN),
                aclosing(self.fetcher.fetch(claim.channel, reference)) as pieces,
            ):
                file = await self.attachments.keep(name, pieces)
        except FileTooLarge:
            raise Unreadable(Note.TOO_LARGE) from None
        except EmptyFile:
            raise Unreadable(Note.DAMAGED) from None
        return await self.rows.fetched(claim, file)

    async def _take_over(self, claim: Claim) -> bool:
        """Take what was found in the same content before; return whether there was any."""
        if claim.sealed_text is not None:
            return False  # its vendor has told what is said in it
        before = await self.rows.read_before(str(claim.address))
        if before is None:
            return False
        text = ""
        if before.sealed_text == b"":
            return False  # it held words that are no longer kept
        if before.sealed_text is not None:
            context = medium_context(before.id, "text")
            text = (await self.vault.open(before.sealed_text, context)).decode()
        found = Findings(
            text=text,
            line_starts=before.line_starts or [],
            facts=before.facts,
            note=before.note,
        )
        await self._finish(claim, found, before.derived or [], None)
        return True

    async def _read(self, claim: Claim) -> None:
        media_type = claim.media_type or ""
        if not media_type.startswith(READABLE):
            raise Unreadable(Note.NOT_READABLE)
        if self.child is None:
            raise Unreadable(Note.EXTRA_MISSING)
        transcript = await self._transcript(claim)
        content = self.attachments.read(str(claim.address))
        async with (
            aclosing(content) as pieces,
            self.child.read(pieces, media_type, transcript) as (found, made),
        ):
            derived = await self._keep_derived(found, made)
        await self._finish(claim, found, derived, transcript)

    async def _transcript(self, claim: Claim) -> str | None:
        if claim.sealed_text is None:
            return None
        return (await self.vault.open(claim.sealed_text, medium_context(claim.id, "text"))).decode()

    async def _keep_derived(self, found: Findings, made: BinaryIO) -> list[dict[str, str]]:
        if found.derived is None:
            return []
        file = await self.attachments.keep(found.derived.kind, chunks_of(made))
        if file.media_type != found.derived.media_type:
            raise ChildFailed("what was made is not what it is said to be")
        told = {"kind": found.derived.kind, "media_type": found.derived.media_type}
        return [{**told, "address": file.address}]

    async def _finish(
        self, claim: Claim, found: Findings, derived: list[Any], transcript: str | None
    ) -> None:
        text = found.text.replace("\0", "")  # PostgreSQL keeps none
        people = [
            {
                "kind": kind,
                "digest": self.vault.digest(kind, value),
                "ticket_id": claim.ticket_id,
                "source": "medium",
            }
            for kind, value in sorted(set(numbers_in(text)))
        ]
        values: dict[str, Any] = {"note": found.note, "facts": found.facts, "derived": derived}
        if text or not found.note:
            reporter = await self._reporter(claim)
            values |= words_of_medium(claim.id, text, reporter, self.vault)
            values["line_starts"] = found.line_starts
        news = bool(text) and text != transcript
        if await self.rows.finish(claim, values, people, reopens=news):
            self._count(claim, found.note or "read")
            if news:
                self.accepted.ring()

    async def _give_up(self, claim: Claim, note: Note) -> None:
        """Note why; a transcript that the vendor gave stays."""
        values: dict[str, Any] = {"note": note}
        if claim.address is not None:
            values["facts"] = {}
        if await self.rows.finish(claim, values, [], reopens=False):
            self._count(claim, note)

    async def _reporter(self, claim: Claim) -> Reporter | None:
        if claim.sealed_reporter is None:
            return None
        context = reporter_context(claim.message)
        return Reporter(**orjson.loads(await self.vault.open(claim.sealed_reporter, context)))

    def _count(self, claim: Claim, outcome: str) -> None:
        kind = (claim.media_type or "unknown/").partition("/")[0]
        self.metrics.media.labels(kind, outcome).inc()
