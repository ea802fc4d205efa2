"""bundle.md and runtime.md: the bundle, the state, the operations and what they leave."""

import json
import os
from pathlib import Path

from conformance.suite import host
from conformance.suite.case import Case, base_config, expect, same
from conformance.suite.documents import BUNDLE, RUNTIME, RUNTIME_LINUX
from conformance.suite.table import MUST, SAYS, NotHere

STATUSES = {"creating", "created", "running", "stopped"}
STATE = {"ociVersion": str, "id": str, "status": str, "bundle": str}


@BUNDLE.shown(MUST, "the config that is run is config.json in the bundle's directory", 14, 19)
def config_in_bundle(case: Case) -> None:
    (case.bundle / "other.json").write_text("{}")
    same(case.run()["hostname"], "conformance", "the host name inside")


@BUNDLE.shown(MUST, "a bundle without a config.json of this name is an error", 14)
def no_config(case: Case) -> None:
    case.save()
    (case.bundle / "config.json").rename(case.bundle / "Config.json")
    done = case.call("create", "--bundle", str(case.bundle), case.id, check=False)
    expect(done.returncode != 0, "create succeeds without config.json")
    expect(not case.exists(), "there is a container")


@RUNTIME.shown(MUST, "the user who created a container can use every operation on it", 5, 93)
def operations(case: Case) -> None:
    case.create("sleep")
    case.state()
    case.start()
    case.output(lines=1)
    case.call("kill", case.id, "TERM")
    case.until("stopped")
    case.call("delete", case.id)


@RUNTIME.shown(MUST, "the state has ociVersion, id, status and bundle, as in the schema", 12, 35)
def state_fields(case: Case) -> None:
    case.config["annotations"] = {"com.example.key": "value"}
    case.create()
    state = case.state()
    for field, kind in STATE.items():
        expect(isinstance(state.get(field), kind), f"{field} is {state.get(field)!r}")
    expect(isinstance(state["pid"], int) and state["pid"] >= 0, f"pid is {state['pid']!r}")
    same(state.get("annotations"), {"com.example.key": "value"}, "annotations")
    expect(state["ociVersion"].count(".") >= 2, f"ociVersion is {state['ociVersion']!r}")


@RUNTIME.shown(
    MUST, "the id in the state is the container's, and no other container can have it", 13, 14
)
def unique_id(case: Case) -> None:
    case.create("sleep")
    same(case.state()["id"], case.id, "id")
    done = case.call("create", "--bundle", str(case.bundle), case.id, check=False)
    expect(done.returncode != 0, "a second container of the same id is created")
    same(case.state()["status"], "created", "the status of the first")


@RUNTIME.shown(MUST, "the status is created, then running, then stopped", 16)
def statuses(case: Case) -> None:
    case.create("sleep")
    same(case.state()["status"], "created", "after create")
    case.start()
    case.output(lines=1)
    same(case.state()["status"], "running", "after start")
    case.call("kill", case.id, "TERM")
    case.until("stopped")


@RUNTIME.shown(MUST, "another status has another meaning than the four of the specification", 24)
def other_statuses(case: Case) -> None:
    case.sleeps()
    if case.call("pause", case.id, check=False).returncode != 0:
        raise NotHere("it cannot pause this container, and no other status is known of")
    try:
        status = case.state()["status"]
    finally:
        case.call("resume", case.id)
    expect(status not in STATUSES - {"running"}, f"a paused container is {status}")


@RUNTIME.shown(
    MUST, "the state of a created or running container has its pid, as the runtime sees it", 25
)
def pid(case: Case) -> None:
    case.create("sleep")
    created = case.state()["pid"]
    expect(Path(f"/proc/{created}").exists(), f"there is no process {created}")
    case.start()
    case.output(lines=1)
    same(case.state()["pid"], created, "the pid once it runs")
    same(Path(f"/proc/{created}/root/probe").exists(), True, "the process is in the container")


@RUNTIME.shown(MUST, "the bundle in the state is an absolute path", 28)
def bundle_path(case: Case) -> None:
    case.save()
    case.call("create", "--bundle", "bundle", case.id)
    path = Path(case.state()["bundle"])
    expect(path.is_absolute(), f"bundle is {path}")
    expect(path.samefile(case.bundle), f"bundle is {path}")


