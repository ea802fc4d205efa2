"""``python -m hutch.cli``: hutch without its launcher."""

from hutch.cli.main import main

main()
