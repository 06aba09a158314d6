"""The port by which sentences are read for their meaning; triage's encoder stands behind it."""

from typing import Protocol

from triage.calibration import Floats


class Reader(Protocol):
    """Reads sentences; the vectors of one reader can be compared with one another."""

    name: str

    def read(self, text: str) -> Floats:
        """Return what a text means, (size,)."""
        ...
