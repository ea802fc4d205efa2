"""What builds and tries the Debian package (conformance/deb): parts that need no root; debian/."""

import tomllib
from pathlib import Path

import pytest

from conformance.deb.build import last_date, name_and_version
from conformance.deb.compare import differences
from conformance.deb.roots import SUITES, mirror

PROJECT = Path(__file__).parents[2]
CHANGELOG = (PROJECT / "debian" / "changelog").read_text()
PROJECT_TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

# Where Debian's name of a package is not python3- and Python's name.
NAMES = {"cffi": "python3-cffi-backend", "python-prctl": "python3-prctl", "PyYAML": "python3-yaml"}
REPLACED = {"backports.zstd": "libzstd1"}  # runtime/hutch/image/system_libraries.py


def test_the_version_is_that_of_the_python_package() -> None:
    assert name_and_version(CHANGELOG) == (PROJECT_TABLE["name"], PROJECT_TABLE["version"])
    assert last_date(CHANGELOG).startswith(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))


def test_the_package_needs_what_the_python_package_needs() -> None:
    control = {
        line.strip(" ,") for line in (PROJECT / "debian" / "control").read_text().split("\n")
    }
    for wanted in PROJECT_TABLE["dependencies"]:
        name = wanted.partition(">")[0]
        debian = REPLACED.get(name) or NAMES.get(name) or f"python3-{name.lower()}"
        assert debian in control, name


def test_the_mirror_is_that_of_the_host() -> None:
    assert mirror("URIs: http://mirror.test/debian\nSuites: x") == "http://mirror.test/debian"
    line = "deb [signed-by=/k] http://mirror.test/debian/ bookworm main"
    assert mirror("deb http://other.test/tools x y\n" + line) == "http://mirror.test/debian/"
    with pytest.raises(ValueError, match="no mirror of Debian"):
        mirror("URIs: http://other.test/tools")
    assert set(SUITES) == {"bookworm", "trixie"}


def test_differences_are_those_that_no_package_manager_makes() -> None:
    before = "d 755 0:0 /usr \nf 644 0:0 /var/log/dpkg.log \naaaa  /var/lib/dpkg/status"
    after = "d 755 0:0 /usr \nf 640 0:0 /var/log/dpkg.log \nbbbb  /var/lib/dpkg/status"
    assert differences(before, after) == []
    assert differences(before, after + "\nd 755 0:0 /var/lib/hutch ") == [
        "+ d 755 0:0 /var/lib/hutch "
    ]
    assert differences(before, before.replace("755", "700")) == [
        "+ d 700 0:0 /usr ", "- d 755 0:0 /usr "
    ]  # fmt: skip
