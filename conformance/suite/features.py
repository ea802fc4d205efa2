"""features.md and features-linux.md: compares the features that the runtime reports with what it
does."""

from typing import Any

from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import FEATURES, FEATURES_LINUX
from conformance.suite.table import MUST, SHOULD

# The properties of 1.3; a runtime with an older ociVersionMax may have fewer.
TOP = {
    "ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations",
    "potentiallyUnsafeConfigAnnotations",
}  # fmt: skip
LINUX = {
    "namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "intelRdt",
    "memoryPolicy", "mountExtensions", "netDevices",
}  # fmt: skip
DATA_OPTIONS = {"size", "mode", "gid", "uid", "nr_inodes", "newinstance", "ptmxmode", "hidepid"}


def features(case: Case) -> dict[str, Any]:
    """The features structure; a runtime MAY have none."""
    found = case.runtime.features()
    needs(found, "this runtime has no features structure, which it MAY provide")
    return found


def listed(case: Case, *path: str) -> list[str]:
    """A list of names in the features structure; a property MAY be absent."""
    value: Any = features(case)
    for name in path:
        value = (value or {}).get(name)
    needs(value, f"{'.'.join(path)} is absent, which it MAY be")
    return [str(name) for name in value]


def accepts(case: Case, version: str) -> None:
    case.config["ociVersion"] = version
    case.run()


def all_recognised(case: Case, names: list[str], put: Any) -> None:
    """Every name must be accepted, or refused for another reason than that it is unknown. So the
    error must differ from the error for a name that no runtime knows."""
    put("RABBIT")
    case.create(check=False)
    unknown = case.words().replace("RABBIT", "")
    case.call("delete", "--force", case.id, check=False)
    for name in names:
        put(name)
        if not case.create(check=False):
            words = case.words().replace(name, "")
            same(words == unknown, False, f"whether {name} is refused as an unknown name is")
        case.call("delete", "--force", case.id, check=False)


@FEATURES.shown(SHOULD, "the features do not depend on the host or the time", 7)
def constant(case: Case) -> None:
    same(features(case), features(case), "a second answer")


@FEATURES.shown(MUST, "a null value means absent, not empty", 10)
def no_null_for_empty(case: Case) -> None:
    found = features(case)
    empty = [name for name in ("hooks", "mountOptions") if found.get(name, [""]) == []]
    same(empty, [], "lists that say that nothing is supported")


@FEATURES.shown(MUST, "ociVersionMin exists, and is accepted in a config", 14, 15)
def least_version(case: Case) -> None:
    accepts(case, features(case)["ociVersionMin"])


@FEATURES.shown(MUST, "ociVersionMax exists, and is accepted in a config", 17, 18)
def most_version(case: Case) -> None:
    accepts(case, features(case)["ociVersionMax"])


@FEATURES.shown(MUST, "ociVersionMax is not less than ociVersionMin", 19)
def versions_in_order(case: Case) -> None:
    found = features(case)
    least, most = (
        tuple(map(int, str(found[name]).partition("-")[0].split(".")))
        for name in ("ociVersionMin", "ociVersionMax")
    )
    expect(least <= most, f"{least} and {most}")


@FEATURES.shown(MUST, "all properties are defined by the specification", 20)
def known_properties(case: Case) -> None:
    found = features(case)
    same(sorted(set(found) - TOP), [], "unknown properties")
    same(sorted(set(found.get("linux") or {}) - LINUX), [], "unknown properties of linux")


@FEATURES.shown(MUST, "all listed kinds of hooks are supported", 32)
def hooks(case: Case) -> None:
    files = {kind: case.hook(kind) for kind in listed(case, "hooks")}
    case.run()
    case.until("stopped")
    case.call("delete", case.id)
    same([kind for kind, file in files.items() if not file.exists()], [], "hooks that did not run")


@FEATURES.shown(MUST, "listed mount options are recognised, and not given to the file system", 49)
def mount_options(case: Case) -> None:
    names = set(listed(case, "mountOptions"))
    # Each option is tested alone on a tmpfs, which refuses unknown options. Options that need a
    # bind mount or mappings have rows of their own.
    special = {"bind", "rbind", "remount", "idmap", "ridmap", "acl", "noacl", "mand"}
    for name in sorted(names - special):
        case.config["mounts"] = [m for m in case.config["mounts"] if m["destination"] != "/data"]
        case.mount("/data", type="tmpfs", source="tmpfs", options=[name])
        if not case.create(check=False):
            expect(name[:1] == "r" and name[1:] in names, f"{name}: {case.words()}")
        case.call("delete", "--force", case.id, check=False)


