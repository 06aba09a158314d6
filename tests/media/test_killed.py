"""A whole gateway that is killed again and again while it reads a picture."""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_process import GatewayProcess
from tests.media.made import NOTICE, encoded, notice
from tests.media.test_child import wait_until_gone
from tests.web.wire import file_part, form, text_part

pytestmark = pytest.mark.kills


def ask(gateway: GatewayProcess, statement: str) -> list[Any]:
    """Return the rows of a query to the gateway's database."""
    database = f"file:{gateway.folder}/jiesu.sqlite3?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as connection:
        return connection.execute(statement).fetchall()


def children(gateway: GatewayProcess) -> list[int]:
    """Return the numbers of the gateway's media processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        assert gateway.child is not None
        if f"media.child\0{gateway.child.pid}\0".encode() in command:
            found.append(int(entry.name))
    return found


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


def test_kill_nine_at_any_step_loses_nothing(gateway: GatewayProcess) -> None:
    """Killed before the claim, while the child starts and while it reads, it is read once."""
    gateway.start()
    body = form(text_part("text", "请看照片"), file_part("照片.png", encoded(notice())))
    headers = {"Content-Type": "multipart/form-data; boundary=border"}
    status, receipt = gateway.request("POST", "/api/v1/appeals", body, headers)
    assert status == 201, receipt
    gateway.kill()

    gateway.start()
    until(lambda: children(gateway))
    [first] = children(gateway)
    os.kill(first, signal.SIGKILL)

    until(lambda: [pid for pid in children(gateway) if pid != first])
    left = children(gateway)
    gateway.kill()
    for pid in left:
        wait_until_gone(pid)
    assert list((gateway.folder / "scratch").iterdir()) == []

    gateway.start()
    done = "SELECT masked_text, note, attempts, derived FROM media WHERE done_at IS NOT NULL"
    until(lambda: ask(gateway, done))
    [(text, note, _, derived)] = ask(gateway, done)
    assert (text, note) == ("\n".join(NOTICE), None)
    assert [item["kind"] for item in json.loads(derived)] == ["view"]
    matters = f"SELECT matter FROM tickets WHERE id = '{receipt['ticket_id']}' AND NOT needs_triage"
    until(lambda: ask(gateway, matters) == [("tap-water-out",)])
    events = [event for (event,) in ask(gateway, "SELECT event FROM history ORDER BY number")]
    assert events.count("medium_read") == 1
    assert NOTICE[1] not in gateway.log.read_text()
    gateway.terminate()
    assert children(gateway) == []
