"""All pages: links that lead somewhere, examples that parse, nothing of the workplace."""

import json
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link within the project names a file or folder that is there."""
    missing = [target for target in links(page) if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_json_examples_parse(page: Path) -> None:
    """What is marked as JSON is JSON."""
    for block in blocks(page):
        if block.language == "json":
            json.loads(block.body)


def test_both_readmes_show_the_same_commands() -> None:
    """The Chinese README is the English one in Chinese: same headings in number, same commands."""
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    commands = [
        [block for block in blocks(page) if block.language == "bash"] for page in (english, chinese)
    ]
    assert commands[0] == commands[1]
    assert len(commands[0]) == 5
    headings = [page.read_text().count("\n## ") for page in (english, chinese)]
    assert headings[0] == headings[1]
    assert set(links(english)) - {"README.zh-CN.md"} == set(links(chinese)) - {"README.md"}


def test_every_decision_record_has_the_three_parts() -> None:
    """An ADR tells context, decision and consequences, and its number is in its title."""
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {record.name[:4]} ")
        for part in ("## Context", "## Decision", "## Consequences"):
            assert text.count(f"\n{part}\n") == 1, f"{record.name}: {part}"
