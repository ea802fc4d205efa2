"""``python -m hutch.cli.warren``."""

from . import main

main()
