"""Text as triage reads it: normalised, joined, with a way back to the original."""
