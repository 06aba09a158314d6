"""Pages for supervisors: the day, the surge, search, a cluster, export."""
