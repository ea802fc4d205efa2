"""Volumes of a pod: what each container mounts, and what is to be there before."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hutch.engine.containers.options import MountOption, Options
from hutch.kube.node import Node
from hutch.kube.quantity import whole
from hutch.kube.sources import Sources
from hutch.kube.variables import PodFacts, expand, field, resource

KINDS = (
    "configMap", "secret", "downwardAPI", "projected", "emptyDir", "hostPath",
    "persistentVolumeClaim", "image",
)  # fmt: skip
FILES_MODE = 0o644  # defaultMode of files that are made of values
PROPAGATION = {"None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}
DEVICES = {"CharDevice": stat.S_ISCHR, "BlockDevice": stat.S_ISBLK}
TYPES = {"Directory": stat.S_ISDIR, "File": stat.S_ISREG, "Socket": stat.S_ISSOCK, **DEVICES}


class File(NamedTuple):
    """A file of a volume: below its folder, what is in it, its mode."""

    path: str
    data: bytes
    mode: int


class Volume(NamedTuple):
    """A volume of a pod. ``files`` are those of a configMap, secret, downwardAPI or projected one;
    ``source`` is the path, claim or image; ``size`` the bytes of a Memory volume."""

    name: str
    kind: str
    node: Node
    files: tuple[File, ...] = ()
    source: str = ""
    memory: bool = False
    size: int = 0
    readonly: bool = False


def volume(node: Node, sources: Sources, spec: Node, pod: PodFacts) -> Volume:
    """One volume of the pod. Raises KubeError."""
    given = [kind for kind in KINDS if node[kind]]
    if len(given) > 1:
        raise node[given[1]].wrong(f"conflicts with {given[0]}", shown=False)
    kind = given[0] if given else "emptyDir"
    name, body = node["name"].text(), node[kind]
    if kind == "emptyDir":
        size = whole(body["sizeLimit"])
        return Volume(name, kind, body, memory=body["medium"].text() == "Memory", size=size)
    if kind == "hostPath":
        path = body["path"].text()
        if not path.startswith("/") or ".." in path.split("/"):
            raise body["path"].wrong("an absolute path without .. is wanted")
        return Volume(name, kind, body, source=path)
    if kind == "persistentVolumeClaim":
        return Volume(name, kind, body, source=body["claimName"].text(),
                      readonly=body["readOnly"].flag())  # fmt: skip
    if kind == "image":
        return Volume(name, kind, body, source=body["reference"].text(), readonly=True)
    return Volume(name, kind, body, files=tuple(files(kind, body, sources, spec, pod)),
                  readonly=True)  # fmt: skip


def files(kind: str, body: Node, sources: Sources, spec: Node, pod: PodFacts) -> list[File]:
    """The files of a volume that is made of values. Raises KubeError."""
    mode = body["defaultMode"].whole(FILES_MODE)
    if kind != "projected":
        return part(kind, body, sources, spec, pod, mode)
    found: dict[str, File] = {}
    for source in body["sources"]:
        for one, node in source.pairs():
            for file in part(one, node, sources, spec, pod, mode):
                found[file.path] = file
    return list(found.values())


def part(
    kind: str, body: Node, sources: Sources, spec: Node, pod: PodFacts, mode: int
) -> list[File]:
    """The files of one ConfigMap or Secret, or of the downward API."""
    if kind == "downwardAPI":
        found = []
        for item in body["items"]:
            text = (
                field(item["fieldRef"]["fieldPath"], pod) if item["fieldRef"]
                else resource(item["resourceFieldRef"], spec, pod)
            )  # fmt: skip
            found.append(File(inner(item["path"]), text.encode(), item["mode"].whole(mode)))
        return found
    named = body["secretName"] if body["secretName"] else body["name"]
    object_kind = "Secret" if kind == "secret" else "ConfigMap"
    optional = body["optional"].flag()
    data = sources.data(object_kind, named, optional=optional)
    if not body["items"]:
        return [File(key, value, mode) for key, value in sorted(data.items())]
    found = []
    for item in body["items"]:
        value = data.get(item["key"].text())
        if value is not None:
            found.append(File(inner(item["path"]), value, item["mode"].whole(mode)))
        elif not optional:
            raise item["key"].wrong(f"the {object_kind} {named.text()} has no such key")
    return found


def inner(node: Node) -> str:
    """A path below a volume. Raises KubeError for one that would lead out of it."""
    parts = node.text().split("/")
    if not node.text() or node.text().startswith("/") or ".." in parts or "\0" in node.text():
        raise node.wrong("a path without .. below the volume is wanted")
    return "/".join(one for one in parts if one not in ("", "."))


def mount(
    options: Options, node: Node, volumes: Mapping[str, Volume], variables: Mapping[str, str],
    folder: Path,
) -> None:  # fmt: skip
    """Gives a container one of its volumeMounts, or the device that it names. ``folder`` is where
    the pod's own volumes are. Raises KubeError."""
    found = volumes.get(node["name"].text())
    if found is None:
        raise node["name"].wrong("the pod has no volume of this name")
    target = node["mountPath"].text()
    if not target.startswith("/"):
        target = "/" + target
    kind = found.node["type"].text() if found.kind == "hostPath" else ""
    if kind in DEVICES:
        options.devices.append({"source": found.source, "target": target, "access": "rwm"})
        return
    if any(one["target"] == target for one in options.mounts):
        raise node["mountPath"].wrong("another volume is mounted there")
    option: MountOption = {"kind": "bind", "source": found.source, "target": target}
    if found.kind == "persistentVolumeClaim":
        option["kind"] = "volume"
    elif found.kind == "image":
        option["kind"] = "image"
    elif found.kind != "hostPath":
        option["source"] = str(folder / found.name)
    option["readonly"] = found.readonly or node["readOnly"].flag()
    if node["subPathExpr"]:
        expanded = Node(node.document, expand(node["subPathExpr"].text(), variables),
                        node["subPathExpr"].path)  # fmt: skip
        option["subpath"] = inner(expanded)
    elif node["subPath"]:
        option["subpath"] = inner(node["subPath"])
    if node["mountPropagation"]:
        option["propagation"] = PROPAGATION[node["mountPropagation"].text()]
    options.mounts.append(option)


