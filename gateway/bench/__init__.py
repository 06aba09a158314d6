"""Speed and memory of the running service, beside the floors of the same machine and run."""
