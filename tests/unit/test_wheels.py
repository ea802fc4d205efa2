"""Wheels: their tags, their bytes, and how a command of one finds its package."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conformance.wheels.__main__ import wheel_for
from conformance.wheels.dependencies import requirements
from conformance.wheels.interpreter import interpreter

NATIVE = Path(__file__).parents[2] / "native"
sys.path[:0] = [str(NATIVE)]
from wheels import archive, targets  # noqa: E402

MARK = "build-test"
SHOW = """
#include "launcher/places.h"
int main(void)
{
    char prefix[PATH_MAX], packages[PLACE_MAX], interpreter[PATH_MAX];
    if (find_places(prefix, packages))
        return 1;
    puts(packages);
    fflush(stdout);
    if (find_interpreter(prefix, interpreter))
        return 1;
    puts(interpreter);
}
"""


def test_the_tags_are_those_of_the_files_name() -> None:
    processor, libc = targets.PROCESSORS["aarch64"], targets.LIBCS["glibc"]
    assert targets.tags(processor, libc) == [
        "cp311-abi3-manylinux_2_17_aarch64",
        "cp311-abi3-manylinux2014_aarch64",
    ]
    assert targets.file_name("1.0", processor, libc) == (
        "hutch-1.0-cp311-abi3-manylinux_2_17_aarch64.manylinux2014_aarch64.whl"
    )
    tag = b"Tag: cp311-abi3-musllinux_1_2_x86_64\n"
    assert tag in archive.wheel_text(
        targets.tags(targets.PROCESSORS["x86_64"], targets.LIBCS["musl"])
    )


def test_the_same_files_give_the_same_wheel(tmp_path: Path) -> None:
    files = {
        "hutch/b.py": archive.File(b"b"),
        "hutch/a": archive.File(b"a", executable=True),
        "hutch-1.dist-info/METADATA": archive.File(b"Name: hutch\n"),
    }
    digests = set()
    for name, given in (("one", files), ("two", dict(reversed(files.items())))):
        archive.write_wheel(tmp_path / name, given, "hutch-1.dist-info", ["py3-none-any"], 0)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    with zipfile.ZipFile(tmp_path / "one") as wheel:
        entries = wheel.infolist()
        record = wheel.read("hutch-1.dist-info/RECORD").decode().splitlines()
    assert [entry.filename for entry in entries] == [
        "hutch/a",
        "hutch/b.py",
        "hutch-1.dist-info/METADATA",
        "hutch-1.dist-info/RECORD",
        "hutch-1.dist-info/WHEEL",
    ]
    assert entries[0].external_attr >> 16 == 0o100755
    assert entries[1].external_attr >> 16 == 0o100644
    assert record[-1] == "hutch-1.dist-info/RECORD,,"
    assert "hutch/b.py,sha256=PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0,1" in record


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that prints the package and the interpreter that a command from a wheel finds."""
    folder = tmp_path_factory.mktemp("finder")
    (folder / "show.c").write_text(SHOW)
    words = ["cc", "-D_GNU_SOURCE", '-DPROGRAM="hutch"', f'-DMARK="{MARK}"', "-I", NATIVE]
    subprocess.run(
        [*words, "-Wall", "-Wno-unused-function", "-o", folder / "show", folder / "show.c"],
        check=True,
    )
    return folder / "show"


def installed(finder: Path, prefix: Path, place: str, first_lines: str) -> Path:
    """An installation: its package is in PREFIX/``place``; the command."""
    libexec = prefix / place / "hutch" / "libexec"
    libexec.mkdir(parents=True)
    (libexec / MARK).touch()
    (prefix / "bin").mkdir(exist_ok=True)
    (prefix / "bin" / "hutch-python").write_text(first_lines)
    for command in (prefix / "bin" / "hutch", libexec / "hutch"):
        command.write_bytes(finder.read_bytes())
        command.chmod(0o755)
    return prefix / "bin" / "hutch"


def found(command: Path) -> list[str]:
    return subprocess.check_output([command], text=True).splitlines()


@pytest.mark.parametrize(
    "place",
    [
        "lib/python3.11/site-packages",
        "lib/python3.19/site-packages",
        "lib/python3.13/dist-packages",
        "lib64/python3.14/site-packages",
        "",
    ],
)
def test_a_command_finds_its_package_in_every_place(
    finder: Path, tmp_path: Path, place: str
) -> None:
    command = installed(finder, tmp_path / "prefix", place, f"#!{sys.executable}\nimport os\n")
    wanted = [str(tmp_path / "prefix" / place), str(Path(sys.executable).resolve())]
    assert found(command) == wanted
    link = tmp_path / "link"
    link.symlink_to(command)
    assert found(link) == wanted
    assert found(tmp_path / "prefix" / place / "hutch" / "libexec" / "hutch") == wanted


