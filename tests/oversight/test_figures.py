"""The day's figures, counted by the hour, are those of the tickets; exports hold nobody's data."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from channels.message import Reporter
from gateway.accounts.audit import AuditEvent, AuditLog, read_audit
from gateway.oversight.exporting import BOM, Exported, Exporter, Span, cell
from gateway.oversight.hours import HourKeeper, kept_hours
from gateway.oversight.overview import Day, overview, today
from tests.dispatch.line import START, Line
from tests.oversight.conftest import counted


async def figures(line: Line, day: date | None = None) -> dict[str, Any]:
    """The overview of a day."""
    now = line.clock.now()
    async with line.database.read() as connection:
        return await overview(connection, day or today(now), now)


async def test_the_day_at_a_glance(line: Line, keeper: HourKeeper) -> None:
    """What was accepted, dispatched, confirmed and corrected is counted, live and later alike."""
    line.triage.finds["停水"] = {"unit": "water-supply", "tier": "livelihood"}
    kept = [await line.triaged(text) for text in ("停水一天", "楼道堆物", "楼道又堆物")]
    for number, choice in zip(kept, ({}, {"unit": "fire-rescue"}, {}), strict=True):
        await line.desk.confirm(number, "wang", (await line.ticket(number)).version, choice)
    await line.desk.undo(kept[2], "wang")
    line.later(minutes=1)
    await line.publish()
    line.later(hours=1)
    await line.accept("路灯不亮")
    live = await figures(line)
    assert live["accepted"] == 4
    hours = [item["accepted"] for item in live["hours"] if item["accepted"] is not None]
    assert [count for count in hours if count] == [3, 1]
    assert {item["name"]: item["count"] for item in live["tiers"]} == {
        None: 1, "general": 2, "livelihood": 1
    }  # fmt: skip
    assert {item["name"] for item in live["units"]} == {"water-supply", "fire-rescue"}
    assert live["agents"] == [{"agent": "wang", "confirmed": 2, "corrected": 1, "per_hour": 2.0}]
    assert (live["agreement"]["confirmed"], live["agreement"]["share"]) == (2, 0.5)
    shares = {item["field"]: item["share"] for item in live["agreement"]["fields"]}
    assert (shares["unit"], shares["tier"]) == (0.5, 1)
    line.later(hours=2)
    await counted(keeper)
    later = await figures(line)
    assert {name: later[name] for name in ("accepted", "agents", "agreement")} == {
        name: live[name] for name in ("accepted", "agents", "agreement")
    }


async def test_what_is_about_to_breach(line: Line) -> None:
    """What waits is told by how long it has, the one that runs out first on top."""
    line.triage.finds["停水"] = {"tier": "livelihood"}
    late = await line.triaged("停水一天")
    line.later(hours=1, minutes=30)
    soon = await line.triaged("停水两天")
    line.later(minutes=31)
    found = await figures(line)
    [waiting] = found["waiting"]
    assert waiting == {
        "tier": "livelihood", "overdue": 1, "within_15_minutes": 0, "within_1_hour": 0,
        "within_4_hours": 1, "all": 2,
    }  # fmt: skip
    assert [item["ticket_id"] for item in found["due_next"]] == [late, soon]


async def test_clusters_are_told_with_what_they_have_in_common(line: Line) -> None:
    """A matter of many people is one card, with its size and its words."""
    told = "海淀区柳荫小区五号楼从昨晚起停水,水龙头一滴水也没有"
    for number, end in enumerate(("急", ",老人孩子都没水喝", ",请尽快来修")):
        await line.accept(told + end, reporter=Reporter(phone=f"1391111222{number}"))
    await line.compare_all()
    [cluster] = (await figures(line))["clusters"]
    assert (cluster["today"], cluster["tickets"]) == (3, 3)
    assert cluster["words"]


async def test_hours_are_counted_once_they_are_over(line: Line, keeper: HourKeeper) -> None:
    """A present hour is not; what an hour had stays, and every hour since the first has its row."""
    await line.accept("灯不亮")
    line.later(hours=1, minutes=14)
    await counted(keeper)
    async with line.database.read() as connection:
        assert await kept_hours(connection, START, START + timedelta(days=2)) == []
    line.later(days=1)
    await counted(keeper)
    async with line.database.read() as connection:
        hours = await kept_hours(connection, START, START + timedelta(days=2))
    assert [hour.accepted for hour in hours] == [1, *[0] * 23]


def test_a_day_is_one_of_beijing() -> None:
    """It begins at 16:00 UTC of the day before."""
    day = Day.of(date(2026, 11, 23))
    assert (day.start.isoformat(), day.end - day.start) == (
        "2026-11-22T16:00:00+00:00", timedelta(days=1)
    )  # fmt: skip


async def _exported(line: Line, what: Exported, **options: Any) -> tuple[bytes, list[list[str]]]:
    exporter = Exporter(line.database, AuditLog(line.vault, line.clock))
    pieces = [piece async for piece in exporter.export(what, Span(), "chen", **options)]
    content = b"".join(pieces)
    return content, list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


async def test_exports_hold_masked_words_and_nobodys_data(line: Line) -> None:
    """Neither names nor numbers are in them, and the audit log tells who took them."""
    reporter = Reporter(name="苏念慈", phone="13911112222", address="柳荫小区五号楼")
    number = await line.triaged("=我是苏念慈,电话13911112222,停水", reporter=reporter)
    line.later(seconds=1)
    undone = await line.triaged("楼道堆物")
    for name in (number, undone):
        version = (await line.ticket(name)).version
        await line.desk.confirm(name, "wang", version, {"unit": "fire-rescue"})
    await line.desk.undo(undone, "wang")
    content, [head, *rows] = await _exported(line, Exported.TICKETS, excel=True)
    assert content.startswith(BOM.encode())
    first = dict(zip(head, rows[0], strict=True))
    assert (first["ticket_id"], first["unit"], first["text"]) == (
        number, "fire-rescue", "'=我是[诉求人],电话[电话],停水"
    )  # fmt: skip
    others, [head, *rows] = await _exported(line, Exported.CORRECTIONS)
    [example] = [dict(zip(head, row, strict=True)) for row in rows]
    assert (example["triage_unit"], example["agent_unit"], example["corrected"]) == (
        "housing", "fire-rescue", "true"
    )  # fmt: skip
    for secret in ("苏念慈", "13911112222", "柳荫小区"):
        assert secret not in content.decode() + others.decode()
    async with line.database.read() as connection:
        entries = await read_audit(connection, event=AuditEvent.EXPORTED, limit=9)
    assert [(entry["actor"], entry["detail"]["what"]) for entry in entries] == [
        ("chen", "corrections"), ("chen", "tickets")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "＝1", "\r=1", "\n@a", "　=1"]
)
def test_no_cell_is_a_formula(formula: str) -> None:
    """What a spreadsheet would calculate is text."""
    assert cell(formula) == f"'{formula}"