@RUNTIME.shown(
    MUST,
    "create makes the environment of the config, and applies everything except process",
    58,
    111,
    113,
)
def environment(case: Case) -> None:
    case.mount("/data", type="tmpfs", source="tmpfs")
    case.create("sleep")
    pid = case.state()["pid"]
    table = Path(f"/proc/{pid}/mountinfo").read_text()
    expect(" /data " in table, "the mounts are not there after create")
    for kind in ("pid", "ipc", "uts", "mnt", "net"):
        inside = os.readlink(f"/proc/{pid}/ns/{kind}")
        expect(inside != host.namespace(kind), f"no {kind} namespace of its own after create")


@RUNTIME.shown(
    MUST, "an environment that cannot be made is an error, and no container exists", 59, 116
)
def impossible(case: Case) -> None:
    case.mount("/data", type="no-such-file-system", source="none")
    case.refused()


@RUNTIME.shown(MUST, "create does not run the program", 60, 114)
def not_run(case: Case) -> None:
    case.create("append:/ran:yes")
    expect(not (case.rootfs / "ran").exists(), "the program has run")
    case.start()
    case.seen()
    expect((case.rootfs / "ran").exists(), "start has not run it")


@RUNTIME.shown(MUST, "changes of config.json after create have no effect", 61)
def frozen(case: Case) -> None:
    case.create()
    args = list(case.process["args"])
    case.config = base_config(case.version)
    case.config["process"]["args"] = ["/probe", "exit=7"]
    case.config["process"]["cwd"] = "/tmp"
    case.save()
    case.start()
    seen = case.seen()
    same((seen["args"], seen["cwd"]), (args, "/"), "the program's arguments and directory")


@RUNTIME.shown(MUST, "start runs the program of process", 71, 128)
def program_runs(case: Case) -> None:
    same(case.run("exit=0", "word")["args"], ["/probe", "exit=0", "word"], "the arguments")


@RUNTIME.shown(MUST, "delete removes everything that create has made, and nothing else", 77, 143)
def undone(case: Case) -> None:
    case.create()
    made = [case.cgroup_of(name) for name in host.controllers() if name in ("pids", "memory")]
    pid = case.state()["pid"]
    case.start()
    case.seen()
    case.until("stopped")
    case.call("delete", case.id)
    expect(not case.exists(), "the container is still there")
    expect(not any(path.exists() for path in made), "a cgroup of it is still there")
    table = Path("/proc/self/mountinfo").read_text()
    expect(str(case.bundle) not in table, "something is mounted below the bundle")
    status = Path(f"/proc/{pid}/status")
    expect(not status.exists() or "zombie" in status.read_text(), "its process is still there")


@RUNTIME.shown(MUST, "after an error, everything is as if the operation was never tried", 84)
def no_trace(case: Case) -> None:
    case.mount("/data", type="tmpfs", source="tmpfs")
    case.hook("createRuntime", "exit=1")
    case.refused()
    for top in host.hierarchies():
        expect(not (top / case.cgroup[1:]).exists(), f"the cgroup {top}{case.cgroup} is left")
    expect(str(case.bundle) not in Path("/proc/self/mountinfo").read_text(), "a mount is left")
    case.config.pop("hooks")
    case.run()


@RUNTIME.shown(MUST, "after a warning the operation continues", 89)
def warned(case: Case) -> None:
    case.hook("poststop", "exit=1")
    case.run()
    case.until("stopped")
    case.call("delete", case.id)
    expect(not case.exists(), "the container is still there")


def without_id(case: Case, verb: str) -> None:
    """The verb must fail without arguments."""
    expect(case.call(verb, check=False).returncode != 0, f"{verb} without an id succeeds")


@RUNTIME.shown(MUST, "state without an id is an error", 101)
def state_without_id(case: Case) -> None:
    without_id(case, "state")


@RUNTIME.shown(MUST, "the state of a container that does not exist is an error", 102)
def state_of_nothing(case: Case) -> None:
    expect(not case.exists(), "state of an unknown container succeeds")


@RUNTIME.shown(MUST, "state prints the state, also of a stopped container", 103)
def state_of_stopped(case: Case) -> None:
    case.run()
    state = case.until("stopped")
    same(state["id"], case.id, "id")
    expect(Path(state["bundle"]).samefile(case.bundle), f"bundle is {state['bundle']}")


@RUNTIME.shown(MUST, "create without an id, or without a bundle, is an error", 109)
def create_without(case: Case) -> None:
    case.save()
    done = case.call("create", "--bundle", str(case.bundle), check=False)
    expect(done.returncode != 0, "create without an id succeeds")
    # Without --bundle, the bundle is the current directory, which is not a bundle here.
    done = case.call("create", case.id, check=False)
    expect(done.returncode != 0, "create without a bundle succeeds")


