"""Phrase expressions that clerks write, and what is built on them: tier rules and matters."""
