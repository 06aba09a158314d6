"""The audit log for auditors; reading it is told in it."""

from datetime import datetime
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.body import Words, faults_of
from gateway.accounts.audit import AuditEvent, read_audit
from gateway.web.parts import ACCOUNT, PARTS
from gateway.web.problems import field_problem


class AuditEntry(BaseModel):
    """One entry of the log."""

    number: int
    at: datetime
    event: AuditEvent
    actor: str = Field(description="an account; `command line`, `clock`, or `nobody` known")
    detail: dict[str, Any]


class AuditEntries(BaseModel):
    """Entries, the newest first."""

    entries: list[AuditEntry]


class AuditQuery(BaseModel):
    """What may be asked of the log."""

    model_config = ConfigDict(extra="forbid")

    before: int | None = Field(None, ge=1, le=2**62, description="only entries before this one")
    actor: Words | None = Field(None, min_length=1, max_length=64)
    event: AuditEvent | None = None
    limit: int = Field(100, ge=1, le=1000)


async def list_audit(request: web.Request) -> web.Response:
    """List entries of the audit log; that they were read becomes one itself."""
    parts, reader = request.app[PARTS], request[ACCOUNT].name
    try:
        query = AuditQuery.model_validate(dict(request.query))
    except ValidationError as error:
        raise field_problem(faults_of(error)) from None

    async def work(connection: AsyncConnection) -> list[dict[str, Any]]:
        found = await read_audit(connection, **query.model_dump())
        asked = query.model_dump(mode="json", exclude_none=True)
        await parts.audit.append(connection, AuditEvent.AUDIT_READ, reader, asked)
        return found

    entries = await parts.database.write(work)
    return web.Response(
        body=orjson.dumps({"entries": entries}, option=orjson.OPT_UTC_Z),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
