"""The composition root: the place that chooses implementations and wires them."""

import gc
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog

from channels.registry import configured_channels
from gateway.accounts.accounts import Accounts
from gateway.accounts.audit import AuditLog
from gateway.accounts.looking import Looking
from gateway.accounts.people import People
from gateway.bell import Bell
from gateway.catalogue import CatalogueFolder
from gateway.confirmation.confirm import ConfirmationDesk
from gateway.confirmation.merging import MergeDesk
from gateway.confirmation.picking import UnitPicker
from gateway.conversation.transcript import Transcripts
from gateway.dispatch.streams import Streams, connect
from gateway.dispatch.valkey import EmbeddedValkey
from gateway.foundation import (
    Foundation,
    answer_desk,
    ask_desk,
    claim_desk,
    foundation,
    sentence_reader,
    sign_in,
    split_desk,
    started_attachments,
    supervisors_desk,
)
from gateway.intake.attachments import Attachments
from gateway.intake.calls import Calls
from gateway.intake.current_calls import CurrentCalls
from gateway.intake.inbox import Inbox
from gateway.intake.joining import Joining
from gateway.intake.judging import Judge, Rules
from gateway.intake.listening import Listening
from gateway.intake.own_tickets import OwnTickets
from gateway.intake.quarantine import Quarantine
from gateway.intake.receiving import Receiving
from gateway.intake.triage_processes import TriageProcesses
from gateway.intake.uploads import Uploads
from gateway.knowledge.base import KnowledgeBase
from gateway.knowledge.store import EntryStore
from gateway.leases import Lease
from gateway.roles import RoleParts, ServeRole, run_clock, run_media, run_relay, run_triage
from gateway.settings import Settings, SettingsError
from gateway.supervision import EndlessTasks
from gateway.web.attempts import Attempts
from gateway.web.limits import SenderLimits
from gateway.web.live import Live
from gateway.web.parts import OperationParts, Ping, WebParts
from gateway.web.server import Runner, build_application
from models.bundle import shipped_folder
from triage.taxonomy import Catalogue

log = structlog.get_logger(__name__)


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
        attachments = await started_attachments(base)
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
            codes=settings.codes_url is not None,
        )
        self._judge = Judge(triage, rules)
        joining = Joining(base.database, base.vault, base.clock)
        self._calls = Calls(
            base.database, base.vault, base.clock, self._inbox, joining, self._judge
        )
        shared = RoleParts(
            base,
            self._channels,
            self._calls,
            triage,
            rules,
            self._accepted,
            self._decided,
            self.tasks,
            self._stack,
        )
        if ServeRole.RELAY in self._roles:
            run_relay(shared, streams)
        if ServeRole.CLOCK in self._roles:
            run_clock(shared)
        if ServeRole.TRIAGE in self._roles:
            run_triage(shared)
        if ServeRole.MEDIA in self._roles:
            run_media(shared, attachments)
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
        # What has been built stays: the collector need not walk through it, for 0.1 s each time.
        gc.collect()
        gc.freeze()
        runner = Runner(build_application(operations, parts))
        # Ended first: no new request while the others finish what they do.
        self._stack.push_async_callback(runner.cleanup)
        return await runner.listen(settings.host, settings.port)

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

    def _web_parts(
        self,
        attachments: Attachments,
        triage: TriageProcesses,
        desk: ConfirmationDesk,
        rules: Rules,
    ) -> WebParts:
        base, settings = self._base, self._base.settings
        audit = AuditLog(base.vault, base.clock)
        entries = EntryStore(base.database, base.clock)
        quarantine = Quarantine(base.database, base.vault, base.clock)
        receiving = Receiving(
            self._inbox,
            self._calls,
            quarantine,
            attachments,
            base.metrics,
            max_files=settings.max_files,
        )
        self._listen_to_channels(receiving)
        uploads = Uploads(settings.data_dir / "uploads", attachments, base.vault, base.clock)
        self.tasks.run(uploads.sweep_endlessly(), "uploads")
        live = Live(base.database, base.clock, rules.unit_name)
        self.tasks.run(live.run(), "live")
        return WebParts(
            settings=settings,
            clock=base.clock,
            metrics=base.metrics,
            database=base.database,
            vault=base.vault,
            inbox=self._inbox,
            attachments=attachments,
            uploads=uploads,
            own=OwnTickets(base.database, base.vault, base.clock, self._decided, base.rules),
            channels=self._channels,
            receiving=receiving,
            triage=triage,
            accounts=Accounts(base.database, base.vault, base.clock),
            sign_in=sign_in(base),
            people=People(base.database, base.vault, audit),
            looking=Looking(base.database, audit, base.clock),
            audit=audit,
            desk=desk,
            claims=claim_desk(base),
            asking=ask_desk(base),
            splitting=split_desk(base, self._accepted, self._decided),
            merging=MergeDesk(base.database, base.clock, base.rules, self._decided),
            attempts=Attempts(),
            limits=SenderLimits(settings, self._judge, rules.tier_of),
            transcripts=Transcripts(base.database, base.vault, base.clock, rules.unit_name),
            entries=entries,
            knowledge=self._knowledge(entries),
            answers=answer_desk(base, self._decided),
            supervisors=supervisors_desk(base),
            matters=lambda: rules.catalogue.matters.matters,
            unit_name=rules.unit_name,
            live=live,
            area_name=rules.area_name,
            calls=CurrentCalls(base.database, base.vault, base.clock, triage),
            units=UnitPicker(lambda: rules.catalogue),
        )

    def _knowledge(self, entries: EntryStore) -> KnowledgeBase:
        settings, clock = self._base.settings, self._base.clock
        knowledge = KnowledgeBase(entries, clock, lambda: sentence_reader(settings))
        self._stack.callback(knowledge.close)
        self.tasks.run(knowledge.run(), "knowledge")
        return knowledge

    def _listen_to_channels(self, receiving: Receiving) -> None:
        base = self._base
        for channel, ears in self._channels.that_listen():
            lease = Lease(base.database, base.clock, f"listen:{channel.name}")
            listening = Listening(channel, ears, receiving, lease, base.clock)
            self.tasks.run(listening.run(), f"listening to {channel.name}")
