"""What the handlers work with, handed over by the composition root."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from channels.registry import Channels
from gateway.accounts.accounts import Accounts
from gateway.accounts.audit import AuditLog
from gateway.accounts.keys import Vault
from gateway.accounts.looking import Looking
from gateway.accounts.people import People
from gateway.accounts.permissions import Account
from gateway.accounts.sign_in import SignIn
from gateway.clock import Clock
from gateway.confirmation.asking import AskDesk
from gateway.confirmation.claiming import ClaimDesk
from gateway.confirmation.confirm import ConfirmationDesk
from gateway.confirmation.merging import MergeDesk
from gateway.confirmation.picking import UnitPicker
from gateway.confirmation.splitting import SplitDesk
from gateway.conversation.events import UnitName
from gateway.conversation.transcript import Transcripts
from gateway.intake.attachments import Attachments
from gateway.intake.current_calls import CurrentCalls
from gateway.intake.inbox import Inbox
from gateway.intake.own_tickets import OwnTickets
from gateway.intake.receiving import Receiving
from gateway.intake.triage_processes import TriageProcesses
from gateway.intake.uploads import Uploads
from gateway.knowledge.answering import AnswerDesk
from gateway.knowledge.base import KnowledgeBase
from gateway.knowledge.store import EntryStore
from gateway.observability.metrics import Metrics
from gateway.observability.traces import Traces
from gateway.oversight.desk import SupervisorsDesk
from gateway.settings import Settings
from gateway.tickets.database import Database
from gateway.web.attempts import Attempts
from gateway.web.limits import SenderLimits
from gateway.web.live import Live
from triage.rules.matters import Matter

Ping = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class OperationParts:
    """What the routes for operators need; every role has them."""

    clock: Clock
    metrics: Metrics
    traces: Traces
    database: Database
    essential: Mapping[str, Ping]
    """Without these nothing can be accepted: their absence makes the process not ready."""
    helpful: Mapping[str, Ping]
    """Without these intake goes on: their absence is told as degraded."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """What the routes for citizens, vendors and agents need."""

    settings: Settings
    clock: Clock
    metrics: Metrics
    database: Database
    vault: Vault
    inbox: Inbox
    attachments: Attachments
    uploads: Uploads
    own: OwnTickets
    channels: Channels
    receiving: Receiving
    triage: TriageProcesses
    accounts: Accounts
    sign_in: SignIn
    people: People
    looking: Looking
    audit: AuditLog
    desk: ConfirmationDesk
    claims: ClaimDesk
    merging: MergeDesk
    asking: AskDesk
    splitting: SplitDesk
    attempts: Attempts
    limits: SenderLimits
    transcripts: Transcripts
    entries: EntryStore
    knowledge: KnowledgeBase
    answers: AnswerDesk
    supervisors: SupervisorsDesk
    matters: Callable[[], Sequence[Matter]]
    """The dispatch catalogue of the moment."""
    unit_name: UnitName
    area_name: UnitName
    units: UnitPicker
    live: Live
    calls: CurrentCalls


OPERATIONS: web.AppKey[OperationParts] = web.AppKey("operations", OperationParts)
PARTS: web.AppKey[WebParts] = web.AppKey("parts", WebParts)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
ACCOUNT: web.RequestKey[Account] = web.RequestKey("account", Account)
SESSION: web.RequestKey[str] = web.RequestKey("session", str)
