"""hutch check: all problems of a bundle at once, with their places; and what the host can do."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hutch.container.cold.check import Finding, check_bundle
from hutch.container.request import request_of

from tests.support.containers import Bundle, Runtime, reachable
from tests.support.ordinary_user import as_user

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Change = Callable[[Bundle], object]


def findings(bundle: Bundle) -> dict[str, Finding]:
    """The findings by their pointers."""
    request = request_of("checked", str(bundle.path), {})
    request.console = lambda _: None
    return {one.pointer: one for one in check_bundle(request)}


def test_a_good_bundle_has_no_findings(hutch: Runtime, bundle: Bundle) -> None:
    done = hutch("check", str(bundle.path))
    assert done.out == "0 errors, 0 warnings, 0 notes\n"
    assert not hutch.root.exists()


# Each change of a good bundle, and: the severity, the pointer, words of the finding.
PROBLEMS: dict[str, tuple[Change, str, str, tuple[str, ...]]] = {
    "a misspelt tmpfs option": (
        lambda b: b.config["mounts"][1]["options"].append("sizee=1m"),
        "error", "mounts[1].options[4]", ("no option sizee", "did you mean size?"),
    ),
    "a misspelt flag of a mount": (
        lambda b: b.config["mounts"][1]["options"].append("nosiud"),
        "error", "mounts[1].options[4]", ("did you mean nosuid?",),
    ),
    "a wrong value of an option": (
        lambda b: b.config["mounts"][0].update(options=["hidepid=7"]),
        "error", "mounts[0].options[0]", ("does not take this value",),
    ),
    "an unknown file system": (
        lambda b: b.config["mounts"].append({"destination": "/x", "type": "tmpsf"}),
        "error", "mounts[7].type", ("no file system tmpsf", "did you mean tmpfs?"),
    ),
    "a hidden mount": (
        lambda b: b.config["mounts"].append({"destination": "/dev", "type": "tmpfs"}),
        "warning", "mounts[2].destination", ("hidden by mounts[7]",),
    ),
    "a directory bound over a file": (
        lambda b: b.config["mounts"].append(
            {"destination": "/etc/passwd", "source": "/tmp", "options": ["bind"]}
        ),
        "error", "mounts[7].destination", ("is a directory", "a file in the container"),
    ),
    "a destination below a file": (
        lambda b: b.config["mounts"].append(
            {"destination": "/etc/passwd/x", "source": "/tmp", "options": ["bind"]}
        ),
        "error", "mounts[7].destination", ("/etc/passwd is a file",),
    ),
    "a program that is absent": (
        lambda b: b.args("ech"),
        "error", "process.args[0]", ("not found in $PATH", "did you mean /bin/echo?"),
    ),
    "a program without execute bit": (
        lambda b: (b.rootfs / "bin" / "odd").write_text("x") and b.args("odd"),
        "error", "process.args[0]", ("/bin/odd has no execute bit (mode 0644)",),
    ),
    "a program on a noexec mount": (
        lambda b: b.args("/mnt/busybox") and b.config["mounts"].append(
            {"destination": "/mnt", "source": str(b.rootfs / "bin"), "options": ["bind", "noexec"]}
        ),
        "error", "process.args[0]", ("mounts[7], at /mnt, is noexec",),
    ),
    "a working directory that is a file": (
        lambda b: b.config["process"].update(cwd="/etc/passwd"),
        "error", "process.cwd", ("/etc/passwd is a file", "not a directory"),
    ),
    "a sysctl that does not exist": (
        lambda b: b.config["linux"].update(sysctl={"net.ipv4.ip_forwad": "1"}),
        "error", 'linux.sysctl["net.ipv4.ip_forwad"]', ("did you mean net.ipv4.ip_forward?",),
    ),
    "a cpu that is not there": (
        lambda b: b.config["linux"]["resources"].update(cpu={"cpus": "0,4000"}),
        "error", "linux.resources.cpu.cpus", ("number 4000 is not online",),
    ),
    "a memory node that is not there": (
        lambda b: b.config["linux"]["resources"].update(cpu={"mems": "0-900"}),
        "error", "linux.resources.cpu.mems", ("is not online",),
    ),
    "a block device that is not there": (
        lambda b: b.config["linux"]["resources"].update(
            blockIO={"throttleReadBpsDevice": [{"major": 4000, "minor": 1, "rate": 1}]}
        ),
        "error", "linux.resources.blockIO.throttleReadBpsDevice[0]", ("no block device 4000:1",),
    ),
    "a filter that forbids execve": (
        lambda b: b.config["linux"].update(
            seccomp={"defaultAction": "SCMP_ACT_ALLOW",
                     "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_ERRNO"}]}
        ),
        "error", "linux.seccomp.syscalls[0].names[0]", ("forbids execve",),
    ),
    "an agent that is not there": (
        lambda b: b.config["linux"].update(
            seccomp={"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/no-agent",
                     "syscalls": [{"names": ["chmod"], "action": "SCMP_ACT_NOTIFY"}]}
        ),
        "error", "linux.seccomp.listenerPath", ("no such file", "start the seccomp agent first"),
    ),
    "a hook that is absent": (
        lambda b: b.config.update(hooks={"poststop": [{"path": "/no"}]}),
        "error", "hooks.poststop[0].path", ("stat /no: no such file",),
    ),
    "a hook of the container that is absent": (
        lambda b: b.config.update(hooks={"startContainer": [{"path": "/bin/bash"}]}),
        "error", "hooks.startContainer[0].path", ("does not exist in the container",),
    ),
    "a terminal without devpts": (
        lambda b: b.config["process"].update(terminal=True) or b.config["mounts"].pop(2),
        "error", "process.terminal", ("devpts",),
    ),
    "an unknown property": (
        lambda b: b.config["process"].update(nonewprivs=True),
        "warning", "process.nonewprivs", ("not known, and ignored",),
    ),
    "the same device twice": (
        lambda b: b.config["linux"].update(
            devices=[{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}] * 2
        ),
        "warning", "linux.devices[1].path", ("linux.devices[0]",),
    ),
    "what the plan compiler refuses": (
        lambda b: b.config["linux"].update(sysctl={"vm.swappiness": "1"}),
        "error", 'linux.sysctl["vm.swappiness"]', ("would change the host",),
    ),
    "what the preflight refuses": (
        lambda b: b.config["linux"]["namespaces"][2].update(path="/proc/self/ns/uts"),
        "error", "linux.namespaces[2].path", ("is a uts namespace",),
    ),
}  # fmt: skip


@pytest.mark.no_runtime
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_is_found_and_nothing_else(bundle: Bundle, name: str) -> None:
    change, severity, pointer, words = PROBLEMS[name]
    change(bundle)
    bundle.save()
    found = findings(bundle)
    assert pointer in found, found
    one = found[pointer]
    assert one.severity == severity
    for word in words:
        assert word in one.reason + " " + one.hint
    assert {key for key, other in found.items() if other.severity == "error"} <= {pointer}


@pytest.mark.no_runtime
def test_all_problems_are_found_at_once_and_have_their_first_indices(bundle: Bundle) -> None:
    """Also those that are found only after an entry before them was taken out."""
    config = bundle.config
    config["mounts"][1:1] = [{"destination": "/a", "source": "/nope", "options": ["bind"]}]
    config["mounts"] += [
        {"destination": "/b", "type": "bind", "source": "/tmp"},
        {"destination": "/proc/x", "type": "tmpfs"},
        {"destination": "/c", "source": "/nope", "options": ["bind"]},
        {"destination": "/d", "type": "tmpfs", "options": ["sizee=1"]},
    ]
    config["process"]["rlimits"] = [
        {"type": "RLIMIT_NOFIL", "soft": 1, "hard": 1},
        {"type": "RLIMIT_CORE", "soft": 2, "hard": 1},
    ]
    config["process"]["args"] = "true"
    config["linux"]["sysctl"] = {"vm.swappiness": "1", "kernel.shmmaxx": "1"}
    bundle.save()
    found = findings(bundle)
    assert [pointer for pointer, one in found.items() if one.severity == "error"] == [
        "process.args",
        "process.rlimits[0].type",
        "process.rlimits[1].soft",
        "mounts[1].source",
        "mounts[8].options",
        "mounts[9].destination",
        "mounts[10].source",
        "mounts[11].options[0]",
        'linux.sysctl["vm.swappiness"]',
        'linux.sysctl["kernel.shmmaxx"]',
    ]


def test_the_forms_of_the_output(hutch: Runtime, bundle: Bundle) -> None:
    config = bundle.config
    config["mounts"] = [*config["mounts"], {"destination": "d/\u00e9", "type": "tmpfs"}]
    config["process"]["cwd"] = "tmp"
    path = bundle.path / "config.json"
    path.write_text(json.dumps(config, indent=2))
    lines = path.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if '"cwd"' in text)
    column = lines[line - 1].index('"tmp"') + 1

    text = hutch("check", str(bundle.path), check=False)
    assert text.code == 1
    assert text.err == ""
    first, second, last = text.out.splitlines()
    assert first.startswith(
        f'{path}:{line}:{column}: error: process.cwd = "tmp": must be an absolute path'
    )
    assert "[config.md#process]" in first
    assert ": warning: mounts[7].destination" in second
    assert last == "1 error, 1 warning, 0 notes"

    found = json.loads(hutch("check", "--format", "json", str(bundle.path), check=False).out)
    assert (found["errors"], found["warnings"], found["notes"]) == (1, 1, 0)
    assert found["findings"][0] == {
        "severity": "error",
        "pointer": "process.cwd",
        "jsonPointer": "/process/cwd",
        "line": line,
        "column": column,
        "value": "tmp",
        "reason": "must be an absolute path",
        "specification": found["findings"][0]["specification"],
    }
    assert found["findings"][1]["jsonPointer"] == "/mounts/7/destination"

    sarif: dict[str, Any] = json.loads(
        hutch("check", "--format", "sarif", "--bundle", str(bundle.path), check=False).out
    )
    assert sarif["version"] == "2.1.0"
    [run] = sarif["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "process.cwd", "mounts[].destination",
    ]  # fmt: skip
    result = run["results"][0]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("process.cwd", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": line, "startColumn": column}
    assert place["artifactLocation"]["uri"] == f"file://{path}"


def test_what_is_no_json_is_a_finding_and_no_bundle_an_error(
    hutch: Runtime, bundle: Bundle
) -> None:
    (bundle.path / "config.json").write_text('{\n  "ociVersion": 1.0.2\n}')
    done = hutch("check", str(bundle.path), check=False)
    assert done.code == 1
    assert ":2:20: error: is not JSON: " in done.out
    assert "config.json not found" in hutch.refuses("check", "/nowhere")
    assert "given twice" in hutch.refuses("check", "--bundle", "/x", "/y")
    assert "invalid format option: xml" in hutch.refuses("check", "--format", "xml")
    assert "takes no bundle" in hutch.refuses("check", "--host", "/x")


def test_strict_asks_for_what_the_specification_requires(hutch: Runtime, bundle: Bundle) -> None:
    del bundle.config["process"]["user"]["gid"]
    bundle.save()
    assert hutch("check", str(bundle.path)).out.startswith("0 errors")
    done = hutch("--strict", "check", str(bundle.path), check=False)
    assert "process.user.gid: is required, but missing" in done.out


def test_a_user_without_root_checks_too(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    """What the user may not see is a note; the ids that the user cannot map are errors."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0::/:/bin/sh\nann:x:1234:1234::/:/bin/sh\n")
    (etc / "subuid").write_text("ann:700000:1000\n")
    (etc / "subgid").write_text("ann:700000:1000\n")
    linux = bundle.config["linux"]
    linux["namespaces"].append({"type": "user"})
    for field in ("uidMappings", "gidMappings"):
        linux[field] = [{"containerID": 0, "hostID": 700000, "size": 5000}]
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    bundle.config["mounts"].append(
        {"destination": "/s", "source": str(secret / "x"), "options": ["bind"]}
    )
    bundle.save()
    reachable(bundle.path)
    words = as_user([hutch.command, "check", "--format", "json", bundle.path], 1234, 1234, etc)

    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = {one["pointer"]: one for one in json.loads(done.stdout)["findings"]}
    assert found["mounts[7].source"]["severity"] == "note"
    assert found["linux.uidMappings[0].hostID"]["severity"] == "error"
    assert "1000 from 700000" in found["linux.uidMappings[0].hostID"]["hint"]


