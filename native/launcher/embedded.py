"""The first module of the static executable, which native/launcher/embedded.c runs.

The executable does not have the modules that need files of the standard library. hutch/front.py
executes the ordinary interpreter for them.
"""

import _frozen_importlib as bootstrap


def main(packages: str) -> None:
    """Runs the command line. The package is installed in the folder ``packages``."""
    # ``bootstrap`` is _frozen_importlib: bootstrap.py is frozen under that name.
    bootstrap.importer.place(packages)  # type: ignore[attr-defined]
    from hutch.cli.main import main as command

    command()
