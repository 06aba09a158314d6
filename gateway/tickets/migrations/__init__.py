"""The schema steps, in one line from the first; see docs/operations.md."""
