"""The costs of a start: the modules that a verb imports, and the number of instructions.

Every container pays for each module of these lists. To add a module on purpose, write the list that
the failing test prints to startup_modules.txt.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hutch as package
import pytest

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.no_runtime, pytest.mark.root]

PACKAGES = Path(package.__file__).parent.parent
LIST = Path(__file__).parent / "startup_modules.txt"
FRONTS = {
    "interpreter": PACKAGES / "hutch" / "libexec" / "hutch",
    "static executable": Path(sys.prefix) / "bin" / "hutch",
}

# Runs one command line in a bare interpreter and writes the names of what it imported to fd 3.
PROBE = """
import sys
before = set(sys.modules)
sys.path.append(sys.argv.pop(1))
report = int(sys.argv.pop(1))
import posix
from hutch.cli.main import command
code = command(sys.argv[1:])
posix.write(report, "\\n".join(sorted(set(sys.modules) - before)).encode())
posix._exit(code)
"""


def budget() -> dict[str, list[str]]:
    """{verb: its modules} in the committed file: a line "[verb]", then one module on each line."""
    found: dict[str, list[str]] = {}
    for line in LIST.read_text().splitlines():
        if line.startswith("["):
            modules = found.setdefault(line.strip("[]"), [])
        elif line:
            modules.append(line)
    return found


def imported(root: Path, *words: str) -> list[str]:
    """The modules that a command line imports; it must succeed."""
    read, write = os.pipe()
    interpreter = Path(sys.executable).resolve()
    subprocess.run(
        [interpreter, "-I", "-S", "-X", "utf8", "-c", PROBE, PACKAGES, str(write),
         "--root", str(root), *words],
        pass_fds=[write], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as report:
        return report.read().split("\n")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """{verb: its modules}, measured during the life of one container and a run."""
    path = tmp_path_factory.mktemp("startup")
    bundle = str(Bundle(path / "bundle").args("sleep", "60").path)
    root = path / "state"
    life = {
        "create": ["--bundle", bundle, "one"],
        "state": ["one"],
        "start": ["one"],
        "exec": ["one", "true"],
        "pause": ["one"],
        "resume": ["one"],
        "list": [],
        "kill": ["one", "KILL"],
        "delete": ["--force", "one"],
    }
    found = {verb: imported(root, verb, *words) for verb, words in life.items()}
    Bundle(path / "brief")
    found["run"] = imported(root, "run", "--bundle", str(path / "brief"), "two")
    yield found


@pytest.mark.parametrize("verb", sorted(budget()))
def test_a_verb_imports_what_the_list_says(verb: str, measured: dict[str, list[str]]) -> None:
    now = measured[verb]
    joined = sorted(set(now) - set(budget()[verb]))
    left = sorted(set(budget()[verb]) - set(now))
    assert now == budget()[verb], "\n".join(
        [f"[{verb}] imports {len(now)} modules: new {joined}, gone {left}; now:", *now]
    )


def test_every_measured_verb_has_a_list(measured: dict[str, list[str]]) -> None:
    assert sorted(budget()) == sorted(measured)


# The interpreter's own start takes more since 3.12.
LAUNCHED = 20 if sys.version_info < (3, 12) else 27


@pytest.mark.parametrize(
    ("front", "millions"), [("interpreter", LAUNCHED), ("static executable", 2)]
)
def test_state_takes_few_instructions(
    front: str, millions: int, hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    hutch("create", "--bundle", str(bundle.path), "counted")
    profile = tmp_path / "profile"
    subprocess.run(
        ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={profile}",
         FRONTS[front], "--root", str(hutch.root), "state", "counted"],
        check=True, capture_output=True,
    )  # fmt: skip
    # The exec of the interpreter replaces the launcher and its profile.
    totals = [line for line in profile.read_text().splitlines() if line.startswith("totals:")]
    assert int(totals[-1].split()[1]) <= millions * 1_000_000


def changed_pages(pid: int, program: Path) -> int:
    """How many pages of the program's variables the kernel has copied for a process (proc(5),
    smaps)."""
    pages, inside = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            inside = words[-1] == str(program) and words[1].startswith("rw")
        elif words[0] == "Anonymous:" and inside:
            pages += int(words[1]) // (os.sysconf("SC_PAGESIZE") >> 10)
    return pages


def test_state_changes_few_pages_of_the_snapshot(hutch: Runtime, bundle: Bundle) -> None:
    """The build puts side by side what verbs change (native/snapshot.py). Else it is 229."""
    hutch("create", "--bundle", str(bundle.path), "counted")
    read, write = os.pipe()
    os.set_blocking(write, False)
    while True:  # `state` then waits when it prints
        try:
            os.write(write, b"-" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write, True)
    program = FRONTS["static executable"].resolve()
    words = [program, "--root", hutch.root, "state", "counted"]
    with subprocess.Popen(words, stdout=write) as process:
        eventually(lambda: Path(f"/proc/{process.pid}/wchan").read_text().endswith("pipe_write"))
        changed = changed_pages(process.pid, program)
        process.kill()
    os.close(read)
    os.close(write)
    assert 20 < changed <= 110
