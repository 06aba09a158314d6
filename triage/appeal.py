"""What triage is given: the texts of one appeal, each with the name of where it came from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceText:
    """One message's or attachment's text; `source` names it in the reasons."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Appeal:
    """All texts of one appeal, oldest first; they are decided on together."""

    texts: tuple[SourceText, ...]
