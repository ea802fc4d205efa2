"""Prints the project's dependencies, one on each line, so that pip can install them before the
package itself (which is then installed with --no-deps)."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
wanted = project["dependencies"] + [
    name for extra in project["optional-dependencies"].values() for name in extra
]
sys.stdout.write("\n".join(wanted) + "\n")
