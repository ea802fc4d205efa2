"""config.md: the version, the root, host names, annotations, and values in general."""

from typing import Any

from conformance.suite.case import Case, expect, mounts, same
from conformance.suite.documents import CONFIG
from conformance.suite.table import MUST, SAYS, SHOULD


@CONFIG.shown(MUST, "an ociVersion that is not a semantic version is an error", 17)
def bad_version(case: Case) -> None:
    for version in ("invalid", "1", 1):
        case.config["ociVersion"] = version
        case.refused()


@CONFIG.shown(MUST, "a config without ociVersion is an error", 17)
def no_version(case: Case) -> None:
    del case.config["ociVersion"]
    case.refused()


@CONFIG.shown(MUST, "configs of version 1.0.0 and of the newest known version are both run", 17)
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


@CONFIG.shown(SHOULD, "root.path may have any name; rootfs is only a convention", 39)
def root_name(case: Case) -> None:
    case.rootfs.rename(case.bundle / "other")
    case.config["root"]["path"] = "other"
    expect("probe" in case.deed("list:/")["names"], "the root is another one")


@CONFIG.shown(MUST, "a root.path that is not a directory is an error", 41)
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


@CONFIG.shown(MUST, "annotations that are not a map are an error", 720)
def annotations_map(case: Case) -> None:
    annotated(case, ["com.example.key=value"])


CONFIG.argued(
    MUST,
    "the keys of annotations are strings",
    723,
    why="in JSON all keys are strings; other text is invalid JSON, and is refused (line 720)",
)


@CONFIG.shown(MUST, "an annotation whose key is empty is an error", 724)
def annotation_key(case: Case) -> None:
    annotated(case, {"": "value"})


CONFIG.argued(
    SHOULD,
    "keys have a reversed domain; those of org.opencontainers are defined by the specification",
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
    why="this is a requirement for configs and later specifications; a runtime must ignore unknown "
    "keys (line 741)",
)


@CONFIG.shown(MUST, "annotations that the runtime does not know are ignored", 741)
def unknown_annotation(case: Case) -> None:
    case.config["annotations"] = {"org.opencontainers.unheard": "x", "com.example.key": ""}
    case.run()


@CONFIG.shown(MUST, "an annotation whose value is not a string is an error", 743)
def annotation_value(case: Case) -> None:
    annotated(case, {"com.example.key": 1})


@CONFIG.shown(MUST, "unknown properties are ignored, at any place", 754)
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


@CONFIG.shown(MUST, "a value that the kernel does not know is an error", 759)
def unsupported_values(case: Case) -> None:
    case.linux["namespaces"].append({"type": "rabbit"})
    case.refused()
