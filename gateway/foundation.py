"""What every role and every command stands on: settings, clock, database, vault."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog

from channels.registry import Channels
from channels.voice.codes import CodesByPlatform
from gateway.accounts.audit import AuditLog
from gateway.accounts.data_keys import StoredDataKeys
from gateway.accounts.keys import Vault, read_key_file
from gateway.accounts.lockout import Lockout
from gateway.accounts.passwords import Passwords
from gateway.accounts.retention import LOOK_EVERY, Retention
from gateway.accounts.sessions import Sessions
from gateway.accounts.sign_in import SignIn
from gateway.bell import Bell
from gateway.clock import Clock, SystemClock
from gateway.confirmation.asking import AskDesk
from gateway.confirmation.claiming import ClaimDesk
from gateway.confirmation.splitting import SplitDesk
from gateway.conversation.codes import CodeSender
from gateway.conversation.events import UnitName
from gateway.conversation.sending import ReplySender
from gateway.intake.attachments import Attachments, AttachmentStore, FolderStore
from gateway.intake.inbox import TicketNumbers
from gateway.intake.masking import mask
from gateway.intake.media.child_process import MediaChild
from gateway.intake.media.claims import MediaRows
from gateway.intake.media.fetching import Fetcher
from gateway.intake.media.reader import MediaReader
from gateway.intake.media.speech_models import ModelUnknown, model_files
from gateway.intake.media.urls import UrlFetcher
from gateway.knowledge.answering import AnswerDesk
from gateway.knowledge.reader import Reader
from gateway.leases import Lease
from gateway.observability.metrics import Metrics
from gateway.observability.traces import NoTraces, OtlpTraces, Traces
from gateway.oversight.desk import SupervisorsDesk
from gateway.oversight.exporting import Exporter
from gateway.oversight.inflow import SurgeRule
from gateway.oversight.surges import SurgeSwitch
from gateway.settings import Settings, SettingsError
from gateway.tickets.clocks import StartingPoints
from gateway.tickets.database import Database, open_database
from gateway.tickets.migrate import migrate
from gateway.tickets.ticket import ClockRules

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Foundation:
    """What every role and every command stands on."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    traces: Traces
    database: Database
    vault: Vault
    rules: ClockRules


@asynccontextmanager
async def foundation(
    settings: Settings, clock: Clock | None = None, *, sealing: bool = False
) -> AsyncIterator[Foundation]:
    """Give the migrated database and the vault, and close them afterwards.

    Only with `sealing` may people's data be written: it costs a data key of one's own.

    Raises `KeysError`, `SettingsError`, and what the database raises when it is away.
    """
    clock = clock or SystemClock()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    made = settings.keys is None and not (settings.data_dir / "keys.json").exists()
    key_file, path = read_key_file(settings.keys, settings.data_dir)
    if made:
        log.warning(
            "new keys were made: keep a copy apart from the data, without them it cannot be read",
            path=str(path),
        )
    database = open_database(settings.database)
    try:
        await migrate(database, clock)
        vault = Vault(
            key_file,
            StoredDataKeys(database),
            lambda: read_key_file(settings.keys, settings.data_dir)[0],
        )
        await (vault.start() if sealing else vault.load())
        rules = ClockRules(
            StartingPoints(settings.acknowledge_from, settings.report_from),
            settings.publish_unconfirmed_at,
        )
        yield Foundation(settings, clock, Metrics(), _traces(settings), database, vault, rules)
    finally:
        await database.close()


def _traces(settings: Settings) -> Traces:
    if settings.otel_endpoint is None:
        return NoTraces()
    try:
        return OtlpTraces(settings.otel_endpoint)
    except ImportError:
        raise SettingsError(
            "JIESU_OTEL_ENDPOINT: install the extra `otel` (pip install 'jiesu[otel]')"
        ) from None


def attachment_store(settings: Settings) -> AttachmentStore:
    """Return the folder, or the S3 store where its URL is set; raise `SettingsError`."""
    url = settings.attachments_url
    if url is None:
        return FolderStore(settings.data_dir / "attachments")
    if not url.startswith("s3://"):
        raise SettingsError("JIESU_ATTACHMENTS_URL: start it with s3://")
    try:
        from gateway.intake.attachments.s3 import S3Store
    except ImportError:
        raise SettingsError(
            "JIESU_ATTACHMENTS_URL: install the extra `s3` (pip install 'jiesu[s3]')"
        ) from None
    return S3Store(url)


async def started_attachments(base: Foundation) -> Attachments:
    """Return the attachments in their store; raise `SettingsError`."""
    settings = base.settings
    scratch = settings.data_dir / "scratch"
    found = Attachments(attachment_store(settings), base.vault, scratch, settings.max_file)
    await found.start()
    return found


