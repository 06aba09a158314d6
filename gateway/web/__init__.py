"""The HTTP side: one table of routes, problem documents, readiness."""