@RUNTIME.shown(MUST, "an id that is taken or not valid is an error, and makes no container", 110)
def bad_id(case: Case) -> None:
    case.save()
    for id in ("", "../" + case.id, "a/b"):
        done = case.call("create", "--bundle", str(case.bundle), id, check=False)
        expect(done.returncode != 0, f"create with the id {id!r} succeeds")


@RUNTIME.shown(MUST, "start without an id is an error", 126)
def start_without_id(case: Case) -> None:
    without_id(case, "start")


@RUNTIME.shown(MUST, "start of a container that is not created is an error, and has no effect", 127)
def start_twice(case: Case) -> None:
    expect(not case.start(check=False), "start of an unknown container succeeds")
    case.sleeps()
    expect(not case.start(check=False), "start of a running container succeeds")
    same(case.state()["status"], "running", "the status after it")
    case.call("kill", case.id, "TERM")
    case.until("stopped")
    expect(not case.start(check=False), "start of a stopped container succeeds")
    same(case.state()["status"], "stopped", "the status after it")


@RUNTIME.shown(MUST, "start is an error if the config has no process", 129)
def start_without_process(case: Case) -> None:
    case.config.pop("process")
    if case.create(check=False):
        expect(not case.start(check=False), "start succeeds")


@RUNTIME.shown(MUST, "kill without an id is an error", 134)
def kill_without_id(case: Case) -> None:
    without_id(case, "kill")


@RUNTIME.shown(
    MUST,
    "kill of a container that is neither created nor running is an error, and has no effect",
    135,
)
def kill_stopped(case: Case) -> None:
    case.run()
    before = case.until("stopped")
    done = case.call("kill", case.id, "TERM", check=False)
    expect(done.returncode != 0, "kill of a stopped container succeeds")
    same(case.state(), before, "the state after it")


@RUNTIME.shown(MUST, "kill sends the signal to the container's process", 136)
def kill_sends(case: Case) -> None:
    case.sleeps()
    for name, number in (("USR1", 10), ("HUP", 1), ("TERM", 15)):
        case.call("kill", case.id, name)
        same(json.loads(case.output(lines=1))["signal"], number, f"what came of {name}")
    case.until("stopped")


@RUNTIME.shown(MUST, "kill reaches a created container", 136)
def kill_created(case: Case) -> None:
    case.create("sleep")
    case.call("kill", case.id, "KILL")
    case.until("stopped")


@RUNTIME.shown(MUST, "delete without an id is an error", 141)
def delete_without_id(case: Case) -> None:
    without_id(case, "delete")


@RUNTIME.shown(MUST, "delete of a running container is an error, and has no effect", 142)
def delete_running(case: Case) -> None:
    case.sleeps()
    done = case.call("delete", case.id, check=False)
    expect(done.returncode != 0, "delete succeeds")
    same(case.state()["status"], "running", "the status after it")


@RUNTIME.shown(MUST, "delete of a created container is an error, and has no effect", 142)
def delete_created(case: Case) -> None:
    case.create("sleep")
    done = case.call("delete", case.id, check=False)
    expect(done.returncode != 0, "delete succeeds")
    same(case.state()["status"], "created", "the status after it")


@RUNTIME.shown(MUST, "delete does not remove files that others have made", 144)
def delete_only_own(case: Case) -> None:
    place = case.bundle / "kept"
    place.mkdir()
    (place / "file").write_text("kept\n")
    case.mount("/data", source=str(place), options=["bind"])
    case.run()
    case.until("stopped")
    case.call("delete", case.id)
    same((place / "file").read_text(), "kept\n", "the file in a bound directory")
    expect((case.rootfs / "probe").exists(), "the root file system is gone")


@RUNTIME_LINUX.shown(MUST, "/dev/fd, stdin, stdout and stderr are links into /proc/self/fd", 11)
def dev_links(case: Case) -> None:
    wanted = {"/dev/fd": "", "/dev/stdin": "/0", "/dev/stdout": "/1", "/dev/stderr": "/2"}
    for deed, (path, end) in zip(
        case.deeds(*(f"stat:{path}" for path in wanted)), wanted.items(), strict=True
    ):
        same(deed.get("target"), "/proc/self/fd" + end, path)


@RUNTIME_LINUX.shown(SAYS, "by default the program has only three descriptors", 5)
def descriptors(case: Case) -> None:
    same(case.run()["descriptors"], [0, 1, 2], "the open descriptors")
