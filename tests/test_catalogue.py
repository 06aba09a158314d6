"""The catalogue folder that clerks edit: a bad edit changes nothing, and is told of."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.catalogue import CatalogueFolder, Texts
from gateway.clock import SimulatedClock
from triage.taxonomy import FILES, Catalogue, CatalogueError

NEW_UNIT = "night-desk,夜间值班室,department,夜间事项\n"


class Clerk:
    """A folder that is watched, and whoever edits it."""

    def __init__(self, data: Path) -> None:
        self.clock = SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))
        self.data = data
        self.taken: list[tuple[Texts, Catalogue]] = []

    def folder(self) -> CatalogueFolder:
        """The folder as a process just started has it."""
        return CatalogueFolder(
            self.data / "catalogue", self.data / "last-good", self.clock,
            lambda texts, catalogue: self.taken.append((texts, catalogue)),
        )  # fmt: skip

    def write(self, name: str, text: str) -> None:
        """Save a file with other content."""
        (self.data / "catalogue" / name).write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        """A file as it is."""
        return (self.data / "catalogue" / name).read_text(encoding="utf-8")

    async def wait(self) -> None:
        """Let the watching process look once more."""
        await asyncio.sleep(0)
        self.clock.advance(timedelta(seconds=5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
def clerk(tmp_path: Path) -> Clerk:
    """A clerk of an installation without a catalogue yet."""
    return Clerk(tmp_path)


def test_the_folder_is_seeded_with_what_ships(clerk: Clerk) -> None:
    """Every file is there to be edited; those that a clerk has kept stay."""
    _, shipped = clerk.folder().load()
    assert {path.name for path in (clerk.data / "catalogue").iterdir()} == set(FILES)
    clerk.write("units.csv", clerk.read("units.csv") + NEW_UNIT)
    (clerk.data / "catalogue" / "tiers.yaml").unlink()
    texts, catalogue = clerk.folder().load()
    assert catalogue.units.keys() - shipped.units.keys() == {"night-desk"}
    assert texts["tiers.yaml"]


async def test_an_edit_is_taken_over_without_a_restart(clerk: Clerk) -> None:
    """Within seconds, and once; a file saved without a change of content may be read again."""
    folder = clerk.folder()
    folder.load()
    watching = asyncio.ensure_future(folder.watch())
    await clerk.wait()
    assert clerk.taken == []
    clerk.write("units.csv", clerk.read("units.csv") + NEW_UNIT)
    await clerk.wait()
    await clerk.wait()
    [(texts, catalogue)] = clerk.taken
    assert "night-desk" in catalogue.units
    assert NEW_UNIT in texts["units.csv"]
    watching.cancel()


async def test_a_bad_edit_keeps_the_old_one_and_says_where_it_is_wrong(clerk: Clerk) -> None:
    """The log names file and line; when it is mended, the mended one is taken over."""
    folder = clerk.folder()
    folder.load()
    watching = asyncio.ensure_future(folder.watch())
    good = clerk.read("units.csv")
    line = good.count("\n") + 1
    with capture_logs() as logs:
        clerk.write("units.csv", good + "police,又一个公安局,department,事项\n")
        await clerk.wait()
    assert clerk.taken == []
    [told] = [entry for entry in logs if entry["log_level"] == "error"]
    assert f"units.csv, line {line}: " in told["fault"]
    clerk.write("units.csv", good + NEW_UNIT)
    await clerk.wait()
    assert len(clerk.taken) == 1
    watching.cancel()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b"- id: [", b"\x00" * 100])
async def test_a_file_that_is_no_text_changes_nothing(clerk: Clerk, content: bytes) -> None:
    """Half a copy, another encoding, an empty file: the gateway goes on with what it had."""
    folder = clerk.folder()
    folder.load()
    watching = asyncio.ensure_future(folder.watch())
    (clerk.data / "catalogue" / "units.csv").write_bytes(content)
    with capture_logs() as logs:
        await clerk.wait()
    assert clerk.taken == []
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert not watching.done()
    watching.cancel()


async def test_a_file_that_vanishes_changes_nothing(clerk: Clerk) -> None:
    """The other files alone are no catalogue."""
    folder = clerk.folder()
    folder.load()
    watching = asyncio.ensure_future(folder.watch())
    (clerk.data / "catalogue" / "areas.csv").unlink()
    await clerk.wait()
    assert clerk.taken == []
    assert not watching.done()
    watching.cancel()


def test_a_bad_edit_before_a_start_uses_the_last_good_one(clerk: Clerk) -> None:
    """Whoever restarts over a bad edit serves as before it, and is told of it."""
    clerk.folder().load()
    clerk.write("units.csv", clerk.read("units.csv") + NEW_UNIT)
    clerk.folder().load()
    clerk.write("tiers.yaml", "- id: [\n")
    with capture_logs() as logs:
        _, catalogue = clerk.folder().load()
    assert "night-desk" in catalogue.units
    assert "tiers.yaml, line" in logs[0]["fault"]
    assert clerk.read("tiers.yaml") == "- id: [\n"


def test_without_a_good_one_a_bad_catalogue_ends_the_start(clerk: Clerk) -> None:
    """A first start over a broken folder has nothing to serve by."""
    (clerk.data / "catalogue").mkdir()
    clerk.write("units.csv", "nonsense\n")
    with capture_logs(), pytest.raises(CatalogueError, match=r"units\.csv, line 1"):
        clerk.folder().load()
