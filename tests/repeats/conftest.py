"""The line of one ticket, on both databases."""

from tests.dispatch.conftest import line

__all__ = ["line"]
