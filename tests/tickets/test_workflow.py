"""The one table of status changes, all of it."""

import pytest

from gateway.tickets.workflow import ALLOWED, CLOSED, Status, StatusChangeRefused, change_status

R, A, D, K, T, P, S, N, W, M = Status
TABLE = {
    R: {A, N, W, M},
    A: {D, N, W, M},
    D: {K, T, N, W, M},
    K: {P, T, W},
    T: {A, D, N, W},
    P: {S, A},
    S: {A},
    N: {A},
    W: {A},
    M: {A},
}
"""received, awaiting, dispatched, acKnowledged, reTurned, rePorted, reSolved, aNswered, …"""


@pytest.mark.parametrize("before", Status)
def test_a_status_changes_only_as_the_table_says(before: Status) -> None:
    """What the table has is done, anything else is refused and says what was tried."""
    for after in Status:
        if after in TABLE[before]:
            assert change_status(before, after) is after
        else:
            with pytest.raises(StatusChangeRefused, match=f"{before} cannot become {after}"):
                change_status(before, after)


def test_every_status_can_be_reached_and_left() -> None:
    """No status is a dead end, and from `received` there is a way to each."""
    reached, frontier = {Status.RECEIVED}, [Status.RECEIVED]
    while frontier:
        for after in ALLOWED[frontier.pop()] - reached:
            reached.add(after)
            frontier.append(after)
    assert reached == set(Status)
    assert all(ALLOWED[status] for status in Status)


def test_reopening_goes_back_to_the_agents() -> None:
    """A closed ticket can only be reopened, and then an agent looks at it."""
    for status in CLOSED:
        assert ALLOWED[status] == {Status.AWAITING_CONFIRMATION}