def check_host_path(found: Volume, *, make: bool) -> None:
    """That what a hostPath names is there and has its type; ``make``: the types that end in
    OrCreate make it. Raises KubeError."""
    wanted = found.node["type"].text()
    path = Path(found.source)
    try:
        if not wanted:
            path.stat()
        elif wanted == "DirectoryOrCreate" and make:
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        elif wanted == "FileOrCreate" and make and not path.exists():
            path.touch(mode=0o644)
        elif wanted in TYPES or make:
            mode = path.stat().st_mode
            fits = TYPES[wanted.removesuffix("OrCreate")]
            if not fits(mode):
                raise found.node["path"].wrong(f"this is no {wanted.removesuffix('OrCreate')}")
    except OSError as error:
        raise found.node["path"].wrong(str(error.strerror)) from None


def make_volume(folder: Path, found: Volume, group: int | None) -> None:
    """Makes the folder of a volume that is the pod's own, with its files. ``group`` is fsGroup.
    Raises OSError."""
    place = folder / found.name
    place.mkdir(parents=True)
    place.chmod(0o777 if found.kind == "emptyDir" else 0o755)
    for file in found.files:
        path = place / file.path
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(file.mode | (0o040 if group is not None else 0))
        if group is not None:
            os.chown(path, -1, group)


def give(place: Path, group: int) -> None:
    """fsGroup: a folder and all that is in it becomes the group's, which may write. What is made in
    a folder is the group's, too. No link is followed, even if a container of another
    pod puts one there meanwhile. Raises OSError."""
    for _, _, files, top in os.fwalk(place):
        _give(f"/proc/self/fd/{top}", group, 0o2770)
        for name in files:
            fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=top)
            try:
                os.chown(name, -1, group, dir_fd=top, follow_symlinks=False)
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    _give(f"/proc/self/fd/{fd}", group, 0o660)
            finally:
                os.close(fd)


def _give(path: str, group: int, bits: int) -> None:
    os.chown(path, -1, group)
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | bits)
