"""Metrics and logs, none of them with people's data."""
