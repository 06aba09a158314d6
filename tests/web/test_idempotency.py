"""The Idempotency-Key: a repeat is the same appeal, whenever and however often it comes."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.web.wire import APPEALS, Reply, Served, assert_problem, serving

BODY = {"text": "电梯困人,请来人", "reporter": {"phone": "13000000000"}}


def _file(served: Served, key: str | None, body: object = BODY) -> Reply:
    headers = {} if key is None else {"Idempotency-Key": key}
    return served.call("POST", APPEALS, body, headers)


def test_repeat(served: Served) -> None:
    """The same key and body give the same answer, and one ticket."""
    key = str(uuid.uuid4())
    first = _file(served, key)
    before = served.rows()
    again = _file(served, key)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["location"] == first.headers["location"]
    assert served.rows()["tickets"] == before["tickets"]
    assert served.rows()["messages"] == before["messages"]


def test_repeats_at_once(served: Served) -> None:
    """Twenty requests with one key at the same moment give one ticket and one answer."""
    key = str(uuid.uuid4())
    before = served.rows()
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: _file(served, key), range(20)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.body for reply in replies}) == 1
    assert served.rows()["tickets"] == before["tickets"] + 1


def test_other_body(served: Served) -> None:
    """A key that comes with another body is refused and changes nothing."""
    key = str(uuid.uuid4())
    assert _file(served, key).status == 201
    before = served.rows()
    assert_problem(_file(served, key, {"text": "另一件事"}), 409, "key-reused")
    after = served.rows()
    assert (after["tickets"], after["messages"]) == (before["tickets"], before["messages"])


def test_other_bodies_at_once(served: Served) -> None:
    """Of different bodies that race under one key, one wins and all others hear 409."""
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda n: _file(served, key, {"text": f"第{n}件"}), range(10)))
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [201, *[409] * 9]


def test_no_key(served: Served) -> None:
    """Without a key the same words are a new ticket each time."""
    first, second = _file(served, None), _file(served, None)
    assert first.document["ticket_id"] != second.document["ticket_id"]
    assert first.document["query_code"] != second.document["query_code"]


@pytest.mark.parametrize(
    "key", ["", "fifteen-letters", "a" * 201, "schlüssel-0123456789", "tab\tin-0123456789"]
)
def test_unusable_key(unchanged: Served, key: str) -> None:
    """A key that is short, long or not printable ASCII is refused with the remedy."""
    assert_problem(_file(unchanged, key), 400, "invalid-key")


@pytest.mark.parametrize("key", ["sixteen-letters-", "a" * 200, "with spaces and ~ !@#"])
def test_usable_key(served: Served, key: str) -> None:
    """Keys of 16 to 200 printable characters are taken."""
    assert _file(served, key).status == 201


def test_key_of_a_refused_body_is_free(served: Served) -> None:
    """A request that was refused does not use up its key."""
    key = str(uuid.uuid4())
    assert _file(served, key, {"text": ""}).status == 422
    assert _file(served, key).status == 201


@pytest.mark.kills
def test_repeat_after_a_kill() -> None:
    """After `kill -9` the repeat still gets the first answer, and its query code still opens."""
    with serving() as served:
        key = str(uuid.uuid4())
        first = _file(served, key)
        served.process.kill()
        served.process.start()
        assert _file(served, key).body == first.body
        receipt = first.document
        code = {"Authorization": f"Bearer {receipt['query_code']}"}
        assert served.call("GET", receipt["status_url"], headers=code).status == 200
        assert served.rows()["tickets"] == 1
