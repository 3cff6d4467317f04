"""`python -m sandbox`: the command, where no console script is on the path."""

from sandbox.cli.main import main

main()