def test_check_host_has_a_verdict_for_each_feature(hutch: Runtime) -> None:
    text = hutch("check", "--host").out
    report = json.loads(hutch("check", "--host", "--format", "json").out)
    assert report["able"] is True
    features = {one["name"]: one for one in report["features"]}
    assert features["run containers"]["verdict"] == "yes"
    assert features["linux.seccomp"]["verdict"] == "yes"
    for one in (*report["facts"], *report["features"]):
        assert one["verdict"] in ("yes", "no", "partly")
        assert f"  {one['verdict']:6}  {one['name']}" in text
        assert one["verdict"] == "yes" or one["detail"]
    facts = {(one["area"], one["name"]): one["verdict"] for one in report["facts"]}
    here = Path("/proc/filesystems").read_text()
    assert (facts["file systems", "overlay"] == "yes") >= ("overlay" in here)
    on_v1 = "memory" in Path("/proc/self/cgroup").read_text()
    unified = features["linux.resources.unified"]["verdict"]
    assert unified == ("no" if on_v1 else "yes")


def test_check_host_tells_why_a_user_cannot(hutch: Runtime, tmp_path: Path) -> None:
    """Without root: no delegated cgroup, and no ids of /etc/subuid."""

    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "subuid").write_text("other:1:1\n")
    words = as_user([hutch.command, "check", "--host", "--format", "json"], 1234, 1234, etc)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    features = {one["name"]: one for one in json.loads(done.stdout)["features"]}
    assert "/etc/subuid" in features["linux.uidMappings, linux.gidMappings"]["detail"]
    assert features["linux.resources: memory"]["verdict"] == "no"
    assert "Delegate=yes" in features["linux.resources: memory"]["detail"]
