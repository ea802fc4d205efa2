"""The smallest and the largest numbers in a config or a flag.

The runtime reads integers of any size, and passes them on as integers of C, of poll(2) and of the
kernel. No number may cause a Python error or be cut. Numbers that are written to the files of
cgroups are text, and are not tested here.
"""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from hutch.spec.table import CONFIG

from tests.support.complete_config import complete_config
from tests.support.containers import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

# The name of a field, 0 for the first entry of an array, "" for the first name in a mapping.
Place = tuple[str | int, ...]


def numbers(kind: Any, place: Place = ()) -> Iterator[tuple[Place, int, int]]:
    """(place, smallest, largest) of every number in a type of the table (shapes.py)."""
    first, _, inner, more = kind
    if first is int:
        yield place, inner, more
    elif first is list:
        yield from numbers(inner, (*place, 0))
    elif first is dict and isinstance(inner, tuple):
        yield from numbers(inner[1], (*place, ""))
    elif first is dict:
        for name, field in inner.items():
            if field is not None:
                yield from numbers(field, (*place, name))


def changed(place: Place, value: int) -> dict[str, Any]:
    """A config with another number at the place, reduced so that it can run."""
    config = complete_config()
    del config["mounts"][0]
    config["mounts"][0]["source"] = "/var"
    for hooks in config["hooks"].values():
        hooks[0].update(path="/bin/true", args=["true"])
    config["linux"]["seccomp"].update(defaultAction="SCMP_ACT_ALLOW")
    del config["linux"]["seccomp"]["listenerPath"], config["linux"]["seccomp"]["listenerMetadata"]
    if place[-1] != "defaultErrnoRet":
        del config["linux"]["seccomp"]["defaultErrnoRet"]
    at: Any = config
    for key in place[:-1]:
        at = at[next(iter(at)) if key == "" else key]
    at[place[-1]] = value
    return config


@pytest.mark.parametrize(
    ("place", "least", "most"),
    [
        pytest.param(*case, id=".".join(map(str, case[0])))
        for case in numbers(CONFIG)
        if "resources" not in case[0]
    ],
)
def test_a_number_of_a_config_at_its_least_and_its_most(
    hutch: Runtime, bundle: Bundle, place: Place, least: int, most: int
) -> None:
    config = bundle.config
    linux = config["linux"]
    namespaces, mounts = linux["namespaces"], config["mounts"]
    config["hooks"] = {}
    for value in (least, most):
        whole = changed(place, value)
        first, second = place[:2]
        if first == "mounts":
            config["mounts"] = mounts + whole["mounts"]
        else:
            config[first][second] = whole[first][second]
        if second in ("uidMappings", "gidMappings"):
            linux["namespaces"] = [*namespaces, {"type": "user"}]
            linux["uidMappings"] = whole["linux"]["uidMappings"]
            linux["gidMappings"] = whole["linux"]["gidMappings"]
        elif second == "timeOffsets":
            linux["namespaces"] = [*namespaces, {"type": "time"}]
        bundle.save()
        done = hutch("run", "--bundle", str(bundle.path), "test", check=False)
        assert done.err.count("\n") == (done.code != 0), done.err
        assert "internal error" not in done.err


LONG = "9" * 5000  # more digits than int() takes
SUPERSCRIPT = "\N{SUPERSCRIPT TWO}"  # a digit to str.isdigit(), not to int()
AMOUNTS = (
    "blkio-weight", "cpu-burst", "cpu-idle", "cpu-period", "cpu-quota", "cpu-rt-period",
    "cpu-rt-runtime", "cpu-share", "cpuset-cpus", "cpuset-mems", "memory", "memory-reservation",
    "memory-swap", "pids-limit",
)  # fmt: skip


@pytest.mark.parametrize("number", [LONG, SUPERSCRIPT, str(1 << 64)], ids=["long", "digit", "64"])
def test_a_flag_with_a_number_that_is_too_large_is_refused(
    hutch: Runtime, sleeper: str, number: str
) -> None:
    for words in (
        ("create", "--preserve-fds", number, "other"),
        ("kill", sleeper, number),
        ("events", "--interval", number + "h", sleeper),
        ("checkpoint", "--page-server", "127.0.0.1:" + number, sleeper),
        ("checkpoint", "--page-server", "127.0.0.1:9", "--lazy-pages", "--status-fd", number, "c"),
        *[("update", "--" + flag, number, sleeper) for flag in AMOUNTS],
        *[("update", "--" + flag, "0-" + number, sleeper) for flag in AMOUNTS if "cpuset" in flag],
    ):
        assert "internal error" not in hutch.refuses(*words), words[:-2]
    for flag in ("--preserve-fds", "--user", "--additional-gids"):
        hutch.refuses("exec", flag, number, sleeper, "true", code=255)


def test_a_list_with_a_number_that_is_too_large_is_refused(hutch: Runtime, bundle: Bundle) -> None:
    config = bundle.config
    config["process"]["execCPUAffinity"] = {"initial": "0-" + LONG}
    bundle.save()
    assert "execCPUAffinity.initial" in hutch.refuses("run", "-b", str(bundle.path), "test")
    del config["process"]["execCPUAffinity"]
    config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0-" + LONG}
    bundle.save()
    assert "memoryPolicy.nodes" in hutch.refuses("run", "-b", str(bundle.path), "test")


def test_events_may_be_further_apart_than_poll_can_count(hutch: Runtime, sleeper: str) -> None:
    words = [hutch.command, "--root", str(hutch.root), "events", "--interval", "1000h", sleeper]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watcher:
        with pytest.raises(subprocess.TimeoutExpired):
            watcher.communicate(timeout=1)
        hutch("kill", sleeper, "KILL")
        out, err = watcher.communicate(timeout=60)
        assert out.startswith(b'{"type":"end"')
        assert (out.count(b"\n"), err) == (1, b"")
        assert watcher.returncode == 0
