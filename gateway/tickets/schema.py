"""The tables. Those named at the end are appended to, never edited."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gateway.tickets.times import UtcDateTime

NEEDS_TRIAGE: ColumnElement[Any] = literal_column("needs_triage")
"""The condition of the partial index, for queries too: SQLite uses it only for the very words."""

WAITS_FOR_AGENT: ColumnElement[Any] = literal_column(
    "status IN ('awaiting_confirmation', 'dispatched') "
    "AND confirmation IN ('none', 'clock', 'emergency')"
)
"""The same for what no agent has confirmed yet."""

RUNNING: ColumnElement[Any] = literal_column("running")
"""The same for the surge that has not ended."""

Document = JSON().with_variant(JSONB(), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("key_id", String(64), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)

ticket_numbers = Table(
    "ticket_numbers",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("next", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("channel", String(32), nullable=False),
    Column("message_id", String(256), nullable=False),
    Column("ticket_id", String(16), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("masked_text", Text, nullable=False),
    Column("mask_spans", Document, nullable=False),
    Column("place", Document),
    Column("body_digest", LargeBinary, nullable=False),
    Column("sealed_text", LargeBinary, nullable=False),
    Column("sealed_reporter", LargeBinary),
    Column("sealed_raw", LargeBinary, nullable=False),
    Column("conversation", LargeBinary),
    Column("sealed_reply_to", LargeBinary),
    UniqueConstraint("channel", "message_id"),
    Index(None, "ticket_id"),
    Index(
        "ix_messages_conversation",
        "conversation",
        sqlite_where=text("conversation IS NOT NULL"),
        postgresql_where=text("conversation IS NOT NULL"),
    ),
)

people = Table(
    "people",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("ticket_id", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Index(None, "digest"),
    Index(None, "ticket_id"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("message", String(32), nullable=False),
    Column("ticket_id", String(16), nullable=False),
    Column("address", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Index(None, "ticket_id"),
    Index(None, "address"),
)

media = Table(
    "media",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("message", String(32), nullable=False),
    Column("ticket_id", String(16), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("sealed_reference", LargeBinary),
    Column("sealed_name", LargeBinary),
    Column("address", String(64)),
    Column("size", BigInteger),
    Column("media_type", String(128)),
    Column("attempts", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("note", String(128)),
    Column("done_at", UtcDateTime),
    Column("facts", Document),
    Column("derived", Document),
    Column("masked_text", Text),
    Column("mask_spans", Document),
    Column("sealed_text", LargeBinary),
    Column("line_starts", Document),
    Index(None, "ticket_id"),
    Index(None, "address"),
    Index(
        "ix_media_not_before",
        "not_before",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)
"""What pictures, sound and video hold; a medium that is still to be fetched has no address."""

calls = Table(
    "calls",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("channel", String(32), nullable=False),
    Column("call", String(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("look_at", UtcDateTime),
    Column("sealed_state", LargeBinary, nullable=False),
    UniqueConstraint("channel", "call"),
    Index(
        "ix_calls_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)
"""Telephone calls as they are told; `look_at` is when to look after one that went silent."""

replies = Table(
    "replies",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("ticket_id", String(16), nullable=False),
    Column("message", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("event", String(24), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("doubts", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("note", String(128)),
    Column("done_at", UtcDateTime),
    Column("answer", String(32)),
    Column("question", String(32)),
    Index(None, "ticket_id"),
    Index(
        "ix_replies_not_before",
        "not_before",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)
"""What citizens are told where they asked, one row a reply; sent after the commit."""

verifications = Table(
    "verifications",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("asker", LargeBinary, nullable=False),
    Column("phone", LargeBinary, nullable=False),
    Column("sealed_phone", LargeBinary, nullable=False),
    Column("sealed_code", LargeBinary, nullable=False),
    Column("asked_on", String(16)),
    Column("ticket_id", String(16)),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("used_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Index(None, "asker"),
    Index(None, "phone"),
    Index(
        "ix_verifications_not_before",
        "not_before",
        sqlite_where=text("sent_at IS NULL"),
        postgresql_where=text("sent_at IS NULL"),
    ),
)
"""One-time codes by which somebody shows that a number is theirs from which a call was made.

