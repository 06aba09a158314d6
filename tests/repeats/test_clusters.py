"""Different people's appeals on one matter are linked, and what is alike otherwise is not."""

import pytest
from sqlalchemy import select

from gateway.repeats.clusters import read_cluster
from gateway.repeats.index import MOST_MOVED, Index, Known
from gateway.tickets import schema
from tests.dispatch.line import START, Line, reporter
from triage.alike.gather import NEWEST
from triage.alike.sketch import sketch

PLANT = [
    "青檀苑小区旁边建了一座水泥搅拌站,灰尘很大,夜里噪音吵得睡不着,请环保部门查处。",
    "青檀苑小区旁边的水泥搅拌站扰民,灰尘飘进家里,孩子一直咳嗽,请环保部门管一管。",
    "投诉青檀苑小区水泥搅拌站,噪音扰民,粉尘污染,希望环保部门尽快查处。",
]
PARKING = "青檀苑小区物业把地面停车费涨到每月三百元,没有征求业主意见,是否合规?"
ELSEWHERE = "望溪里小区旁边建了一座水泥搅拌站,灰尘很大,夜里噪音吵得睡不着,请环保部门查处。"


async def test_one_matter_told_by_several_is_a_cluster_with_reasons(line: Line) -> None:
    """Each keeps its ticket; the cluster tells by which words they were found alike."""
    numbers = [
        await line.triaged(text, reporter=reporter(f"1380000000{place}"))
        for place, text in enumerate(PLANT)
    ]
    await line.compare_all()
    assert {(await line.ticket(number)).cluster for number in numbers} == {numbers[0]}
    async with line.database.read() as connection:
        members, links = await read_cluster(connection, numbers[0])
    assert {member["ticket_id"] for member in members} == set(numbers)
    assert len(links) == 2
    assert all(310 <= item["score"] <= 1000 for item in links)
    assert "青檀苑小区" in "".join(links[0]["reason"]["places"])
    assert any("搅拌站" in word for item in links for word in item["reason"]["words"])


@pytest.mark.parametrize("text", [PARKING, ELSEWHERE])
async def test_the_same_place_or_the_same_words_alone_are_no_cluster(line: Line, text: str) -> None:
    """Another matter of the same place stays apart, and so do the same words of another place."""
    await line.triaged(PLANT[0])
    other = await line.triaged(text)
    await line.compare_all()
    assert (await line.ticket(other)).cluster is None


async def test_a_ticket_that_is_like_two_clusters_makes_them_one(line: Line) -> None:
    """Links that come later join what was apart before, and no ticket is left behind."""
    left = [await line.triaged(text) for text in (PLANT[0], PLANT[0])]
    far = "蓝岸里社区的游泳馆已经停业半年,退卡的钱一直没有着落,会员们多次上门都没有结果。"
    right = [await line.triaged(text) for text in (far, far)]
    await line.compare_all()
    apart = {(await line.ticket(number)).cluster for number in (*left, *right)}
    assert apart == {left[0], right[0]}
    both = await line.triaged(f"{PLANT[0][:16]},{far[:16]}。{PLANT[0][16:]}{far[16:]}")
    await line.compare_all()
    together = {(await line.ticket(number)).cluster for number in (*left, *right, both)}
    assert len(together) == 1


def known(index: Index, place: int, cluster: str | None = None) -> Known:
    """A ticket that was compared, perhaps with a cluster."""
    found = index.add(f"T{place}", sketch("", {}), START, None)
    if cluster is not None:
        index.clusters[found.number] = cluster
    return found


def test_a_small_cluster_joins_a_large_one_and_large_ones_stay_two() -> None:
    """Whatever has grown apart is not moved, so that a link never costs more than 200 rows."""
    index = Index(sizes={"small": MOST_MOVED, "large": 5_000, "huge": 9_000})
    small, large = known(index, 1, "small"), known(index, 2, "large")
    beside, huge = known(index, 3, "small"), known(index, 4, "huge")
    assert index.join(small, large) == ("large", "small")
    assert index.clusters[beside.number] == "large"
    assert index.sizes == {"large": 5_000 + MOST_MOVED, "huge": 9_000}
    assert index.join(huge, large) is None
    assert index.clusters[huge.number] == "huge"


async def test_sizes_are_kept(line: Line) -> None:
    """A cluster knows how many it has, also after others have become part of it."""
    for text in PLANT:
        await line.triaged(text)
    await line.compare_all()
    async with line.database.read() as connection:
        rows = (await connection.execute(select(schema.clusters.c.size))).all()
    assert [row.size for row in rows] == [len(PLANT)]


async def test_added_words_are_compared_too(line: Line) -> None:
    """A chat that starts with a greeting is linked once it tells of the matter, and only once."""
    first = await line.triaged(PLANT[0])
    chat = await line.accept("你好", key="greeting-1")
    await line.compare_all()
    assert (await line.ticket(chat)).cluster is None
    await line.accept(PLANT[1], key="greeting-2", edits="greeting-1")
    await line.accept("谢谢", key="greeting-3", edits="greeting-1")
    await line.compare_all()
    assert (await line.ticket(chat)).cluster == first
    async with line.database.read() as connection:
        links = (await connection.execute(select(schema.cluster_links))).all()
        sketches = (await connection.execute(select(schema.sketches.c.ticket_id))).all()
    assert len(links) == 1
    assert sorted(row.ticket_id for row in sketches) == sorted([first, chat])


def test_a_list_holds_the_newest_only() -> None:
    """A key that a hundred tickets share costs as much as one of thirty-two."""
    index = Index()
    for number in range(100):
        index.put([7], number)
    assert index.lists[7] == list(range(100 - NEWEST, 100))
