"""The citizen's pages in a real browser."""
