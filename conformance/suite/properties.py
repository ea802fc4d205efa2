"""config.md: the version, the root, host names, annotations, and values in general."""

from typing import Any

from conformance.suite.case import Case, expect, mounts, same
from conformance.suite.documents import CONFIG
from conformance.suite.table import MUST, SAYS, SHOULD


@CONFIG.shown(MUST, "an ociVersion that is no semantic version is an error", 17)
def bad_version(case: Case) -> None:
    for version in ("invalid", "1", 1):
        case.config["ociVersion"] = version
        case.refused()


@CONFIG.shown(MUST, "a config without ociVersion is an error", 17)
def no_version(case: Case) -> None:
    del case.config["ociVersion"]
    case.refused()


@CONFIG.shown(MUST, "a config of 1.0.0 and one of the newest version known are both run", 17)
def versions(case: Case) -> None:
    case.config["ociVersion"] = "1.0.0"
    case.run()
    case.call("delete", "--force", case.id)
    case.config["ociVersion"] = case.version
    case.run()


@CONFIG.shown(MUST, "a config without root, or without its path, is an error", 33, 35)
def no_root(case: Case) -> None:
    del case.config["root"]["path"]
    case.refused()
    del case.config["root"]
    case.refused()


@CONFIG.shown(MUST, "root.path is absolute, or relative to the bundle", 35)
def root_paths(case: Case) -> None:
    expect("probe" in case.deed("list:/")["names"], "the root is another one")
    case.call("delete", "--force", case.id)
    case.config["root"]["path"] = str(case.rootfs)
    expect("probe" in case.deed("list:/")["names"], "with an absolute path the root is another")


@CONFIG.shown(SHOULD, "root.path may have any name; rootfs is a convention", 39)
def root_name(case: Case) -> None:
    case.rootfs.rename(case.bundle / "other")
    case.config["root"]["path"] = "other"
    expect("probe" in case.deed("list:/")["names"], "the root is another one")


@CONFIG.shown(MUST, "a root.path at which there is no directory is an error", 41)
def missing_root(case: Case) -> None:
    case.config["root"]["path"] = "nowhere"
    case.refused()
    (case.bundle / "file").write_text("")
    case.config["root"]["path"] = "file"
    case.refused()


@CONFIG.shown(MUST, "with root.readonly the root is read-only inside", 43)
def readonly_root(case: Case) -> None:
    case.config["root"]["readonly"] = True
    seen = case.run("write:/file")
    same(seen["deeds"][0]["errno"], 30, "writing to / (EROFS is 30)")
    expect("ro" in mounts(seen)["/"]["options"], "/ is not mounted read-only")


@CONFIG.shown(MUST, "without root.readonly the root is writable", 43)
def writable_root(case: Case) -> None:
    same(case.deed("write:/file")["errno"], 0, "writing to /")


@CONFIG.shown(SAYS, "hostname is the host name inside", 497)
def hostname(case: Case) -> None:
    case.config["hostname"] = "rabbit"
    same(case.run()["hostname"], "rabbit", "the host name")


@CONFIG.shown(SAYS, "domainname is the domain name inside", 509)
def domainname(case: Case) -> None:
    case.config["domainname"] = "warren.test"
    same(case.run()["domainname"], "warren.test", "the domain name")


def annotated(case: Case, annotations: Any) -> None:
    case.config["annotations"] = annotations
    case.refused()


@CONFIG.shown(MUST, "annotations that are no map are an error", 720)
def annotations_map(case: Case) -> None:
    annotated(case, ["com.example.key=value"])


CONFIG.argued(
    MUST,
    "the keys of annotations are strings",
    723,
    why="JSON has no other keys: what is no string is no JSON, and is refused as such (line 720)",
)


@CONFIG.shown(MUST, "an annotation whose key is empty is an error", 724)
def annotation_key(case: Case) -> None:
    annotated(case, {"": "value"})


CONFIG.argued(
    SHOULD,
    "keys are named by a reversed domain, and those of org.opencontainers as it says",
    725,
    727,
    731,
    732,
    733,
    734,
    735,
    736,
    737,
    738,
    740,
    why="asked of who writes a config and of later specifications; a runtime that judged names "
    "would break line 741, by which unknown keys are ignored",
)


@CONFIG.shown(MUST, "annotations that the runtime does not know are ignored", 741)
def unknown_annotation(case: Case) -> None:
    case.config["annotations"] = {"org.opencontainers.unheard": "x", "com.example.key": ""}
    case.run()


@CONFIG.shown(MUST, "an annotation whose value is no string is an error", 743)
def annotation_value(case: Case) -> None:
    annotated(case, {"com.example.key": 1})


@CONFIG.shown(
    MUST, "properties that the runtime does not know are ignored, wherever they stand", 754
)
def unknown_property(case: Case) -> None:
    for place in (case.config, case.process, case.linux, case.config["root"], case.resources):
        place["unheardOf"] = {"a": [1]}
    case.config["mounts"][0]["unheardOf"] = True
    case.run()


@CONFIG.shown(MUST, "invalid values are an error", 759)
def invalid_values(case: Case) -> None:
    for field, value in (("cwd", 1), ("args", "sh"), ("env", {"A": "B"}), ("terminal", "yes")):
        before = case.process.get(field)
        case.process[field] = value
        case.refused()
        case.process[field] = before


@CONFIG.shown(MUST, "a value that the kernel knows nothing of is an error", 759)
def unsupported_values(case: Case) -> None:
    case.linux["namespaces"].append({"type": "rabbit"})
    case.refused()
