"""Figures as Markdown, for the terminal and for the readable card."""

from collections.abc import Mapping
from typing import Any

from training.evaluate import Figures


def table(figures: Mapping[str, Figures]) -> str:
    """One row a figure, one column an origin; sources within an origin are left out."""
    parts = {name: part for name, part in figures.items() if "/" not in name}
    names = dict.fromkeys(name for part in parts.values() for name in part)
    lines = ["| figure | " + " | ".join(parts) + " |", "|---" * (len(parts) + 1) + "|"]
    for name in names:
        cells = (_cell(name, part.get(name)) for part in parts.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def readable_card(card: Mapping[str, Any], figures: Mapping[str, Figures]) -> str:
    """The card in words."""
    data, settings = card["data"], card["config"]
    rows = "\n".join(f"- {origin}: {count}" for origin, count in data["rows"].items())
    files = "\n".join(f"- {name}: `{digest}`" for name, digest in data["files_sha256"].items())
    limits = "\n".join(f"- {limit}" for limit in card["limits"])
    libraries = ", ".join(f"{name} {number}" for name, number in card["libraries"].items())
    thresholds = "\n".join(f"- {name}: {value}" for name, value in card["calibration"].items())
    return f"""# {card["name"]} {card["version"]}

{card["about"]} Seed {settings["seed"]}; {libraries}.

## Data
{rows}

{data["groups"]} groups of near-duplicates. SHA-256 of the files:
{files}

No text ships. The vocabulary holds only features that occur in at least
{settings["vocabulary"]["least_appeals"]} different appeals, none with a digit, none that a
tagger takes for a person's name.

## Figures
{card["figures"]["method"]}.

{table(figures)}

## Calibration
{thresholds}

## Limits
{limits}
"""


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or name.endswith("_size"):
        return str(value)
    return f"{value:.3f}"
