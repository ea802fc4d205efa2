"""``./dev fronts [SUITE...]``: builds, tests and measures the static executables of each version of
CPython in native/versions.py, in a root file system of the Debian that has it.

A root is made by debootstrap in --folder (default: a temporary folder); one that is there already
is used again. In it the project is built, and the tests of the fronts and of the verbs, the unit
tests and the demonstration are run. Then the executables of all roots are measured by turns on this
system: a static executable needs nothing of its root but the package. The version of this system's
own interpreter needs no root unless its suite is named: .venv has it, and ./dev test tests it.
"""

import argparse
import datetime
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from conformance.bench import report
from conformance.bench.bundle import make_bundle
from conformance.bench.clock import instructions
from conformance.bench.measures import Bundles, Table, actions, take, wait_stopped
from conformance.bench.peers import Peer

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "conformance" / "results" / "fronts.md"
sys.path.append(str(ROOT / "native"))
from versions import ROWS, RUNNING, VERSIONS, Version  # noqa: E402

PREFIX = "opt/hutch"  # below the root
MEASURED = ("state", "start", "create", "delete")
COUNTED = ("state", "start", "delete")  # valgrind does not know clone3, which create needs

# As the root directory of a mount and a pid namespace of its own.
ENTER = """
mount --rbind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount --rbind /sys sys &&
mount --rbind /dev dev && pivot_root . . && umount -l . && cd /src && exec env -i HOME=/root \
LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive sh -euc "$1"
"""

# The suite that changes each day may be older on a mirror than its own limit.
PREPARE = """
apt-get -o Acquire::Check-Valid-Until=no update -qq
apt-get install -y -qq --no-install-recommends ca-certificates {packages} >/dev/null
"""
PYTHON = """
[ -x /{prefix}/bin/python ] || python3 -m venv /{prefix}
/{prefix}/bin/pip install -q setuptools wheel cffi {requirements}
"""
BUILD = """
rm -rf build
/{prefix}/bin/pip install -v --no-deps --no-build-isolation --force-reinstall . >/src.log 2>&1 ||
    {{ tail -40 /src.log; exit 1; }}
! grep ' starts by the interpreter: ' /src.log
/{prefix}/bin/hutch --version
/{prefix}/bin/warren version
"""
TEST = """
/{prefix}/bin/python -m pytest -q -p no:cacheprovider tests/container/test_fronts.py \
    tests/container/test_lifecycle.py tests/container/test_run.py tests/container/test_kill.py \
    tests/container/test_hooks.py tests/container/test_update.py tests/container/test_listing.py
/{prefix}/bin/python -m pytest -q -p no:cacheprovider tests/unit {unfit}
/{prefix}/bin/python -I conformance/demo.py >/dev/null
"""

PACKAGES = "binutils busybox-static git iproute2 procps strace util-linux"
# Not those of the project's metadata for developers that have no wheel for a new interpreter.
REQUIREMENTS = """backports.zstd;python_version<'3.14' docker h11 hypothesis isal jeepney jsonschema
pdoc pyroute2 pyseccomp pyte pytest python-prctl PyYAML rich urllib3 websocket-client wsproto"""
# Of the linters and the layout of the sources, which are the same with every interpreter.
UNFIT = ("test_house", "test_mutants", "test_usage", "test_workflows")


def inside(root: Path, text: str) -> None:
    """Runs a script of the shell in a root. Raises CalledProcessError if a command fails."""
    command = ["unshare", "--mount", "--pid", "--fork", "--propagation", "private"]
    subprocess.run([*command, "sh", "-euc", ENTER, str(root), text], check=True)


