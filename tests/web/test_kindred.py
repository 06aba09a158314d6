"""What stands beside a ticket, over the API."""

from tests.web.test_agents import TICKETS
from tests.web.test_odd_words import compared, decided
from tests.web.wire import APPEALS, Served, assert_problem

TEXT = "海淀区上地街道桂香园小区北门的水泥搅拌站昼夜施工,灰尘很大,噪音吵得睡不着"


def _file(served: Served, text: str, phone: str) -> str:
    body = {"text": text, "reporter": {"phone": phone}}
    number: str = served.call("POST", APPEALS, body).document["ticket_id"]
    decided(served, number)
    return number


def test_similar_and_earlier(served: Served) -> None:
    """Another's appeal on the matter is similar, the reporter's own one before is earlier."""
    own = _file(served, "桂香园小区三号楼电梯一直没人修", "13800007001")
    other = _file(served, TEXT, "13800007002")
    number = _file(served, f"{TEXT},已经连续三天了", "13800007001")
    compared(served)
    similar = served.agent("GET", f"{TICKETS}/{number}/similar").document["similar"]
    assert similar[0]["ticket_id"] == other
    assert similar[0]["same_matter"]
    assert similar[0]["words"]
    earlier = served.agent("GET", f"{TICKETS}/{number}/earlier").document
    assert not earlier["hidden"]
    assert [line["ticket_id"] for line in earlier["earlier"]] == [own]
    assert earlier["earlier"][0]["excerpt"].startswith("桂香园小区")


def test_of_no_ticket(unchanged: Served) -> None:
    """A number that is nobody's has nothing beside it."""
    for what in ("similar", "earlier"):
        reply = unchanged.agent("GET", f"{TICKETS}/{'1' * 15}/{what}")
        assert_problem(reply, 404, "no-such-ticket")