@FEATURES.shown(SHOULD, "mountOptions has no options of file systems", 50)
def no_data_options(case: Case) -> None:
    same(sorted(set(listed(case, "mountOptions")) & DATA_OPTIONS), [], "options of file systems")


@FEATURES.shown(MUST, "annotations are a map of strings", 131)
def annotations(case: Case) -> None:
    found = features(case).get("annotations") or {}
    needs(found, "annotations are absent, which they MAY be")
    for key, value in found.items():
        expect(key and isinstance(value, str), f"{key!r} is {value!r}")


@FEATURES_LINUX.shown(MUST, "listed namespaces are recognised", 8)
def namespaces(case: Case) -> None:
    def put(name: str) -> None:
        case.linux["namespaces"] = [{"type": name}]
        if name != "mount":
            case.linux["namespaces"].append({"type": "mount"})
        case.config.pop("hostname", None)

    all_recognised(case, listed(case, "linux", "namespaces"), put)


@FEATURES_LINUX.shown(MUST, "listed capabilities are recognised", 27)
def capabilities(case: Case) -> None:
    names = listed(case, "linux", "capabilities")
    case.process["capabilities"] = {"bounding": names, "permitted": names, "effective": names}
    case.create(check=False)
    unknown = [name for name in names if f'"{name}" is left out: unknown' in case.said.read_text()]
    same(unknown, [], "capabilities that are called unknown")


@FEATURES_LINUX.shown(MUST, "listed seccomp actions are recognised", 107)
def actions(case: Case) -> None:
    def put(name: str) -> None:
        rule = {"names": ["getpriority"], "action": name}
        case.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}

    all_recognised(case, listed(case, "linux", "seccomp", "actions"), put)


@FEATURES_LINUX.shown(MUST, "listed seccomp operators are recognised", 109)
def operators(case: Case) -> None:
    def put(name: str) -> None:
        args = [{"index": 0, "value": 1, "valueTwo": 1, "op": name}]
        rule = {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "args": args}
        case.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}

    all_recognised(case, listed(case, "linux", "seccomp", "operators"), put)


@FEATURES_LINUX.shown(MUST, "listed seccomp architectures are recognised", 111)
def architectures(case: Case) -> None:
    def put(name: str) -> None:
        case.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [name]}

    all_recognised(case, listed(case, "linux", "seccomp", "archs"), put)


def flag_setter(case: Case) -> Any:
    def put(name: str) -> None:
        rule = {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}
        case.linux["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [rule],
            "flags": [name],
        }

    return put


@FEATURES_LINUX.shown(MUST, "seccomp flags that are listed as known are recognised", 113)
def known_flags(case: Case) -> None:
    all_recognised(case, listed(case, "linux", "seccomp", "knownFlags"), flag_setter(case))


@FEATURES_LINUX.shown(
    MUST, "seccomp flags that are listed as supported are recognised and supported", 116
)
def supported_flags(case: Case) -> None:
    put = flag_setter(case)
    for name in listed(case, "linux", "seccomp", "supportedFlags"):
        if name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
            continue  # only together with SCMP_ACT_NOTIFY (seccomp(2))
        put(name)
        case.run()
        case.call("delete", "--force", case.id)


@FEATURES_LINUX.shown(MUST, "listed memory policies are recognised", 203)
def memory_modes(case: Case) -> None:
    def put(name: str) -> None:
        nodes = {} if name in ("MPOL_DEFAULT", "MPOL_LOCAL") else {"nodes": "0"}
        case.linux["memoryPolicy"] = {"mode": name, **nodes}

    all_recognised(case, listed(case, "linux", "memoryPolicy", "modes"), put)


@FEATURES_LINUX.shown(MUST, "listed flags of memory policies are recognised", 206)
def memory_flags(case: Case) -> None:
    def put(name: str) -> None:
        case.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": [name]}

    all_recognised(case, listed(case, "linux", "memoryPolicy", "flags"), put)


@FEATURES_LINUX.shown(
    MUST, "a runtime that supports mappings of mounts, even partly, reports idmap true", 257
)
def idmap(case: Case) -> None:
    found = features(case)
    says = ((found.get("linux") or {}).get("mountExtensions") or {}).get("idmap") or {}
    mapping = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    case.mount(
        "/data",
        source=str(case.stage.mapped),
        options=["bind", "idmap"],
        uidMappings=mapping,
        gidMappings=mapping,
    )
    works = case.create("stat:/data/file", check=False)
    if works:
        case.start()
        works = case.seen()["deeds"][0].get("uid") == 100000
    expect(says.get("enabled") or not works, "it maps, and does not say so")