`ticket_id` is that call's; without one no code is sent, and none is right. `asked_on` is the ticket
of the conversation that asked.
"""

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("query_digest", LargeBinary, nullable=False),
    Column("sealed_query_code", LargeBinary, nullable=False),
    Column("status", String(24), nullable=False),
    Column("version", Integer, nullable=False),
    Column("accepted_at", UtcDateTime, nullable=False),
    Column("surge", Boolean, nullable=False),
    Column("complex", Boolean, nullable=False),
    Column("kind", String(16)),
    Column("topic", String(32)),
    Column("matter", String(64)),
    Column("tier", String(16)),
    Column("route", String(16)),
    Column("unit", String(64)),
    Column("supporting_units", Document, nullable=False),
    Column("district", String(64)),
    Column("street", String(64)),
    Column("untriaged", Boolean, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("confirmation", String(16), nullable=False),
    Column("confirmed_by", String(64)),
    Column("confirmed_at", UtcDateTime),
    Column("dispatch_due_at", UtcDateTime),
    Column("acknowledge_due_at", UtcDateTime),
    Column("report_due_at", UtcDateTime),
    Column("dispatched_at", UtcDateTime),
    Column("dispatched_unit", String(64)),
    Column("warn_at", UtcDateTime),
    Column("publish_at", UtcDateTime),
    Column("needs_triage", Boolean, nullable=False),
    Column("triage_attempts", Integer, nullable=False),
    Column("triage_not_before", UtcDateTime),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("cluster", String(16)),
    Column("split_from", String(16)),
    Column("confidence", Float),
    Index(
        "ix_tickets_cluster",
        "cluster",
        sqlite_where=text("cluster IS NOT NULL"),
        postgresql_where=text("cluster IS NOT NULL"),
    ),
    Index(
        "ix_tickets_needs_triage",
        "accepted_at",
        sqlite_where=NEEDS_TRIAGE,
        postgresql_where=NEEDS_TRIAGE,
    ),
    Index(
        "ix_tickets_warn_at",
        "warn_at",
        sqlite_where=text("warn_at IS NOT NULL"),
        postgresql_where=text("warn_at IS NOT NULL"),
    ),
    Index(
        "ix_tickets_publish_at",
        "publish_at",
        sqlite_where=text("publish_at IS NOT NULL"),
        postgresql_where=text("publish_at IS NOT NULL"),
    ),
    Index("ix_tickets_status", "status", "dispatch_due_at"),
    Index(None, "accepted_at"),
    Index(
        "ix_tickets_waiting",
        "dispatch_due_at",
        sqlite_where=WAITS_FOR_AGENT,
        postgresql_where=WAITS_FOR_AGENT,
    ),
    Index(
        "ix_tickets_open311",
        "accepted_at",
        sqlite_where=text("channel = 'open311'"),
        postgresql_where=text("channel = 'open311'"),
    ),
)

to_compare = Table(
    "to_compare",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), nullable=False),
    Column("senders", LargeBinary, nullable=False),
)
"""Tickets with new words, written with them: what is still to be compared with all others.

Senders are the first 8 bytes of each digest by which this one is known again.
"""

sketches = Table(
    "sketches",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("ticket_id", String(16), nullable=False, unique=True),
    Column("sketch", LargeBinary, nullable=False),
)
"""What a ticket's words are compared by, numbered in the order in which they came."""

sketch_keys = Table(
    "sketch_keys",
    metadata,
    Column("key", Number, primary_key=True, autoincrement=False),
    Column("newest", LargeBinary, nullable=False),
)
"""Under each rare pair of characters, and each sender, the numbers of the newest sketches."""

clusters = Table(
    "clusters",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("size", Integer, nullable=False),
)
"""How many tickets each cluster has, so that a small one joins a large one."""

cluster_links = Table(
    "cluster_links",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), nullable=False),
    Column("other", String(16), nullable=False),
    Column("score", Integer, nullable=False),
    Column("reason", Document, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "ticket_id"),
)
"""Why a ticket is in its cluster: the ticket that it is like, how much in thousandths, by what."""

