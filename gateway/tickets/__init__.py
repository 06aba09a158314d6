"""The ticket: its data, workflow, clocks, tables and SQL."""
