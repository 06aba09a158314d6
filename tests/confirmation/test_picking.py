"""The picker: every unit is found by whatever an agent may type of it."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from gateway.confirmation.picking import FoundBy, UnitPicker
from triage.taxonomy import FILES, Unit, parse_catalogue

CATALOGUE = parse_catalogue(
    {name: (files("triage") / "taxonomy" / name).read_text("utf-8") for name in FILES}
)
UNITS = list(CATALOGUE.units.values())
PICKER = UnitPicker(lambda: CATALOGUE)


async def _codes(query: str, most: int = 20) -> list[str]:
    return [item.unit.code for item in await PICKER.find(query, most)]


def _initials(name: str) -> str:
    return "".join(syllable[0] for syllable in lazy_pinyin(name))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.code))
async def test_every_unit_is_found(unit: Unit) -> None:
    """By code and name it comes first; by full pinyin, initials and each duty it is there."""
    assert (await _codes(unit.code))[0] == unit.code
    assert (await _codes(unit.name))[0] == unit.code
    assert unit.code in await _codes("".join(lazy_pinyin(unit.name)))
    assert unit.code in await _codes(_initials(unit.name))
    for duty in unit.duties:
        assert unit.code in await _codes(duty)


@given(st.sampled_from(UNITS), st.data())
async def test_any_part_of_a_name(unit: Unit, data: st.DataObject) -> None:
    """Any part of a name finds it, in characters or in pinyin with some syllables only begun."""
    start = data.draw(st.integers(0, len(unit.name) - 1))
    end = data.draw(st.integers(start + 1, len(unit.name)))
    assert unit.code in await _codes(unit.name[start:end], len(UNITS))
    typed = [
        syllable[: data.draw(st.integers(1, len(syllable)))]
        for syllable in lazy_pinyin(unit.name)[start:end]
    ]
    assert unit.code in await _codes("".join(typed), len(UNITS))


@given(st.text(max_size=120))
async def test_anything_may_be_typed(query: str) -> None:
    """Whatever is typed, units come back at most once each, and each word narrows them."""
    found = await _codes(query, len(UNITS))
    assert len(found) == len(set(found))
    assert set(await _codes(f"{query[:90]} 区", len(UNITS))) <= set(
        await _codes(query[:90], len(UNITS))
    )


@pytest.mark.parametrize(
    ("query", "code", "by"),
    [
        ("gaj", "police", FoundBy.PINYIN),
        ("JiaoTongWei", "transport", FoundBy.PINYIN),
        ("hdq", "district-haidian", FoundBy.PINYIN),
        ("chaoyang", "district-chaoyang", FoundBy.CODE),
        ("共享单车", "transport", FoundBy.DUTY),
        ("自来水停水", "water-supply", FoundBy.MATTER),
        ("ｌｖｙｏｕ", "culture-tourism", FoundBy.PINYIN),
        ("lüyou", "culture-tourism", FoundBy.PINYIN),
        ("海淀 zf", "district-haidian", FoundBy.NAME),
    ],
)
async def test_the_best_comes_first(query: str, code: str, by: FoundBy) -> None:
    """What agents type most finds what they mean on top, and says by what."""
    first = (await PICKER.find(query))[0]
    assert (first.unit.code, first.by) == (code, by)


async def test_nothing_typed_lists_all() -> None:
    """An empty query gives the catalogue's order, as a list to look through."""
    assert await _codes("  ", len(UNITS)) == list(CATALOGUE.units)


async def test_an_edited_catalogue_is_followed() -> None:
    """A unit that clerks add is found from then on."""
    current = [CATALOGUE]
    picker = UnitPicker(lambda: current[0])
    assert await picker.find("观鸟") == []
    texts = {name: (files("triage") / "taxonomy" / name).read_text("utf-8") for name in FILES}
    texts["units.csv"] += "birds,市观鸟办公室,department,观鸟\n"
    current[0] = parse_catalogue(texts)
    assert [item.unit.code for item in await picker.find("gnb")] == ["birds"]
