"""`python -m mlxq.cli`: the `mlxq` command."""

from mlxq.cli import main

main()
