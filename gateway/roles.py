"""What each role of a process works at, besides serving pages."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum

from channels.registry import Channels
from gateway.bell import Bell
from gateway.confirmation.deadlines import Deadlines
from gateway.dispatch.relay import Relay
from gateway.dispatch.streams import Streams
from gateway.foundation import Foundation, code_sender, media_reader, reply_sender, retention
from gateway.intake.attachments import Attachments
from gateway.intake.calls import LOOK_EVERY, Calls
from gateway.intake.judging import Rules
from gateway.intake.open_ticket import TicketOpener
from gateway.intake.triage_processes import TriageProcesses
from gateway.leases import Lease
from gateway.oversight.hours import HourKeeper
from gateway.oversight.search_index import SearchIndex
from gateway.repeats.comparing import Comparer, shipped_commonness
from gateway.supervision import EndlessTasks


class ServeRole(StrEnum):
    """What a process does; one without roles does everything."""

    WEB = "web"
    TRIAGE = "triage"
    MEDIA = "media"
    RELAY = "relay"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class RoleParts:
    """What the roles of one process share."""

    base: Foundation
    channels: Channels
    calls: Calls
    triage: TriageProcesses
    rules: Rules
    accepted: Bell
    decided: Bell
    tasks: EndlessTasks
    stack: AsyncExitStack

    def lease(self, job: str) -> Lease:
        """Return the right to do a job, which one process at a time has."""
        return Lease(self.base.database, self.base.clock, job)


def run_relay(parts: RoleParts, streams: Streams) -> None:
    """Publish what is decided, and tell citizens what is to be told."""
    base = parts.base
    relay = Relay(
        base.database,
        streams,
        base.clock,
        base.rules,
        parts.lease("relay"),
        parts.decided,
        base.metrics,
        base.traces,
    )
    parts.tasks.run(relay.run(), "relay")
    replies = reply_sender(base, parts.channels, parts.rules.unit_name)
    parts.tasks.run(replies.run(), "replies")
    if (codes := code_sender(base)) is not None:
        parts.stack.push_async_callback(codes.sender.close)
        parts.tasks.run(codes.run(), "codes")


def run_clock(parts: RoleParts) -> None:
    """Look after due times, silent calls, figures, the search, and what is kept too long."""
    base = parts.base
    deadlines = Deadlines(
        base.database, base.clock, base.rules, parts.lease("clock"), parts.decided, base.metrics
    )
    parts.tasks.run(deadlines.run(), "clock")
    look, complaint = parts.calls.look_after, "calls cannot be looked after"
    parts.tasks.run(parts.lease("calls").work(look, LOOK_EVERY, complaint), "calls")
    parts.tasks.run(HourKeeper(base.database, base.clock, parts.lease("hours")).run(), "hours")
    index = SearchIndex(base.database, base.clock, parts.lease("search"))
    parts.tasks.run(index.run(), "search")
    if base.settings.keep_people_days:
        parts.tasks.run(retention(base), "retention")


def run_triage(parts: RoleParts) -> None:
    """Decide on what was accepted, and compare it with all others."""
    base, settings = parts.base, parts.base.settings
    opener = TicketOpener(
        base.database,
        base.vault,
        base.clock,
        parts.triage,
        parts.rules.tier,
        base.rules,
        parts.accepted,
        parts.decided,
        base.metrics,
        base.traces,
        batch=settings.triage_batch,
        parallel=settings.triage_processes + 1,
    )
    parts.tasks.run(opener.run(), "triage")
    comparer = Comparer(
        base.database, base.clock, base.rules, parts.lease("repeats"), shipped_commonness()
    )
    parts.tasks.run(comparer.run(), "repeats")


def run_media(parts: RoleParts, attachments: Attachments) -> None:
    """Read what stands in media."""
    reader = media_reader(parts.base, attachments, parts.channels, parts.accepted)
    parts.tasks.run(reader.run(), "media")