def test_a_command_does_not_take_the_package_of_another_build(finder: Path, tmp_path: Path) -> None:
    other = tmp_path / "lib/python3.11/site-packages/hutch/libexec"
    other.mkdir(parents=True)
    (other / "build-other").touch()
    command = installed(finder, tmp_path, "lib/python3.13/site-packages", "#!/bin/sh\n")
    assert found(command)[0] == str(tmp_path / "lib/python3.13/site-packages")


@pytest.mark.parametrize("quote", ['"', ""])
def test_an_installer_may_have_written_a_line_for_the_shell(
    finder: Path, tmp_path: Path, quote: str
) -> None:
    python = tmp_path / ("a folder" if quote else "folder") / "python"
    python.parent.mkdir()
    python.touch()
    lines = f"#!/bin/sh\n'''exec' {quote}{python}{quote} \"$0\" \"$@\"\n' '''\n"
    command = installed(finder, tmp_path / "prefix", "lib/python3.12/site-packages", lines)
    assert found(command)[1] == str(python)


def test_a_missing_interpreter_is_an_error(finder: Path, tmp_path: Path) -> None:
    command = installed(finder, tmp_path, "lib/python3.12/site-packages", "#!/nonexistent/x\n")
    done = subprocess.run([command], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        f"hutch: finds no interpreter in {tmp_path}/bin/hutch-python: reinstall hutch\n"
    )


def test_the_standard_librarys_sqlite_does_what_the_extension_does(tmp_path: Path) -> None:
    from hutch import _sqlite
    from sqlite import standard

    seen = []
    for number, module in enumerate((_sqlite, standard)):
        database = module.Connection(str(tmp_path / str(number)), 1000)
        said: list[object] = [database.rows("CREATE TABLE t (a, b UNIQUE)", ())]
        said.append(database.rows("INSERT INTO t VALUES (?, ?)", (1, "é")))
        said.append(database.rows("SELECT a, b, NULL, 1.5, x'00' FROM t", ()))
        for statement, values in (
            ("INSERT INTO t VALUES (?, ?)", (2, "é")),
            ("SELECT nothing", ()),
        ):
            with pytest.raises(module.Error) as caught:
                database.rows(statement, values)
            said.append(caught.value.args)
        with pytest.raises(TypeError):
            database.rows("SELECT ?", ())
        database.rows("BEGIN IMMEDIATE", ())
        said.append(database.in_transaction)
        database.rows("ROLLBACK", ())
        said.append(database.in_transaction)
        database.close()
        with pytest.raises(module.Error) as caught:
            module.Connection(str(tmp_path / "no" / "folder"), 1000)
        said.append(caught.value.args)
        seen.append(said)
    assert seen[0] == seen[1]


def test_a_trial_takes_the_wheel_of_the_interpreters_c_library(tmp_path: Path) -> None:
    names = {}
    for libc in ("glibc", "musl"):
        for processor in targets.PROCESSORS.values():
            name = targets.file_name("1.0", processor, targets.LIBCS[libc])
            (tmp_path / name).touch()
            names[libc, processor.name] = name
    for libc in ("glibc", "musl"):
        assert wheel_for(tmp_path, libc).name == names[libc, "x86_64"]
    (tmp_path / names["musl", "x86_64"]).unlink()
    with pytest.raises(SystemExit, match="has no musllinux wheel for x86_64"):
        wheel_for(tmp_path, "musl")


def test_what_a_wheel_requires_depends_on_the_interpreter_that_is_tried(tmp_path: Path) -> None:
    metadata = (
        "Name: hutch\nRequires-Dist: cffi>=1.15\n"
        "Requires-Dist: old>=1; python_version < '3.14'\n"
        "Requires-Dist: pytest; extra == 'dev'\n"
    )
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("hutch-1.dist-info/METADATA", metadata)
    assert requirements(tmp_path / "a.whl", "3.12") == ["cffi>=1.15", "old>=1"]
    assert requirements(tmp_path / "a.whl", "3.14") == ["cffi>=1.15"]


def test_a_trial_knows_the_interpreter_of_a_prefix(tmp_path: Path) -> None:
    assert interpreter(Path(sys.prefix))[1:] == ("{}.{}".format(*sys.version_info), "glibc")
    with pytest.raises(SystemExit, match="/nonexistent has no interpreter"):
        interpreter(Path("/nonexistent"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\necho 3.13 musl\n")
    (tmp_path / "bin" / "python3").chmod(0o755)
    given = interpreter(tmp_path)
    assert (given.version, given.libc) == ("3.13", "musl")
    with pytest.raises(SystemExit, match="a root has a /tmp of its own"):
        given.copy_to(tmp_path / "root")
