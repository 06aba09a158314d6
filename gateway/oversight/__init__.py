"""What supervisors see and switch: surges, the day's figures, search over all tickets, export."""
