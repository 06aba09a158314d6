"""The composition root: the place that chooses implementations and wires them."""

import gc
import socket
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from datetime import timedelta
from enum import StrEnum
from typing import Final

import structlog
from aiohttp import web

from channels.registry import configured_channels
from gateway.accounts.accounts import Accounts
from gateway.bell import Bell
from gateway.catalogue import CatalogueFolder
from gateway.confirmation.confirm import ConfirmationDesk
from gateway.confirmation.deadlines import Deadlines
from gateway.conversation.transcript import Transcripts
from gateway.dispatch.relay import Relay
from gateway.dispatch.streams import Streams, connect
from gateway.dispatch.valkey import EmbeddedValkey
from gateway.foundation import Foundation, attachment_store, foundation, media_reader, reply_sender
from gateway.intake.attachments import Attachments
from gateway.intake.calls import LOOK_EVERY, Calls
from gateway.intake.inbox import Inbox
from gateway.intake.judging import Judge, Rules
from gateway.intake.listening import Listening
from gateway.intake.open_ticket import TicketOpener
from gateway.intake.own_tickets import OwnTickets
from gateway.intake.quarantine import Quarantine
from gateway.intake.receiving import Receiving
from gateway.intake.triage_processes import TriageProcesses
from gateway.intake.uploads import Uploads
from gateway.leases import Lease
from gateway.repeats.comparing import Comparer, shipped_commonness
from gateway.settings import Settings, SettingsError
from gateway.supervision import EndlessTasks
from gateway.web.attempts import Attempts
from gateway.web.limits import SenderLimits
from gateway.web.parts import OperationParts, Ping, WebParts
from gateway.web.server import Runner, build_application
from models.bundle import shipped_folder
from triage.taxonomy import Catalogue

log = structlog.get_logger(__name__)
_DRAIN_SECONDS: Final = 20.0


class ServeRole(StrEnum):
    """What a process does; one without roles does everything."""

    WEB = "web"
    TRIAGE = "triage"
    MEDIA = "media"
    RELAY = "relay"
    CLOCK = "clock"


