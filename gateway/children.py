"""What every child process of ours does first: it ends with its parent."""

import ctypes
import os
import signal
from contextlib import suppress
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


def end_with_parent(parent: int, by: signal.Signals) -> None:
    """Let this process get the signal when its parent ends, and end at once if that was before.

    May run between fork and exec.
    """
    with suppress(OSError, AttributeError):
        _LIBC.prctl(_PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        # It was killed while this child started: nobody would ever end it.
        os._exit(1)


def serve_parent(parent: int, nicer: int) -> None:
    """End with the parent, leave signals to it, and let others go first by so many steps."""
    end_with_parent(parent, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(nicer)
