"""Figures as Markdown, for the terminal and for the readable card."""

from collections.abc import Mapping, Sequence
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


def rates_table(rates: Mapping[str, Mapping[str, float]]) -> str:
    """One row a change of the text, one column a part of the decision."""
    names = list(next(iter(rates.values()), {}))
    lines = ["| told differently | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for change, found in rates.items():
        lines.append(f"| {change} | " + " | ".join(f"{found[name]:.3f}" for name in names) + " |")
    return "\n".join(lines)


def readable_card(card: Mapping[str, Any], figures: Mapping[str, Figures]) -> str:
    """The card in words."""
    data, settings = card["data"], card["config"]
    rows = "\n".join(f"- {origin}: {count}" for origin, count in data["rows"].items())
    files = "\n".join(f"- {name}: `{digest}`" for name, digest in data["files_sha256"].items())
    limits = "\n".join(f"- {limit}" for limit in card["limits"])
    libraries = ", ".join(f"{name} {number}" for name, number in card["libraries"].items())
    calibration = card["calibration"]
    thresholds = "\n".join(
        f"- {name}: {value}"
        for name, value in calibration.items()
        if name not in ("matters", "automatic")
    )
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

## Automatic decisions
Of held-out rows with at most this estimated risk, by a rule fitted on other folds, so many were
wrong: unit not acceptable, or tier too low. The risk that may pass is the last whose upper end of
the 95 % interval keeps within the admitted error (`JIESU_AUTOMATIC_ERROR`).

{evidence(calibration["automatic"]["steps"])}

## Limits
{limits}
"""


def evidence(steps: Sequence[Mapping[str, Any]]) -> str:
    """The evidence for the rule of automatic decisions, one row a level of risk."""
    lines = ["| risk up to | rows | wrong | share | upper end |", "|---|---|---|---|---|"]
    for step in steps:
        share = step["wrong"] / step["rows"]
        lines.append(
            f"| {step['risk']:.4f} | {step['rows']} | {step['wrong']} | {share:.4f} "
            f"| {step['upper']:.4f} |"
        )
    return "\n".join(lines)


def _cell(name: str, value: float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or name.endswith("_size"):
        return str(value)
    return f"{value:.3f}"
