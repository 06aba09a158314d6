"""`docs/problems.md` against the table of kinds."""

from gateway.web.problems import KINDS
from gateway.web.routes import OPERATIONS, PUBLIC
from tests.docs.pages import DOCS, rows


def test_every_kind_is_documented_with_its_status() -> None:
    """The page has one row for each kind, in the order of the statuses, with meaning and remedy."""
    told = rows(DOCS / "problems.md", "`[a-z-]+`")
    assert {name.strip("`"): int(status) for name, status, *_ in told} == {
        name: kind.status for name, kind in KINDS.items()
    }
    assert len(told) == len(KINDS)
    assert [row[1] for row in told] == sorted(row[1] for row in told)
    assert all(meaning and remedy for *_, meaning, remedy in told)


def test_the_chinese_titles_are_those_of_the_service() -> None:
    """Each row quotes the Chinese title that a citizen sees."""
    for name, _, title_zh, *_ in rows(DOCS / "problems.md", "`[a-z-]+`"):
        assert title_zh == KINDS[name.strip("`")].title_zh


def test_routes_name_only_kinds_that_there_are() -> None:
    """What the table of routes promises can be looked up on the page."""
    promised = {kind for route in (*PUBLIC, *OPERATIONS) for kind in route.problems}
    assert promised <= set(KINDS)
