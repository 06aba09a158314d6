"""The classifier port, and the linear classifier behind it."""