async def serve(
    settings: Settings,
    roles: Collection[ServeRole] = tuple(ServeRole),
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serve the roles until SIGTERM or SIGINT, then drain; `ready` hears the port."""
    async with foundation(settings, sealing=True) as base, AsyncExitStack() as stack:
        stack.callback(base.traces.close)
        service = _Service(base, frozenset(roles), stack)
        port = await service.start()
        log.info("serving", roles=sorted(roles), host=settings.host, port=port)
        if ready is not None:
            ready(port)
        await service.tasks.until_stopped()
        log.info("draining")


class _Service:
    """One process: its parts, its endless tasks, and the order in which they end."""

    def __init__(
        self, base: Foundation, roles: frozenset[ServeRole], stack: AsyncExitStack
    ) -> None:
        self._base = base
        self._roles = roles
        self._stack = stack
        self._accepted = Bell(base.clock)
        self._decided = Bell(base.clock)
        self.tasks = EndlessTasks(stack)

    async def start(self) -> int:
        """Start everything, what others need first; return the port that is served."""
        settings, base = self._base.settings, self._base
        if base.database.is_embedded and self._roles != frozenset(ServeRole):
            raise SettingsError(
                "JIESU_DATABASE_URL: a process with only some roles needs PostgreSQL; the embedded "
                "SQLite is for one process with all of them"
            )
        texts, catalogue = self._catalogue().load()
        redis_url = await self._redis_url()
        streams = Streams(lambda: connect(redis_url), settings.groups)
        self._stack.push_async_callback(streams.close)
        triage = TriageProcesses(
            settings.models_dir or shipped_folder(),
            texts,
            settings.automatic_error,
            settings.triage_processes,
            base.metrics,
        )
        self._stack.callback(triage.close)
        attachments = Attachments(
            attachment_store(settings), base.vault, settings.data_dir / "scratch", settings.max_file
        )
        await attachments.start()
        desk = ConfirmationDesk(
            base.database,
            base.clock,
            base.rules,
            timedelta(seconds=settings.undo_seconds),
            frozenset(catalogue.units),
            self._decided,
        )
        rules = Rules(catalogue)
        self._watch_catalogue(triage, rules, desk)
        self._channels = configured_channels(settings)
        self._stack.push_async_callback(self._channels.close)
        self._inbox = Inbox(
            base.database,
            base.vault,
            base.clock,
            self._accepted,
            surge=settings.surge,
            joining=timedelta(minutes=settings.conversation_minutes),
        )
        self._judge = Judge(triage, rules)
        self._calls = Calls(base.database, base.vault, base.clock, self._inbox, self._judge)
        await self._start_workers(streams, triage, rules)
        if ServeRole.MEDIA in self._roles:
            reader = media_reader(base, attachments, self._channels, self._accepted)
            self.tasks.run(reader.run(), "media")
        pings: dict[str, Ping] = {"redis": streams.ping}
        if self._roles & {ServeRole.WEB, ServeRole.TRIAGE}:
            await triage.start()
            pings["triage"] = triage.ping
        parts = None
        if ServeRole.WEB in self._roles:
            parts = self._web_parts(attachments, triage, desk, rules)
        operations = OperationParts(
            base.clock,
            base.metrics,
            base.traces,
            base.database,
            {"database": base.database.ping, "attachments": attachments.ping},
            pings,
        )
        return await self._listen(build_application(operations, parts))

    def _catalogue(self) -> CatalogueFolder:
        settings = self._base.settings
        last_good = settings.data_dir / "catalogue.last-good"
        self._folder = CatalogueFolder(settings.catalogue, last_good, self._base.clock)
        return self._folder

    def _watch_catalogue(
        self, triage: TriageProcesses, rules: Rules, desk: ConfirmationDesk
    ) -> None:
        def take_over(texts: dict[str, str], catalogue: Catalogue) -> None:
            triage.replace_catalogue(texts)
            rules.catalogue = catalogue
            desk.units = frozenset(catalogue.units)

        self._folder.on_change = take_over
        self.tasks.run(self._folder.watch(), "catalogue")

    async def _redis_url(self) -> str:
        settings, base = self._base.settings, self._base
        if settings.redis_url is not None:
            return settings.redis_url
        if self._roles != frozenset(ServeRole):
            raise SettingsError(
                "JIESU_REDIS_URL: a process with only some roles needs a Redis that the others "
                "reach too"
            )
        valkey = EmbeddedValkey(settings.data_dir, base.clock, base.metrics)
        await valkey.start()
        self._stack.push_async_callback(valkey.stop)
        self.tasks.run(valkey.watch(), "valkey")
        return f"unix://{valkey.socket}"

    async def _start_workers(self, streams: Streams, triage: TriageProcesses, rules: Rules) -> None:
        base, settings = self._base, self._base.settings
        if ServeRole.RELAY in self._roles:
            lease = Lease(base.database, base.clock, "relay")
            bell, metrics, traces = self._decided, base.metrics, base.traces
            relay = Relay(
                base.database, streams, base.clock, base.rules, lease, bell, metrics, traces
            )
            self.tasks.run(relay.run(), "relay")
            replies = reply_sender(base, self._channels, rules.unit_name)
            self.tasks.run(replies.run(), "replies")
        if ServeRole.CLOCK in self._roles:
            lease = Lease(base.database, base.clock, "clock")
            deadlines = Deadlines(
                base.database, base.clock, base.rules, lease, self._decided, base.metrics
            )
            self.tasks.run(deadlines.run(), "clock")
            lease = Lease(base.database, base.clock, "calls")
            watch = lease.work(self._calls.look_after, LOOK_EVERY, "calls cannot be looked after")
            self.tasks.run(watch, "calls")
        if ServeRole.TRIAGE in self._roles:
            opener = TicketOpener(
                base.database,
                base.vault,
                base.clock,
                triage,
                rules.tier,
                base.rules,
                self._accepted,
                self._decided,
                base.metrics,
                base.traces,
                batch=settings.triage_batch,
                parallel=settings.triage_processes + 1,
            )
            self.tasks.run(opener.run(), "triage")
            lease = Lease(base.database, base.clock, "repeats")
            common = shipped_commonness()
            comparer = Comparer(base.database, base.clock, base.rules, lease, common)
            self.tasks.run(comparer.run(), "repeats")

    def _web_parts(
        self,
        attachments: Attachments,
        triage: TriageProcesses,
        desk: ConfirmationDesk,
        rules: Rules,
    ) -> WebParts:
        base, settings = self._base, self._base.settings
        quarantine = Quarantine(base.database, base.vault, base.clock)
        inbox, files = self._inbox, settings.max_files
        receiving = Receiving(
            inbox, self._calls, quarantine, attachments, base.metrics, max_files=files
        )
        self._listen_to_channels(receiving)
        uploads = Uploads(settings.data_dir / "uploads", attachments, base.vault, base.clock)
        self.tasks.run(uploads.sweep_endlessly(), "uploads")
        return WebParts(
            settings=settings,
            clock=base.clock,
            metrics=base.metrics,
            database=base.database,
            vault=base.vault,
            inbox=self._inbox,
            attachments=attachments,
            uploads=uploads,
            own=OwnTickets(base.database, base.vault, base.clock, self._decided),
            channels=self._channels,
            receiving=receiving,
            triage=triage,
            accounts=Accounts(base.database, base.vault, base.clock),
            desk=desk,
            attempts=Attempts(),
            limits=SenderLimits(settings, self._judge, rules.tier_of),
            transcripts=Transcripts(base.database, base.vault, base.clock, rules.unit_name),
            matters=lambda: rules.catalogue.matters.matters,
            unit_name=rules.unit_name,
        )

    def _listen_to_channels(self, receiving: Receiving) -> None:
        base = self._base
        for channel, ears in self._channels.that_listen():
            lease = Lease(base.database, base.clock, f"listen:{channel.name}")
            listening = Listening(channel, ears, receiving, lease, base.clock)
            self.tasks.run(listening.run(), f"listening to {channel.name}")

    async def _listen(self, application: web.Application) -> int:
        settings = self._base.settings
        # What has been built stays: the collector need not walk through it, for 0.1 s each time.
        gc.collect()
        gc.freeze()
        runner = Runner(application, access_log=None, shutdown_timeout=_DRAIN_SECONDS)
        await runner.setup()
        # Ended first: no new request while the others finish what they do.
        self._stack.push_async_callback(runner.cleanup)
        try:
            site = web.TCPSite(runner, settings.host, settings.port, backlog=1024)
            await site.start()
        except (OSError, socket.gaierror) as error:
            raise SettingsError(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): "
                "set JIESU_HOST and JIESU_PORT to an address that is free"
            ) from None
        port: int = runner.addresses[0][1]
        return port
