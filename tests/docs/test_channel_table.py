"""The table of what each channel can carry: every test that it names is there."""

import re

from channels.registry import configured_channels
from gateway.settings import Settings
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "channels.md").read_text("utf-8")
TABLE = PAGE.split("What each can carry")[1].split("\n\n")[1]


def test_tests_of_the_table_exist() -> None:
    """Each cell names a test that is defined somewhere below `tests`, or says why there is none."""
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"def (test_\w+)", sources))
    assert set(re.findall(r"`(test_\w+)`", TABLE)) <= defined
    for line in TABLE.splitlines()[2:]:
        for cell in line.strip("|").split("|")[1:]:
            assert "`test_" in cell or "–" in cell, cell


def test_channels_of_the_table_are_all_there_are() -> None:
    """Every channel that can be configured stands in the table."""
    named = set(re.findall(r"^\| (.+?) \|", TABLE, re.MULTILINE))
    assert {name.strip("`") for cell in named for name in cell.split(", ")} >= {
        channel.name for channel in configured_channels(Settings())
    }
