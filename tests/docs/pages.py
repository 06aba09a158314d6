"""Pages of the documentation as tests read them: tables, fenced blocks, links."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
_BLOCK: Final = re.compile(
    r"(?:^<!-- not run: (?P<why>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
REST: Final = "…"
"""A key or an element that stands for what an example leaves out."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `not_run` is the reason in the comment above it."""

    language: str
    body: str
    not_run: str | None


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page that name a language."""
    found = _BLOCK.finditer(page.read_text())
    return [Block(match["language"], match["body"], match["why"]) for match in found]


def rows(page: Path, first_cell: str) -> list[list[str]]:
    """Return the cells of all table rows whose first cell fits the expression."""
    found = []
    for line in page.read_text().splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if re.fullmatch(first_cell, cells[0]):
                found.append(cells)
    return found


def links(page: Path) -> list[str]:
    """Return where the page's links within the project point, without anchors."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    return [target for target in targets if target and "://" not in target]


def assert_same_shape(told: Any, real: Any, at: str = "") -> None:
    """Assert that a documented answer has the fields and kinds of values of the real one."""
    if isinstance(told, dict):
        assert isinstance(real, dict), f"{at}: no object"
        told_keys, rest = set(told) - {REST}, REST in told
        missing = told_keys - set(real)
        assert not missing, f"{at}: not there: {missing}"
        assert rest or told_keys == set(real), f"{at}: not told: {set(real) - told_keys}"
        for key in told_keys:
            assert_same_shape(told[key], real[key], f"{at}/{key}")
    elif isinstance(told, list):
        assert isinstance(real, list), f"{at}: no list"
        assert bool(real) == bool(told), f"{at}: one of the two lists is empty"
        for item in (item for item in told if item != REST):
            assert_same_shape(item, real[0], f"{at}/0")
    else:
        assert type(told) is type(real), f"{at}: told {told!r}, is {real!r}"
