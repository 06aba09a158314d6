"""Reading the catalogue: what is wrong is said with file and line."""

from collections.abc import Mapping

import pytest

from triage.taxonomy import Catalogue, CatalogueError, parse_catalogue

BAD_EDITS = [
    ("units.csv", "gas,燃气集团,enterprise", "gas,燃气集团,firm", 3, "firm"),
    ("units.csv", "gas,燃气集团", "heating,燃气集团", 3, "twice"),
    ("units.csv", "code,name_zh", "code,name", 1, "first line"),
    ("units.csv", "gas,燃气集团,enterprise,燃气泄漏、停气", "gas,燃气集团,enterprise", 3, "cells"),
    ("topics.csv", "民政\n", "民生\n", 10, "民生"),
    ("topics.csv", "民政\n", "", 1, "民政"),
    ("areas.csv", "place,district-chaoyang,", "place,district-nowhere,", 6, "district-nowhere"),
    ("areas.csv", "chaoyang-jianwai,国贸桥", "haidian-zhongguancun,国贸桥", 6, "lies in"),
    ("areas.csv", "chaoyang-jianwai,国贸桥", "chaoyang-none,国贸桥", 6, "chaoyang-none"),
    ("areas.csv", "朝阳路|辽宁朝阳", "朝阳路|辽宁", 3, "辽宁"),
    ("areas.csv", "国贸,place", "国贸,spot", 6, "spot"),
    ("catalogue.yaml", "lead: police", "lead: polizei", 33, "polizei"),
    ("catalogue.yaml", "topic: 农村农业", "topic: 农业", 19, "农业"),
    ("catalogue.yaml", "area: district-haidian", "area: haidian", 26, "haidian"),
    ("catalogue.yaml", "id: village", "id: heat-fee", 17, "twice"),
    ("catalogue.yaml", "id: village", "id: Village!", 17, "hyphens"),
    ("catalogue.yaml", "[暖气/供暖 不热/冰凉 -收费标准]", "[-收费标准]", 7, "word"),
    ("catalogue.yaml", "[暖气/供暖 不热/冰凉 -收费标准]", "[暖气//供暖]", 7, "empty"),
    ("catalogue.yaml", "examples: [村里账目从来不公开]", "examples: []", 22, "examples"),
    ("catalogue.yaml", "  examples: [村里账目从来不公开]\n", "", 17, "missing"),
    ("catalogue.yaml", "supporting: [development-reform]", "supporters: []", 14, "supporters"),
    ("catalogue.yaml", "supporting: [development-reform]", "supporting: [heating]", 14, "twice"),
    ("catalogue.yaml", "  name: 村务\n", "  name: 村务\n  name: 村\n", 19, "twice"),
    ("tiers.yaml", "tier: emergency", "tier: general", 3, "general"),
    ("tiers.yaml", "within: 10", "within: wide", 6, "wide"),
    ("tiers.yaml", "misses: [暖气费怎么交]", "misses:", 17, "misses"),
    ("tiers.yaml", "words: [暖气 不热]", "words: 暖气 不热", 15, "list"),
    ("tiers.yaml", "- id: heat-out", "- heat-out", 12, "YAML"),
    ("tiers.yaml", "reason: 燃气泄漏", "reason: [燃气]", 4, "plain text"),
]


@pytest.mark.parametrize(("file", "old", "new", "line", "word"), BAD_EDITS)
def test_bad_edit_is_refused_with_its_line(
    files: Mapping[str, str], file: str, old: str, new: str, line: int, word: str
) -> None:
    """A wrong entry is refused, and the error names the file, the line and what is wrong."""
    assert old in files[file]
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue({**files, file: files[file].replace(old, new, 1)})
    assert (caught.value.file, caught.value.line) == (file, line)
    assert word in caught.value.sentence


@pytest.mark.parametrize("file", ["units.csv", "topics.csv", "areas.csv", "catalogue.yaml"])
def test_missing_file_is_named(files: Mapping[str, str], file: str) -> None:
    """Without one of its files there is no catalogue."""
    rest = {name: text for name, text in files.items() if name != file}
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(rest)
    assert caught.value.file == file


def test_yaml_that_is_no_list_is_refused(files: Mapping[str, str]) -> None:
    """A catalogue file is a list of entries."""
    with pytest.raises(CatalogueError, match="list"):
        parse_catalogue({**files, "tiers.yaml": "id: gas-leak\n"})


def test_byte_order_mark_is_no_harm(files: Mapping[str, str]) -> None:
    """A spreadsheet's byte order mark at the head of a CSV file is skipped."""
    again = parse_catalogue({**files, "units.csv": "\ufeff" + files["units.csv"]})
    assert "heating" in again.units


def test_unit_names(catalogue: Catalogue) -> None:
    """Units have their Chinese names; local government without a place has one too."""
    assert catalogue.unit_name("gas") == "燃气集团"
    assert catalogue.unit_name("district") == "属地政府"
