"""The catalogue folder that clerks edit: seeded, read, and read again when it changes."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

import structlog

from gateway.clock import Clock
from triage.appeal import Appeal
from triage.decision import Tier
from triage.pipeline import tier_by_rules
from triage.taxonomy import FILES, Catalogue, CatalogueError, parse_catalogue

log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = 5.0
Texts = dict[str, str]


@dataclass(slots=True)
class CatalogueFolder:
    """Keeps the last catalogue that was right beside the folder, for a start after a bad edit."""

    folder: Path
    last_good: Path
    clock: Clock
    on_change: Callable[[Texts, Catalogue], None] | None = None
    _stamp: tuple[tuple[str, int, int], ...] = field(default=())

    def load(self) -> tuple[Texts, Catalogue]:
        """Return the catalogue; where an edit is wrong, the last good one, with a log line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            if not (self.folder / name).exists():
                shutil.copyfile(str(files("triage") / "taxonomy" / name), self.folder / name)
        self._stamp = self._look()
        try:
            return self._read(self.folder)
        except (CatalogueError, OSError, UnicodeDecodeError) as error:
            _complain(error)
            if not self.last_good.exists():
                raise
            texts = _texts(self.last_good)
            return texts, parse_catalogue(texts)

    async def watch(self) -> None:
        """Take over edits within seconds, until cancelled; a bad one changes nothing."""
        while True:
            await self.clock.sleep(_LOOK_EVERY)
            stamp = self._look()
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            try:
                texts, catalogue = self._read(self.folder)
            except (CatalogueError, OSError, UnicodeDecodeError) as error:
                _complain(error)
                continue
            log.info("catalogue taken over")
            if self.on_change is not None:
                self.on_change(texts, catalogue)

    def _read(self, folder: Path) -> tuple[Texts, Catalogue]:
        texts = _texts(folder)
        catalogue = parse_catalogue(texts)
        self.last_good.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            draft = self.last_good / f"{name}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.last_good / name)
        return texts, catalogue

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for name in FILES:
            try:
                stat = (self.folder / name).stat()
            except OSError:
                continue
            found.append((name, stat.st_mtime_ns, stat.st_size))
        return tuple(found)


def _texts(folder: Path) -> Texts:
    return {name: (folder / name).read_text(encoding="utf-8-sig") for name in FILES}


def _complain(error: Exception) -> None:
    log.error("the catalogue has a fault: the one before stays in use", fault=str(error))


@dataclass(slots=True)
class TierRules:
    """The tier by rules alone and the units' names, over the catalogue of the moment."""

    catalogue: Catalogue

    def unit_name(self, code: str) -> str:
        """Return the unit's Chinese name, or the code where the catalogue has it no more."""
        unit = self.catalogue.units.get(code)
        return unit.name if unit else code

    def __call__(self, appeal: Appeal) -> Tier:
        """Return the tier that the rules alone give an appeal."""
        return tier_by_rules(self.catalogue, appeal)
