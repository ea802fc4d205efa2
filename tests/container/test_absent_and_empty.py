"""Values that are absent, empty or zero, or that contradict each other (specification)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]


def test_the_default_umask_is_that_of_runc_not_the_callers(run: Run, bundle: Bundle) -> None:
    assert run("umask", umask=0o077).out == "0022\n"
    assert run("umask", umask=0).out == "0022\n"
    bundle.config["process"]["user"]["umask"] = 0
    assert run("umask", umask=0o027).out == "0000\n"


@pytest.mark.parametrize("given", [None, False, True])
def test_no_new_privileges_false_is_as_absent(run: Run, bundle: Bundle, given: bool | None) -> None:
    del bundle.config["process"]["noNewPrivileges"]
    if given is not None:
        bundle.config["process"]["noNewPrivileges"] = given
    done = run("grep NoNewPrivs /proc/self/status")
    assert done.out.split()[1] == str(int(bool(given)))


def test_null_values_and_names_in_upper_case_are_accepted_by_create_and_exec(
    hutch: Runtime, bundle: Bundle
) -> None:
    process, linux = bundle.config["process"], bundle.config["linux"]
    linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": None, "flags": None}
    linux.update(devices=None, sysctl=None, uidMappings=None, intelRdt=None, timeOffsets=None)
    linux["namespaces"][0]["path"] = None
    linux["resources"]["pids"] = None
    linux["resources"]["Memory"] = {"LIMIT": 64 << 20}
    process.update(rlimits=None, capabilities=None, scheduler=None, apparmorProfile=None)
    process["ENV"] = [*process.pop("env"), "WORD=known"]
    process["user"] = {"umask": None}
    bundle.config.update(hooks=None, annotations=None, domainname=None)
    bundle.args("sleep", "1000")
    said = hutch("run", "--detach", "--bundle", str(bundle.path), "test").err
    assert [line.partition("config.json: ")[2] for line in said.splitlines()] == [
        'process.ENV: is taken for "env"',
        'linux.resources.Memory: is taken for "memory"',
        'linux.resources.memory.LIMIT: is taken for "limit"',
    ]
    shown = hutch("exec", "test", "sh", "-c", "echo $WORD; id -u; grep CapEff /proc/self/status")
    assert shown.out == "known\n0\nCapEff:\t0000000000000000\n"
    hutch("update", "--pids-limit", "50", "test")
    usage = json.loads(hutch("events", "--stats", "test").out)["data"]
    assert usage["memory"]["usage"]["limit"] == 64 << 20
    assert usage["pids"]["limit"] == 50


def test_a_misspelt_field_gives_a_warning_with_the_nearest_name(run: Run, bundle: Bundle) -> None:
    bundle.config["linux"]["resources"]["memroy"] = {"limit": 1 << 26}
    done = run("echo runs")
    assert done.out == "runs\n"
    assert done.err == (
        "hutch: warning: config.json: linux.resources.memroy: is not known, and ignored "
        '(hint: did you mean "memory"?)\n'
    )


def test_a_relative_destination_is_relative_to_the_root(run: Run, bundle: Bundle) -> None:
    bundle.config["mounts"].append({"destination": "tmp", "type": "tmpfs", "source": "none"})
    done = run("grep -c ' /tmp tmpfs ' /proc/mounts")
    assert done.out == "1\n"
    assert 'mounts[7].destination = "tmp": is taken for "/tmp"' in done.err


def test_changes_of_the_config_after_create_have_no_effect(hutch: Runtime, bundle: Bundle) -> None:
    """runtime.md "Create": "Any changes made to config.json after this operation will not have an
    effect on the container"."""
    bundle.config["process"]["env"].append("WORD=before")
    bundle.sh("echo $WORD > /tmp/word; sleep 1000")
    bundle.config["root"]["readonly"] = False
    hutch("create", "--bundle", str(bundle.save().path), "test")
    bundle.config["process"]["env"][-1] = "WORD=after"
    bundle.config["process"]["args"] = ["false"]
    bundle.config["process"]["user"] = {"uid": 7, "gid": 7}
    bundle.save()
    hutch("start", "test")
    assert hutch("exec", "test", "sh", "-c", "id -u; echo $WORD").out == "0\nbefore\n"
    (bundle.path / "config.json").unlink()
    assert hutch("exec", "test", "sh", "-c", "echo $WORD").out == "before\n"
    hutch("kill", "test", "KILL")


def test_empty_objects_and_lists_ask_for_nothing(run: Run, bundle: Bundle) -> None:
    process, linux = bundle.config["process"], bundle.config["linux"]
    process.update(rlimits=[], execCPUAffinity={"initial": "", "final": ""}, capabilities={})
    process["user"].update(additionalGids=[], username="")
    process.update(apparmorProfile="", selinuxLabel="")
    bundle.config.update(hostname="", domainname="", annotations={})
    bundle.config["hooks"] = {"prestart": [], "poststop": []}
    linux.update(
        devices=[], sysctl={}, resources={}, timeOffsets={}, netDevices={}, uidMappings=[],
        gidMappings=[], maskedPaths=[], readonlyPaths=[], mountLabel="",
    )  # fmt: skip
    done = run("grep CapEff /proc/self/status; id -G")
    assert done.lines == ["CapEff:\t0000000000000000", "0"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda config: config["process"]["rlimits"].append(config["process"]["rlimits"][0]),
         "process.rlimits[1].type"),
        (lambda config: config["linux"]["namespaces"].append({"type": "pid"}),
         "linux.namespaces[5].type"),
        (lambda config: config["process"]["rlimits"].append(
            {"type": "RLIMIT_NONE", "soft": 1, "hard": 1}), "process.rlimits[1].type"),
        (lambda config: config["linux"].update(rootfsPropagation="sideways"),
         "linux.rootfsPropagation"),
        (lambda config: config["mounts"].append(
            {"destination": "/x", "type": "bind", "source": "/tmp"}), "mounts[7].options"),
    ],
    ids=["rlimit twice", "namespace twice", "no such rlimit", "propagation", "bind without bind"],
)  # fmt: skip
def test_contradictions_are_errors_and_leave_nothing(
    hutch: Runtime, bundle: Bundle, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    bundle.change(change)
    assert words in hutch.refuses("create", "--bundle", str(bundle.path), "test")
    assert "test" not in hutch.ids()


def test_unavailable_capabilities_are_warnings(hutch: Runtime, bundle: Bundle) -> None:
    """config.md "capabilities": MUST be logged as a warning, SHOULD NOT fail."""
    for kind in ("bounding", "effective", "permitted"):
        bundle.config["process"]["capabilities"][kind] = ["CAP_KILL", "CAP_FLY"]
    bundle.sh("grep CapEff /proc/self/status")
    done = hutch("run", "--bundle", str(bundle.path), "test")
    assert done.out == "CapEff:\t0000000000000020\n"
    assert '"CAP_FLY" is left out: unknown capability' in done.err
