"""The console's pages without scripts."""
