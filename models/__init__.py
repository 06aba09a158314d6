"""The registry's code and the read-only bundle that ships."""
