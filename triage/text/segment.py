"""The one word cutter, shared by training and service so that both see the same words."""

import rjieba


def words(text: str) -> list[str]:
    """Cut a normalised text into words, punctuation and blanks included."""
    cut: list[str] = rjieba.cut(text)
    return cut
