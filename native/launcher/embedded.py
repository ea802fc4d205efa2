"""The first module of the static executable: run by native/launcher/embedded.c.

A module that needs the standard library's files is not in the executable: hutch/front.py has the
way to where it is.
"""

import _frozen_importlib as bootstrap

packages = ""  # the folder of the installed package: set by embedded.c


def main() -> None:
    """Runs the command line."""
    # bootstrap.py, by the name that it is frozen under
    bootstrap.importer.packages = packages  # type: ignore[attr-defined]
    from hutch.cli.main import main as command

    command()
