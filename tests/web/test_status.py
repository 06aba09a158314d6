"""Where an appeal stands: number and query code open it, and nothing else does."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from gateway.clock import SystemClock
from gateway.tickets.numbers import ticket_id
from tests.web.test_odd_words import decided
from tests.web.wire import APPEALS, Reply, Served, assert_problem


@pytest.fixture(scope="module")
def receipt(served: Served) -> dict[str, Any]:
    """The receipt of an appeal."""
    return served.file("胡同口垃圾没人收")


def _ask(served: Served, number: str, code: str, source: str = "127.0.0.1") -> Reply:
    headers = {"Authorization": f"Bearer {code}"}
    return served.call("GET", f"{APPEALS}/{number}", headers=headers, source=source)


def test_right_code(served: Served, receipt: dict[str, Any]) -> None:
    """The code of the receipt shows the appeal's status and steps."""
    reply = _ask(served, receipt["ticket_id"], receipt["query_code"])
    assert reply.status == 200
    found = reply.document
    assert found["ticket_id"] == receipt["ticket_id"]
    assert found["number"] == receipt["number"]
    assert found["steps"][0]["status"] == "received"
    assert found["steps"][0]["status_zh"] == "已受理"
    assert reply.headers["cache-control"] == "no-store"


def _spellings(code: str) -> list[str]:
    return [
        code.lower(),
        code.replace("-", ""),
        code[:3] + " " + code[3:],
        code.replace("0", "O").replace("1", "I"),
        code.replace("0", "o").replace("1", "l"),
        code.replace("1", "L"),
    ]


def test_spellings_of_the_code(served: Served) -> None:
    """A code is read in any case, with or without dashes, O as 0, I and L as 1."""
    receipt = served.file("路面积水")
    while not set("01") & set(receipt["query_code"]):
        receipt = served.file("路面积水")
    for spelling in _spellings(receipt["query_code"]):
        reply = _ask(served, receipt["ticket_id"], spelling)
        assert reply.status == 200, spelling


@pytest.mark.parametrize("kind", ["with dashes", "with spaces"])
def test_spellings_of_the_number(served: Served, receipt: dict[str, Any], kind: str) -> None:
    """A number is read as it is printed on the receipt."""
    number = receipt["number"].replace("-", "-" if kind == "with dashes" else "%20")
    assert _ask(served, number, receipt["query_code"]).status == 200


def test_wrong_code_and_unknown_ticket_look_alike(served: Served, receipt: dict[str, Any]) -> None:
    """Nobody learns which numbers exist: both are the same 401, word for word."""
    nobody = ticket_id(99_000_001, SystemClock().now())
    replies = [
        _ask(served, number, "0000-0000-00000", "127.0.0.11")
        for number in (receipt["ticket_id"], nobody)
    ]
    for reply in replies:
        assert_problem(reply, 401, "wrong-code")
        assert reply.headers["www-authenticate"] == "Bearer"
    first, second = ({**reply.document, "request_id": ""} for reply in replies)
    assert first == second


@pytest.mark.parametrize("number", ["261124271828188", "1", "9" * 15, "abc", "%00", "²" * 15])
def test_wrong_check_digit(served: Served, receipt: dict[str, Any], number: str) -> None:
    """A number that cannot be one is told so, before any code is looked at."""
    spelled = number if number.startswith("%") else quote(number)
    assert_problem(_ask(served, spelled, receipt["query_code"]), 404, "no-such-ticket")


BAD_AUTHORIZATION = ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", "Bearer \u00fc"]


@pytest.mark.parametrize("header", BAD_AUTHORIZATION)
def test_no_code(served: Served, receipt: dict[str, Any], header: str) -> None:
    """Without a bearer token the answer says how to send one."""
    headers = {"Authorization": header} if header else {}
    assert_problem(served.call("GET", receipt["status_url"], headers=headers), 401, "not-signed-in")


def test_code_of_another_ticket(served: Served, receipt: dict[str, Any]) -> None:
    """A code opens its own ticket only."""
    other = served.file("广场舞太吵")
    reply = _ask(served, receipt["ticket_id"], other["query_code"], "127.0.0.12")
    assert_problem(reply, 401, "wrong-code")


def test_attempts_per_ticket(served: Served) -> None:
    """After ten wrong codes a ticket is closed to guessing from anywhere, the others are not."""
    guessed, other = served.file("井盖响"), served.file("路灯闪")
    for number in range(10):
        reply = _ask(served, guessed["ticket_id"], f"wrong-{number}", f"127.0.1.{number + 1}")
        assert_problem(reply, 401, "wrong-code")
    reply = _ask(served, guessed["ticket_id"], guessed["query_code"], "127.0.1.100")
    assert_problem(reply, 429, "too-many-attempts")
    assert int(reply.headers["retry-after"]) > 0
    assert _ask(served, other["ticket_id"], other["query_code"], "127.0.1.1").status == 200


def test_attempts_per_address(served: Served, receipt: dict[str, Any]) -> None:
    """An address that tries number after number is stopped; right codes cost nothing."""
    now = SystemClock().now()
    for _ in range(70):
        ok = _ask(served, receipt["ticket_id"], receipt["query_code"], "127.0.2.1")
        assert ok.status == 200
    for count in range(60):
        reply = _ask(served, ticket_id(98_000_000 + count, now), "guess", "127.0.2.1")
        assert reply.status == 401
    reply = _ask(served, ticket_id(98_500_000, now), "guess", "127.0.2.1")
    assert_problem(reply, 429, "too-many-attempts")
    assert _ask(served, receipt["ticket_id"], receipt["query_code"], "127.0.2.2").status == 200


def test_whoever_has_the_code_adds_to_the_appeal(served: Served) -> None:
    """An addition by the web is on the ticket, once however often it is sent, with its receipt."""
    receipt = served.file("楼道灯不亮")
    path = f"/api/v1/appeals/{receipt['ticket_id']}"
    headers = {
        "Authorization": f"Bearer {receipt['query_code']}", "Idempotency-Key": uuid.uuid4().hex
    }  # fmt: skip
    replies = [served.call("POST", path, {"text": "是三号楼"}, headers) for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].document == replies[1].document == receipt
    assert len(decided(served, receipt["ticket_id"])["messages"]) == 2


def test_who_has_another_code_adds_nothing(served: Served) -> None:
    """The code of another ticket is refused, and nothing is stored."""
    receipt, other = served.file("楼道灯不亮"), served.file("井盖松动")
    before = served.rows()
    headers = {"Authorization": f"Bearer {other['query_code']}"}
    path = f"/api/v1/appeals/{receipt['ticket_id']}"
    reply = served.call("POST", path, {"text": "是三号楼"}, headers)
    assert_problem(reply, 401, "wrong-code")
    assert served.rows() == before
