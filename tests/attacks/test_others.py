"""What is another's: no route with something in its path tells it, or tells that it is there."""

from typing import Any, Final

import pytest

from gateway.accounts.permissions import Permission, Role
from gateway.web.route import Route
from tests.attacks.conftest import OTHER_CLERK
from tests.attacks.stage import Stage, one_who_may, who_may
from tests.attacks.table import ROUTES, filled, name, parameters, sample
from tests.web.wire import APPEALS, UNIT, Reply

WITH_PATH: Final = [route for route in ROUTES if parameters(route)]
OF_TICKETS: Final = [route for route in WITH_PATH if "ticket_id" in parameters(route)]
FOR_CLERKS: Final = [
    one
    for one in OF_TICKETS
    if isinstance(one.access, Permission) and Role.UNIT_CLERK in who_may(one)
]
BY_CODE: Final = [one for one in ROUTES if one.access == "query code"]
GUESSES: Final = (
    "1", "0", "-1", "00000000000000000000", "261124000000013", "../../etc/passwd", "%2e%2e",
    "none\x00", "null", "工单", "*", "{ticket_id}", "' OR '1'='1",
)  # fmt: skip
"""Numbers and names that an attacker tries one after another."""


def _told(reply: Reply) -> Any:
    """Return what an answer says, without what is of this request alone."""
    if "json" not in reply.headers.get("content-type", ""):
        return reply.status
    return reply.status, {k: v for k, v in reply.document.items() if k != "request_id"}


def _body(route: Route) -> Any:
    if route.body is not None:
        return sample(route.body, "请核实")
    return {} if route.media_type == "text/html" else None


@pytest.mark.parametrize("route", FOR_CLERKS, ids=name)
def test_another_units_ticket(stage: Stage, route: Route) -> None:
    """A clerk of another unit hears the same of a ticket that is there and of one that is not."""
    there = stage.send(route, OTHER_CLERK, _body(route), ticket_id=stage.ticket)
    nowhere = stage.send(route, OTHER_CLERK, _body(route))
    assert there.status == nowhere.status == 404, (name(route), there.status, nowhere.status)
    assert _told(there) == _told(nowhere)
    mine = stage.send(route, Role.UNIT_CLERK.value, _body(route), ticket_id=stage.ticket)
    assert mine.status not in {401, 403, 404}, (name(route), mine.status)


def test_clerks_are_attacked_at_all() -> None:
    """There are routes that clerks may use, or the test above would prove nothing."""
    assert len(FOR_CLERKS) >= 3


def test_another_units_tickets_are_in_no_list(stage: Stage) -> None:
    """Whatever lists a clerk may read, another unit's ticket stands in none of them."""
    lists = [
        one
        for one in ROUTES
        if isinstance(one.access, Permission)
        and Role.UNIT_CLERK in who_may(one)
        and one.method == "GET"
        and not parameters(one)
    ]
    assert lists
    for route in lists:
        reply = stage.send(route, OTHER_CLERK)
        assert stage.ticket not in reply.body.decode().replace("-", ""), name(route)


@pytest.mark.parametrize("route", BY_CODE, ids=name)
def test_another_citizens_appeal(stage: Stage, route: Route) -> None:
    """Another's code opens nothing, and does not tell whether the number is one."""
    receipt = stage.served.file("楼道堆物")
    headers = {"Authorization": f"Bearer {receipt['query_code']}"}
    before = stage.state()
    answers = [
        stage.ask(route.method, filled(route, **values), _body(route), headers)
        for values in ({"ticket_id": stage.ticket}, {})
    ]
    there, nowhere = answers
    assert there.status == 401, name(route)
    assert _told(there) == _told(nowhere)
    assert stage.state() == before


@pytest.mark.parametrize("route", WITH_PATH, ids=name)
def test_guesses(stage: Stage, route: Route) -> None:
    """Whatever is guessed, the answer is that it is not there or not one's own, never a failure.

    Who asks may use the route; public routes are asked by nobody in particular.
    """
    guarded = isinstance(route.access, Permission) or route.access == "signed in"
    account = one_who_may(route) if guarded else None
    for guess in GUESSES:
        values = dict.fromkeys(parameters(route), guess)
        reply = stage.send(route, account, _body(route), source="127.0.5.5", **values)
        assert 400 <= reply.status < 500, (name(route), guess, reply.status)
        assert "passwd" not in reply.body.decode().replace(guess, ""), guess
        assert stage.ticket not in reply.body.decode(), guess


def test_sequence_of_numbers(stage: Stage) -> None:
    """A receipt's number tells nothing by which the next one's appeal could be opened."""
    one, other = (stage.served.file("公厕没水") for _ in range(2))
    assert one["query_code"] != other["query_code"]
    headers = {"Authorization": f"Bearer {one['query_code']}"}
    reply = stage.ask("GET", f"{APPEALS}/{other['ticket_id']}", headers=headers)
    assert reply.status == 401


def test_reports_hide_their_reporter(stage: Stage) -> None:
    """A unit hears from no route who told of a wrong (举报), nor in which words."""
    receipt = stage.served.file("举报某单位违规排污", Idempotency_Key="report-of-a-wrong-1")
    ticket = receipt["ticket_id"]
    stage.change(
        "UPDATE tickets SET kind = 'report', dispatched_unit = ? WHERE id = ?", UNIT, ticket
    )
    for route in FOR_CLERKS:
        if route.path.endswith(("/reporter", "/words")):
            reply = stage.send(route, Role.UNIT_CLERK.value, _body(route), ticket_id=ticket)
            assert reply.status == 403, name(route)
