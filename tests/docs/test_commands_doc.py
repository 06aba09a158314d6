"""`docs/commands.md` against the entry points, their sub-commands, and the Makefile."""

import re
from importlib.metadata import entry_points

import typer
from typer.main import get_command

from gateway.cli import GROUP
from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "commands.md"


def all_commands() -> set[str]:
    """Return every command as typed, `tickets show` for instance."""
    found = set()
    for point in entry_points(group=GROUP):
        loaded = point.load()
        if isinstance(loaded, typer.Typer):
            names = getattr(get_command(loaded), "commands")  # noqa: B009
            found |= {f"{point.name} {name}" for name in names}
        else:
            found.add(point.name)
    return found


def test_every_command_has_a_section_with_an_example() -> None:
    """The page has a heading for each command and a block that calls it; and no other heading."""
    told = set(re.findall(r"^### `jiesu ([a-z ]+)`$", PAGE.read_text(), re.MULTILINE))
    assert told == all_commands()
    examples = "".join(block.body for block in blocks(PAGE) if block.language == "bash")
    assert [name for name in told if f"jiesu {name}" not in examples] == []


def test_every_make_target_is_documented() -> None:
    """The table names what `make help` names."""
    makefile = (ROOT / "Makefile").read_text()
    real = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    told = set(re.findall(r"^\| `make ([a-z]+)` \|", PAGE.read_text(), re.MULTILINE))
    assert told == real


def test_every_option_is_documented() -> None:
    """Each option of each command is named in the section of its command."""
    text = PAGE.read_text()
    for point in entry_points(group=GROUP):
        loaded = point.load()
        app = typer.Typer(add_completion=False)
        if isinstance(loaded, typer.Typer):
            app = loaded
        else:
            app.command(name=point.name)(loaded)
        command = get_command(app)
        children = getattr(command, "commands", {})
        named = {f"{point.name} {name}": child for name, child in children.items()}
        for name, each in (named or {point.name: command}).items():
            section = text.partition(f"### `jiesu {name}`\n")[2].partition("\n### ")[0]
            options = {opt for param in each.params for opt in param.opts if opt.startswith("--")}
            options -= {"--help", "--install-completion", "--show-completion"}
            missing = sorted(option for option in options if option not in section)
            assert missing == [], f"jiesu {name}"
