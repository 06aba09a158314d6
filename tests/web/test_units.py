"""Units over HTTP: found as one types."""

import pytest

from tests.web.wire import Served, assert_problem


@pytest.mark.parametrize("role", ["agent", "unit-clerk", "knowledge-editor"])
def test_units_are_found(served: Served, role: str) -> None:
    """Whoever is signed in finds units, with what they deal with and why they were found."""
    reply = served.agent("GET", "/api/v1/units?q=gaj&limit=3", name=role)
    assert reply.status == 200
    first = reply.document["units"][0]
    assert (first["code"], first["name"], first["by"]) == ("police", "市公安局", "pinyin")
    assert "治安" in first["duties"]
    assert len(reply.document["units"]) <= 3


def test_bad_queries(unchanged: Served) -> None:
    """What cannot be asked is refused with the parameter's name."""
    for query, field in (("limit=0", "/limit"), (f"q={'x' * 101}", "/q"), ("unit=x", "/unit")):
        reply = unchanged.agent("GET", f"/api/v1/units?{query}")
        assert_problem(reply, 422, "invalid-fields", field)
    assert_problem(unchanged.call("GET", "/api/v1/units"), 401, "not-signed-in")