def sign_in(base: Foundation) -> SignIn:
    """Return where people come in."""
    settings = base.settings
    return SignIn(
        base.database,
        base.vault,
        base.clock,
        AuditLog(base.vault, base.clock),
        Sessions(
            base.database,
            base.vault,
            base.clock,
            idle=timedelta(minutes=settings.session_idle_minutes),
            lasting=timedelta(hours=settings.session_hours),
        ),
        Passwords(),
        Lockout(base.vault, base.clock, settings.sign_in_tries),
        settings.second_factor,
    )


def retention(base: Foundation) -> Coroutine[Any, Any, None]:
    """Return the endless work of erasing people's data that is kept no longer."""
    erasing = Retention(
        base.database,
        base.clock,
        AuditLog(base.vault, base.clock),
        timedelta(days=base.settings.keep_people_days),
    )
    lease = Lease(base.database, base.clock, "retention")
    return lease.work(erasing.step, LOOK_EVERY, "people's data cannot be erased")


def reply_sender(base: Foundation, channels: Channels, unit_name: UnitName) -> ReplySender:
    """Return what sends replies to citizens."""
    return ReplySender(
        base.database,
        base.vault,
        base.clock,
        channels,
        unit_name,
        Lease(base.database, base.clock, "replies"),
        base.metrics,
    )


def code_sender(base: Foundation) -> CodeSender | None:
    """Return what sends one-time codes to telephones; None where nobody takes them."""
    url, secret = base.settings.codes_url, base.settings.codes_secret
    if url is None or secret is None:
        return None
    lease = Lease(base.database, base.clock, "codes")
    return CodeSender(base.database, base.vault, base.clock, CodesByPlatform(url, secret), lease)


def answer_desk(base: Foundation, decided: Bell) -> AnswerDesk:
    """Return where agents' answers become versions of tickets."""
    return AnswerDesk(
        base.database,
        base.vault,
        base.clock,
        base.rules,
        decided,
        lambda text: mask(text).text,
    )


def claim_desk(base: Foundation) -> ClaimDesk:
    """Return where agents take tickets, let them go and hand them over."""
    return ClaimDesk(
        base.database,
        base.clock,
        timedelta(seconds=base.settings.claim_seconds),
        timedelta(seconds=base.settings.hand_over_seconds),
        lambda text: mask(text).text,
    )


def supervisors_desk(base: Foundation) -> SupervisorsDesk:
    """Return where supervisors look, search, export, and switch the surge."""
    settings, audit = base.settings, AuditLog(base.vault, base.clock)
    return SupervisorsDesk(
        base.database,
        base.clock,
        audit,
        SurgeSwitch(base.database, base.clock, audit, forced=settings.surge),
        Exporter(base.database, audit),
        SurgeRule(settings.surge_factor, settings.surge_least),
    )


def ask_desk(base: Foundation) -> AskDesk:
    """Return where agents ask citizens."""
    return AskDesk(base.database, base.vault, base.clock, lambda text: mask(text).text)


def split_desk(base: Foundation, accepted: Bell, decided: Bell) -> SplitDesk:
    """Return where agents split tickets."""
    numbers = TicketNumbers(base.database)
    return SplitDesk(base.database, base.vault, base.clock, accepted, decided, numbers)


def sentence_reader(settings: Settings) -> Reader | None:
    """Return what reads sentences for their meaning; None for a bundle that cannot.

    Imports what it needs only now, so that a process which never searches stays small.
    """
    from models.bundle import BundleError, load_bundle, shipped_folder
    from triage.classifier.sentences import SentenceEncoder

    try:
        return SentenceEncoder(load_bundle(settings.models_dir or shipped_folder()))
    except BundleError as error:
        log.warning("the knowledge base is searched by words alone", reason=str(error))
        return None


def media_reader(
    base: Foundation, attachments: Attachments, channels: Channels, accepted: Bell
) -> MediaReader:
    """Return the role `media`, which reads nothing without its extra; raise `SettingsError`."""
    settings = base.settings
    model = settings.speech_model
    child = None
    if all(find_spec(name) for name in ("av", "PIL", "pillow_heif", "rapidocr")):
        if model is not None:
            _check_speech_model(model)
        scratch = settings.data_dir / "scratch"
        child = MediaChild(scratch, model and model.resolve(), base.clock, base.metrics)
    return MediaReader(
        MediaRows(base.database, base.vault, base.clock),
        base.vault,
        base.clock,
        attachments,
        Fetcher(channels, UrlFetcher(settings.media_hosts, settings.max_file)),
        child,
        accepted,
        base.metrics,
    )


def _check_speech_model(folder: Path) -> None:
    if find_spec("sherpa_onnx") is None:
        raise SettingsError(
            "JIESU_SPEECH_MODEL: install the extra `speech` (pip install 'jiesu[speech]')"
        )
    try:
        model_files(folder)
    except (ModelUnknown, OSError) as error:
        raise SettingsError(f"JIESU_SPEECH_MODEL: {error}") from None
