"""Prints the project's dependencies, one a word: what pip must install before the package itself
can be installed without looking for them."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
wanted = project["dependencies"] + [
    name for extra in project["optional-dependencies"].values() for name in extra
]
sys.stdout.write("\n".join(wanted) + "\n")
