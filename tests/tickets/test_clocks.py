"""Every due time of DB11/T 2021—2022, as its table has them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tickets import clocks
from gateway.tickets.clocks import Milestones, StartingPoints, spans_of
from gateway.tickets.ticket import ClockRules, leave_untriaged, receive, set_clocks
from triage.decision import URGENCY, Tier

ACCEPTED = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
DISPATCHED = ACCEPTED + timedelta(minutes=20)
ACKNOWLEDGED = DISPATCHED + timedelta(minutes=7)
DONE = Milestones(ACCEPTED, DISPATCHED, ACKNOWLEDGED)

STANDARD = {
    "emergency": (Tier.EMERGENCY, {}, "1h", "15m", "2h"),
    "livelihood": (Tier.LIVELIHOOD, {}, "2h", "30m", "24h"),
    "general": (Tier.GENERAL, {}, "24h", "24h", "7d"),
    "general while calls surge": (Tier.GENERAL, {"surge": True}, "48h", "24h", "7d"),
    "complex": (Tier.GENERAL, {"complex_matter": True}, "24h", "24h", "15d"),
    "complex while calls surge": (
        Tier.GENERAL, {"complex_matter": True, "surge": True}, "48h", "24h", "15d",
    ),
    "an emergency knows no surge": (
        Tier.EMERGENCY, {"complex_matter": True, "surge": True}, "1h", "15m", "2h",
    ),
    "livelihood knows no surge": (
        Tier.LIVELIHOOD, {"complex_matter": True, "surge": True}, "2h", "30m", "24h",
    ),
}  # fmt: skip


def span(text: str) -> timedelta:
    """A span as the table writes it."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


@pytest.mark.parametrize(
    ("tier", "facts", "dispatch", "acknowledge", "report"), STANDARD.values(), ids=STANDARD
)
def test_due_times_are_those_of_the_standard(
    tier: Tier, facts: dict[str, Any], dispatch: str, acknowledge: str, report: str
) -> None:
    """Dispatch from acceptance, acknowledging from dispatch, the report from acknowledging."""
    spans, points = spans_of(tier, **facts), StartingPoints()
    assert clocks.dispatch_due(DONE, spans) == ACCEPTED + span(dispatch)
    assert clocks.acknowledge_due(DONE, spans, points) == DISPATCHED + span(acknowledge)
    assert clocks.report_due(DONE, spans, points) == ACKNOWLEDGED + span(report)


@pytest.mark.parametrize(
    ("points", "acknowledge_start", "report_start"),
    [
        (StartingPoints("dispatch", "acknowledgement"), DISPATCHED, ACKNOWLEDGED),
        (StartingPoints("dispatch", "dispatch"), DISPATCHED, DISPATCHED),
        (StartingPoints("acceptance", "acceptance"), ACCEPTED, ACCEPTED),
    ],
)
def test_where_the_clocks_start_is_a_setting(
    points: StartingPoints, acknowledge_start: datetime, report_start: datetime
) -> None:
    """The report of the standard leaves the starting points open."""
    spans = spans_of(Tier.LIVELIHOOD)
    assert clocks.acknowledge_due(DONE, spans, points) == acknowledge_start + spans.acknowledge
    assert clocks.report_due(DONE, spans, points) == report_start + spans.report


def test_a_clock_that_has_not_started_has_no_due_time() -> None:
    """Before dispatch nobody has to acknowledge, and before acknowledging nobody to report."""
    spans, points = spans_of(Tier.GENERAL), StartingPoints()
    assert clocks.acknowledge_due(Milestones(ACCEPTED), spans, points) is None
    assert clocks.report_due(Milestones(ACCEPTED, DISPATCHED), spans, points) is None


def test_calendar_days_count_whatever_day_it_is() -> None:
    """Seven days over the spring festival are seven days; Beijing has no daylight saving."""
    eve = Milestones(datetime(2026, 2, 16, 15, 59, tzinfo=UTC))
    spans = spans_of(Tier.GENERAL)
    points = StartingPoints("acceptance", "acceptance")
    assert clocks.report_due(eve, spans, points) == datetime(2026, 2, 23, 15, 59, tzinfo=UTC)


@given(
    accepted=st.integers(0, 10**9).map(lambda seconds: ACCEPTED + timedelta(seconds=seconds)),
    lags=st.tuples(st.timedeltas(timedelta(0), timedelta(9)), st.timedeltas(timedelta(0))),
    surge=st.booleans(),
    share=st.floats(0, 1),
)
def test_nothing_is_due_before_acceptance_and_the_urgent_never_after_the_ordinary(
    accepted: datetime, lags: tuple[timedelta, timedelta], surge: bool, share: float
) -> None:
    """Due times lie behind their starts, warnings and publishing before them, tiers in order."""
    dispatched = accepted + lags[0]
    done = Milestones(accepted, dispatched, dispatched + min(lags[1], timedelta(99)))
    points = StartingPoints()
    before: tuple[datetime, ...] = ()
    for tier in sorted(Tier, key=URGENCY.__getitem__, reverse=True):
        spans = spans_of(tier, surge=surge)
        due = clocks.dispatch_due(done, spans)
        assert accepted < clocks.warn_at(done, spans) < due
        assert accepted <= clocks.publish_at(done, spans, share) <= due
        answers = (
            clocks.acknowledge_due(done, spans, points),
            clocks.report_due(done, spans, points),
        )
        all_due = (due, *(item for item in answers if item))
        assert len(all_due) == 3
        assert all(item > accepted for item in all_due)
        assert all(earlier <= later for earlier, later in zip(before, all_due, strict=False))
        before = all_due


def test_a_ticket_that_nobody_has_read_counts_as_an_emergency() -> None:
    """Until triage has spoken it is due in an hour, and is published at three quarters of it."""
    ticket = receive("261123000000000", "web", ACCEPTED, surge=True)
    assert ticket.dispatch_due_at == ACCEPTED + timedelta(hours=1)
    assert ticket.warn_at == ACCEPTED + timedelta(minutes=30)
    assert ticket.publish_at == ACCEPTED + timedelta(minutes=45)


def test_surge_is_fixed_when_the_appeal_is_accepted() -> None:
    """A ticket accepted while calls surge keeps its 48 hours."""
    ticket = receive("261123000000000", "web", ACCEPTED, surge=True)
    general = leave_untriaged(ticket, Tier.GENERAL, ClockRules())
    assert general.dispatch_due_at == ACCEPTED + timedelta(hours=48)
    assert set_clocks(general, ClockRules()).dispatch_due_at == general.dispatch_due_at