repeats = Table(
    "repeats",
    metadata,
    Column("ticket_id", String(16), primary_key=True),
    Column("first", String(16), nullable=False),
    Column("found_at", UtcDateTime, nullable=False),
    Column("merged_at", UtcDateTime),
    Column("settled_at", UtcDateTime),
    Column("merged_by", String(64)),
    Index(None, "first"),
    Index(
        "ix_repeats_found_at",
        "found_at",
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
)
"""The same words again from the same sender within a day; not settled while the first waits.

`merged_by` is the agent who merged two tickets by hand, whatever their words and senders.
"""

decisions = Table(
    "decisions",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), ForeignKey("tickets.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("model", String(128), nullable=False),
    Column("decision", Document, nullable=False),
    Index(None, "ticket_id"),
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), ForeignKey("tickets.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("event", String(16), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("choice", Document, nullable=False),
    Column("before", Document, nullable=False),
    Index(None, "ticket_id"),
    Index(None, "at"),
)

answers = Table(
    "answers",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("ticket_id", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("entry", String(64)),
    Column("entry_version", Integer),
    Column("agent", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("sealed_text", LargeBinary, nullable=False),
    Index(None, "ticket_id"),
)
"""What citizens were answered on the spot, word for word, and by which entry."""

claims = Table(
    "claims",
    metadata,
    Column("ticket_id", String(16), primary_key=True),
    Column("agent", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("handed_by", String(64)),
    Column("note", Text),
)
"""Who is at work on a ticket, and until when; a claim whose time is over counts as none.

`handed_by` and `note`, which is masked, tell who handed it over, and why.
"""

questions = Table(
    "questions",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("ticket_id", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("agent", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("masked_text", Text, nullable=False),
    Column("sealed_text", LargeBinary, nullable=False),
    Index(None, "ticket_id"),
)
"""What agents asked citizens, in their own words."""

splits = Table(
    "splits",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("masked_text", Text, nullable=False),
    Index(None, "ticket_id"),
    Index(None, "origin"),
)
"""The parts of tickets that were split, one row a part; the first part's ticket is the origin."""

knowledge_edits = Table(
    "knowledge_edits",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("entry", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("editor", String(64), nullable=False),
    Column("retired", Boolean, nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("asks", Document, nullable=False),
    Column("topic", String(32), nullable=False),
    Column("unit", String(64), nullable=False),
    Column("source", Document, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("valid_from", String(10)),
    Column("valid_to", String(10)),
    UniqueConstraint("entry", "version"),
)
"""Every version of every entry of the knowledge base; days as ISO 8601, in Asia/Shanghai."""

knowledge_counter = Table(
    "knowledge_counter",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""One row, the number of the last edit; locked by each edit, so that they commit in its order."""

knowledge_vectors = Table(
    "knowledge_vectors",
    metadata,
    Column("edit", Number, primary_key=True, autoincrement=False),
    Column("encoder", String(16), primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
)
"""What an encoder made of an edit's phrasings, float16; can be made again."""
ratings = Table(
    "ratings",
    metadata,
    Column("ticket_id", String(16), ForeignKey("tickets.id"), primary_key=True),
    Column("stars", Integer, nullable=False),
    Column("rated_at", UtcDateTime, nullable=False),
    Column("masked_words", Text),
    Column("sealed_words", LargeBinary),
)
"""What citizens say of how their matter was dealt with: 1 to 5 stars, and words if they like."""

surges = Table(
    "surges",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("running", Boolean, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("grounds", Text, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", String(64)),
    Column("closing_grounds", Text),
    Index(
        "uq_surges_running",
        "running",
        unique=True,
        sqlite_where=RUNNING,
        postgresql_where=RUNNING,
    ),
)
"""Spans of time in which calls surge; at most one runs."""

hourly_figures = Table(
    "hourly_figures",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("accepted", Integer, nullable=False),
    Column("confirmed", Document, nullable=False),
)
"""What happened in each hour that is over: how many tickets were accepted, what agents confirmed.

Can be counted again from tickets and confirmations.
"""

search_queue = Table(
    "search_queue",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), nullable=False),
)
"""Tickets with words that the index of the search lacks; written by triggers on the words."""

search_documents = Table(
    "search_documents",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("ticket_id", String(16), nullable=False, unique=True),
)
"""Which ticket stands under which number in `search_words`; the numbers go up with acceptance.

`search_words` itself is a table of its own kind on either database (`gateway/oversight`).
"""
SEARCH_WORDS = ("search_words", "search_words_config", "search_words_data", "search_words_idx")
"""The table, and those that SQLite makes and drops with it."""

search_backfill = Table(
    "search_backfill",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("through", BigInteger, nullable=False),
)
"""One row: up to which message, counted down, the search still lacks what was there before it."""

history = Table(
    "history",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("status", String(24), nullable=False),
    Column("detail", Document, nullable=False),
    Index(None, "ticket_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("ticket_id", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("tier", String(16), nullable=False),
    Column("change", String(16), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("payload", Text, nullable=False),
    Column("published_at", UtcDateTime),
    Column("entry_ms", BigInteger),
    Column("entry_seq", BigInteger),
    UniqueConstraint("ticket_id", "version"),
    Index(
        "ix_outbox_waiting",
        "released",
        "due_at",
        "number",
        sqlite_where=text("published_at IS NULL"),
        postgresql_where=text("published_at IS NULL"),
    ),
    Index("ix_outbox_entry", "tier", "entry_ms", "entry_seq"),
)

stream_positions = Table(
    "stream_positions",
    metadata,
    Column("tier", String(16), primary_key=True),
    Column("entry_ms", BigInteger, nullable=False),
    Column("entry_seq", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("channel", String(32), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sealed_request", LargeBinary, nullable=False),
    Column("replayed_at", UtcDateTime),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("token_digest", LargeBinary, nullable=False, unique=True),
    Column("disabled_at", UtcDateTime),
    Column("unit", String(64)),
    Column("password_hash", String(256)),
    Column("sealed_totp", LargeBinary),
    Column("totp_step", BigInteger),
)
"""`totp_step` is the step of the newest code that was used: no code is used twice."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account", String(64), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index(None, "account"),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("wait_until", UtcDateTime),
)
"""Wrong tries by keyed hash of an account's name, or of an address."""

audit = Table(
    "audit",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("event", String(32), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("detail", Document, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Index(None, "actor"),
)
"""Numbered without gaps; `mac` is over the MAC of the entry before and this one's content."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Number, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
"""One row: number and MAC of the last entry, sealed; who appends holds it locked."""

retention = Table(
    "retention",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("through", BigInteger, nullable=False),
)
"""One row: up to which line of the history people's data has been looked at to be erased."""

schema_steps = Table(
    "schema_steps",
    metadata,
    Column("revision", String(32), primary_key=True),
    Column("phase", String(16), nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
)

APPEND_ONLY = (
    "history", "decisions", "confirmations", "answers", "knowledge_edits", "audit",
)  # fmt: skip
"""Tables whose rows a trigger keeps from being changed or deleted."""
