"""``python -m hutch.cli.warren``."""

from hutch.cli.warren import main

main()
