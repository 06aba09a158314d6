"""Written appeals that no model ever learns from: frozen by hash, each use logged."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from training.corpus import OWN, WRITTEN, CorpusError, Example, Reader
from triage.taxonomy import Catalogue

FOLDER = OWN / "held_out"
_HASHES, _USES = "frozen.json", "uses.jsonl"


def read_frozen(catalogue: Catalogue, folder: Path = FOLDER) -> list[Example]:
    """The frozen appeals; raises CorpusError if one of the files is not what was frozen."""
    hashes = json.loads((folder / _HASHES).read_text("utf-8"))
    reader = Reader(catalogue)
    examples = []
    for name, digest in sorted(hashes.items()):
        path = folder / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise CorpusError(f"{path} is not the file that was frozen; restore it")
        examples += reader.rows(path, WRITTEN)
    return examples


def log_use(model: str, why: str, folder: Path = FOLDER) -> None:
    """Note that these appeals were looked at: the more often, the less they prove."""
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "model": model, "why": why}
    with (folder / _USES).open("a", encoding="utf-8") as uses:
        uses.write(json.dumps(line, ensure_ascii=False) + "\n")
