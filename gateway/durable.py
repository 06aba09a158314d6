"""Making files last: what is not flushed is lost with the power."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Put a file, or a folder's list of files, on the disk for good."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
