"""Attacks on every route of the one table; a new route is attacked from its first day on."""
