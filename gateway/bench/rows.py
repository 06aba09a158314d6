"""One line of the table of figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, what it should reach, and the floor of the same run beside it."""

    figure: str
    value: str
    goal: str = ""
    floor: str = ""
