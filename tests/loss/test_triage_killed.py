"""A killed triage process costs no ticket its decision, however little there is to do."""

import asyncio
import os
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess
from tests.loss.attacks import triage_children, until
from tests.loss.evidence import Place, gather_evidence, open_work
from tests.loss.proof import settings

pytestmark = pytest.mark.kills


async def test_the_first_ticket_after_triage_was_killed_is_triaged(
    gateway: GatewayProcess,
) -> None:
    """The process that is gone is replaced, and the appeal that found it gone goes to the next."""
    gateway.settings |= settings(confirmed=False)
    await asyncio.to_thread(gateway.start)
    assert gateway.child is not None
    pid = gateway.child.pid
    place = Place(gateway.folder, f"sqlite+aiosqlite:///{gateway.folder}/jiesu.sqlite3", "")
    for _ in range(3):
        await until(lambda: triage_children(pid))
        (child,) = triage_children(pid)
        os.kill(child, signal.SIGKILL)
        await until(partial(_is_gone, child))
        body = {"text": "楼上水管裂了，水顺着墙流进我家"}
        status, _ = await asyncio.to_thread(gateway.request, "POST", "/api/v1/appeals", body)
        assert status == 201
        await _wait_until_triaged(place)
    assert gateway.terminate() == 0
    tickets = (await gather_evidence(place, {})).tickets.values()
    assert [row.untriaged for row in tickets] == [False, False, False]


async def _wait_until_triaged(place: Place) -> None:
    for _ in range(200):
        if not (await open_work(place))["to triage"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nobody triages the ticket")


def _is_gone(pid: int) -> bool:
    """Return whether the process has ended, reaped or not."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
