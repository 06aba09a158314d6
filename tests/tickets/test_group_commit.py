"""Who writes first: those for whom somebody waits, and in a rush a little of everything else."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.tickets.database import Database
from gateway.tickets.group_commit import Precedence

SECOND = 1.0


def rush(precedence: Precedence, now: float, lasts: float, length: float) -> float:
    """Let patient works run whenever they may, somebody coming all the while; return their time."""
    spent, end = 0.0, now + lasts
    while now < end:
        precedence.somebody_waits(now)
        while not precedence.is_due(now):
            now += length / 20
            precedence.somebody_waits(now)
        precedence.patient_done(now, now + length)
        now += length
        spent += length
    return spent


def test_without_anybody_waiting_patient_works_never_pause() -> None:
    """What was taken in is decided and published as fast as it goes once the rush is over."""
    precedence = Precedence()
    for start in range(5):
        assert precedence.is_due(start)
        precedence.patient_done(start, start + SECOND)
    assert not precedence.is_rush


@given(st.floats(0.001, 0.05))
def test_a_burst_leaves_patient_works_a_tenth(length: float) -> None:
    """For the first half minute of a rush receipts have nine tenths of the writer."""
    spent = rush(Precedence(), 0.0, 25.0, length)
    assert spent == pytest.approx(2.5, rel=0.2)


@given(st.floats(0.001, 0.05))
def test_a_rush_that_goes_on_leaves_patient_works_half(length: float) -> None:
    """However long the rush, what was taken in is decided and published too."""
    precedence = Precedence()
    rush(precedence, 0.0, 31.0, length)
    assert rush(precedence, 40.0, 20.0, length) == pytest.approx(10.0, rel=0.2)


def test_a_moment_in_which_nobody_comes_ends_the_pause() -> None:
    """At a moderate load triage need not wait while the writer has nothing to do."""
    precedence = Precedence()
    precedence.somebody_waits(0.0)
    precedence.patient_done(0.0, 0.01)
    assert not precedence.is_due(0.02), "the pause is nine times as long as the work was"
    precedence.somebody_waits(0.02)
    assert 0.02 < precedence.turn < 0.03


def test_a_rush_ends_when_nobody_came_between_two_patient_works() -> None:
    """The next burst has its half minute again."""
    precedence = Precedence()
    rush(precedence, 0.0, 40.0, 0.01)
    precedence.patient_done(50.0, 50.01)
    assert precedence.is_due(50.01)
    assert rush(precedence, 60.0, 20.0, 0.01) == pytest.approx(2.0, rel=0.2)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_who_is_waited_for_goes_before_patient_works(database: Database) -> None:
    """In a rush a receipt waits for one patient work at most, and each of these has its turn."""
    order: list[str] = []

    async def note(name: str, *, patient: bool) -> None:
        async def work(_: AsyncConnection) -> None:
            order.append(name)

        await database.write(work, patient=patient)

    await note("first", patient=False)
    patient = [asyncio.create_task(note("patient", patient=True)) for _ in range(20)]
    while not all(task.done() for task in patient):
        await note("receipt", patient=False)
    assert order.count("patient") == 20
    later = order[order.index("receipt") :]
    assert ("patient", "patient") not in pairwise(later)
