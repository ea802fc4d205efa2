"""config-linux.md "Control groups": the path of the container's cgroup, and its owner."""

from pathlib import Path

from conformance.suite import host
from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST, SHOULD

CGROUP_MOUNT = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}


def controller() -> str:
    """A controller that every host has."""
    return "pids" if "pids" in host.controllers() else "memory"


@LINUX.shown(
    MUST, "if a runtime does not accept a cgroup, it reports an error and makes no container", 303
)
def unfit(case: Case) -> None:
    place = host.controllers()[controller()] / case.cgroup[1:]
    case.create("sleep")
    same(place.is_dir(), True, "whether the first container's cgroup is where the config says")
    second = case.id + "-2"
    words = ("create", "--bundle", str(case.bundle), second)
    if case.call(*words, check=False).returncode == 0:
        # The runtime may accept the second container; then the two must stay separate.
        case.call("delete", "--force", second)
        same(case.state()["status"], "created", "the first container's status")
        return
    expect(case.call("state", second, check=False).returncode != 0, "there is a container")
    same(case.state()["status"], "created", "the first container's status")


@LINUX.shown(MUST, "a cgroupsPath that is not a string is an error", 315)
def path_is_text(case: Case) -> None:
    case.linux["cgroupsPath"] = 7
    case.refused()


@LINUX.shown(
    MUST, "an absolute cgroupsPath is relative to the mount points of the hierarchies", 317
)
def absolute(case: Case) -> None:
    case.create()
    wanted = host.controllers()[controller()] / case.cgroup[1:]
    same(case.cgroup_of(controller()), wanted, "the container's cgroup")


@LINUX.shown(MUST, "the same cgroupsPath always gives the same place", 320)
def stable(case: Case) -> None:
    places = []
    for path in (case.cgroup, case.cgroup, case.cgroup.replace("/", "-")[1:]):
        case.linux["cgroupsPath"] = path
        case.create()
        places.append(case.cgroup_of(controller()))
        case.call("delete", "--force", case.id)
    same(places[0], places[1], "the place of an absolute path")
    case.create()
    same(case.cgroup_of(controller()), places[2], "the place of a relative path")
    case.call("delete", "--force", case.id)


@LINUX.shown(
    MUST, "a cgroupsPath that is not valid is an error, or stays below the hierarchies", 322
)
def invalid(case: Case) -> None:
    before = case.linux["cgroupsPath"]
    case.linux["cgroupsPath"] = f"/../../..{before}"
    if not case.create(check=False):
        return
    place = case.cgroup_of(controller())
    top = host.controllers()[controller()]
    expect(top in place.resolve().parents, f"the cgroup is {place}")


def owners(case: Case) -> dict[str, int]:
    """The owners of a created container's cgroup and its files, by name; "" is the directory."""
    case.create()
    place = case.cgroup_of(controller())
    return {
        str(path.relative_to(place)) if path != place else "": path.stat().st_uid
        for path in (place, *place.iterdir())
        if not path.is_dir() or path == place
    }


@LINUX.shown(SHOULD, "on cgroup v1 the owner of a cgroup does not change", 343)
def v1_owner(case: Case) -> None:
    needs(not host.unified(), "cgroup v1 is not mounted")
    case.with_user_namespace()
    case.linux["namespaces"].append({"type": "cgroup"})
    case.config["mounts"].append(CGROUP_MOUNT)
    same(set(owners(case).values()), {0}, "the owners")


def delegating(case: Case, writable: bool = True, namespace: bool = True) -> dict[str, int]:
    """The owners on v2, with or without a cgroup mount and a cgroup namespace."""
    needs(host.unified(), "cgroup v2 is not what this host has")
    case.with_user_namespace()
    if namespace:
        case.linux["namespaces"].append({"type": "cgroup"})
    case.config["mounts"].append({**CGROUP_MOUNT, "options": [] if writable else ["ro"]})
    return owners(case)


@LINUX.shown(SHOULD, "without a new cgroup namespace the owner of the cgroup does not change", 347)
def no_namespace(case: Case) -> None:
    same(set(delegating(case, namespace=False).values()), {0}, "the owners")


@LINUX.shown(
    SHOULD, "with a writable cgroup mount the container's user becomes the owner of the cgroup", 352
)
def delegated(case: Case) -> None:
    same(delegating(case)[""], 100000, "the owner of the cgroup")


@LINUX.shown(
    SHOULD, "with a read-only cgroup mount, or without one, the owner does not change", 352, 361
)
def not_delegated(case: Case) -> None:
    same(set(delegating(case, writable=False).values()), {0}, "the owners")


@LINUX.shown(
    SHOULD,
    "only the existing files of /sys/kernel/cgroup/delegate change their owner",
    363,
    368,
    380,
)
def delegated_files(case: Case) -> None:
    found = delegating(case)
    needs(found[""] != 0, "this runtime does not change the owner, which it MAY leave undone")
    listed = Path("/sys/kernel/cgroup/delegate").read_text().split()
    wrong = [name for name, uid in found.items() if uid and name not in ("", *listed)]
    same(wrong, [], "files with another owner")
    left = [name for name in listed if found.get(name) == 0]
    same(left, [], "files of the list with the old owner")


LINUX.argued(
    MUST,
    "without /sys/kernel/cgroup/delegate the files are cgroup.procs, .subtree_control, .threads",
    372,
    why="every kernel with cgroup v2 delegation since 4.15 has the file, and no container can take "
    "it away from the runtime",
)