def prepare(version: Version, root: Path, packages: str) -> None:
    """Makes the root, and copies the sources into it."""
    if not (root / "usr" / "bin" / "apt-get").exists():
        command = ["debootstrap", "--variant=minbase", version.suite, str(root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    copy_settings(root)
    shutil.rmtree(root / "src", ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (root / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / "src" / name)
    requirements = " ".join(f'"{one}"' for one in REQUIREMENTS.split())
    wanted = f"{packages} {version.package} {' '.join(version.more_packages)} {PACKAGES}"
    inside(root, PREPARE.format(packages=wanted))
    copy_settings(root)  # again: the package ca-certificates has written its own
    inside(root, PYTHON.format(requirements=requirements, prefix=PREFIX))


def copy_settings(root: Path) -> None:
    """Gives the root this system's name servers and certificates."""
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        if Path("/", name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path("/", name), root / name)


def measure(prefixes: dict[str, Path], rounds: int) -> str:
    """The tables: times by turns, instructions, sizes."""
    with tempfile.TemporaryDirectory(prefix="hutch-fronts-") as name:
        folder = Path(name)
        waits = make_bundle(folder / "waits", "sleep", "1000")
        peers = [Peer(number, prefix / "bin/hutch", folder) for number, prefix in prefixes.items()]
        try:
            chosen = actions(Bundles(waits, waits, waits))
            table = take({verb: chosen[verb] for verb in MEASURED}, peers, rounds)
            counts = {peer.name: counted(peer, str(waits)) for peer in peers}
        finally:
            for peer in peers:
                peer.clear()
    sizes = {number: sizes_of(prefix / "bin") for number, prefix in prefixes.items()}
    times = {number: times_of(number, table) for number in prefixes}
    return "\n".join([
        "## Processor time (median, ms) and wall time (smallest, ms)\n", report.figures(times),
        "## Instructions (millions, callgrind)\n", report.figures(counts),
        "## Sizes (MiB)\n", report.figures(sizes),
    ])  # fmt: skip


def times_of(number: str, table: Table) -> dict[str, str]:
    """The figures of each verb that do not depend much on other programs."""
    return {
        verb: f"{median(one.cpu for one in row[number]):.1f},"
        f" {min(one.wall for one in row[number]):.1f}"
        for verb, row in table.items()
    }


def counted(peer: Peer, bundle: str) -> dict[str, str]:
    """The instructions of some verbs."""
    peer.call("create", "--bundle", bundle, "count")
    counts = {}
    for verb in COUNTED:
        if verb == "delete":
            peer.call("kill", "count", "KILL")
            wait_stopped(peer, "count")
        count = instructions(peer.words(verb, "count"))
        counts[verb] = f"{count / 1e6:.2f}" if count else "-"
    return counts


def sizes_of(folder: Path) -> dict[str, str]:
    return {
        name: f"{(folder / name).stat().st_size / (1 << 20):.1f}" for name in ("hutch", "warren")
    }


def main() -> None:
    suites = [version.suite for version in ROWS]
    parser = argparse.ArgumentParser(prog="./dev fronts", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(suites))
    parser.add_argument("--folder", type=Path, help="keep the root file systems in this folder")
    parser.add_argument("--rounds", type=int, default=200, help="samples of each measure (200)")
    parser.add_argument("--only-measure", action="store_true", help="what --folder has already")
    parser.add_argument("--packages", default="", help=argparse.SUPPRESS)  # from ./dev
    options = parser.parse_args()
    if unknown := set(options.suites) - set(suites):
        parser.error(f"no such suite: {', '.join(unknown)}: there are {', '.join(suites)}")
    own = None if options.suites else RUNNING
    folder = options.folder or Path(tempfile.mkdtemp(prefix="hutch-fronts-"))
    chosen = [one for one in ROWS if one.suite in (options.suites or suites)]
    roots = {one.number: (folder / one.suite).absolute() for one in chosen if one.number != own}
    prefixes = {one.number: roots[one.number] / PREFIX for one in chosen if one.number in roots}
    if own:
        prefixes = {own: Path(sys.prefix), **prefixes}
    unfit = " ".join(f"--ignore tests/unit/{name}.py" for name in UNFIT)
    try:
        for number, root in () if options.only_measure else roots.items():
            print(f"== {root.name}: CPython {number}", flush=True)
            prepare(VERSIONS[number], root, options.packages)
            inside(root, BUILD.format(prefix=PREFIX))
            inside(root, TEST.format(prefix=PREFIX, unfit=unfit))
        text = (
            f"# The static executables by version of CPython, {datetime.date.today()}\n\n"
            f"`./dev fronts`, {options.rounds} rounds, all in turn; {report.machine()}.\n"
            "Built on Debian 12 (3.11), Debian 13 (3.13) and sid (3.14), and run on one system.\n"
            "Instructions are those of valgrind, which cannot run `create` (clone3).\n\n"
        ) + measure(prefixes, options.rounds)
    finally:
        if not options.folder:
            shutil.rmtree(folder)
    sys.stdout.write(text)
    if not options.suites:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
