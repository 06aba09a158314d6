"""`python -m gateway.cli`: the `jiesu` command without its script."""

from gateway.cli import main

main()
