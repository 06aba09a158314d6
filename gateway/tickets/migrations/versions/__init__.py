"""One module a step, each with its `phase`: `expand` or `contract`."""
