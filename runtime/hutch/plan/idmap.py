"""Mounts with an id mapping of their own: config.md "POSIX-platform Mounts", idmap and ridmap.

The mapping is that of the mount or, if the mount has none, that of the container's user namespace.
The runtime clones and maps the source of a bind mount, because that takes rights over the source's
file system, which hutch-init does not have in a user namespace (mount_setattr(2)). hutch-init maps
a new file system itself when it mounts it.
"""

from hutch.plan.mount_options import IDMAP
from hutch.plan.namespaces import mapping_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.spec.config import Config, Linux, Mount


class Idmap:
    """The mapping of one mount: text for uid_map and gid_map, or the ``path`` of a user namespace.

    ``source`` is the source of a bind mount ("": a new file system). ``tree``: the mounts below it
    are bound too. ``recursive``: they get the mapping too. ``slot`` is the slot of hutch-init's
    descriptor: of the mapped tree, or of the user namespace for a new file system.
    """

    __slots__ = ("gid_map", "path", "pointer", "recursive", "slot", "source", "tree", "uid_map")

    def __init__(self, pointer: str, uid_map: str, gid_map: str, path: str) -> None:
        self.pointer = pointer
        self.uid_map = uid_map
        self.gid_map = gid_map
        self.path = path
        self.source = ""
        self.tree = False
        self.recursive = False
        self.slot = 0


def compile_idmaps(config: "Config", bundle: str, first_slot: int) -> "dict[int, Idmap]":
    """{index of the mount: its mapping}, with slots from ``first_slot`` on."""
    result: dict[int, Idmap] = {}
    for index, mount in enumerate(config.get("mounts") or []):
        words = [word for word in mount.get("options") or [] if word in IDMAP]
        if not words and not mount.get("uidMappings"):
            continue
        pointer = "mounts[" + str(index) + "]"
        idmap = _mapping(mount, config.get("linux", {}), pointer)
        options = mount.get("options") or []
        if "bind" in options or "rbind" in options:
            idmap.source = mount.get("source") or ""
            if not idmap.source.startswith("/"):
                idmap.source = bundle + "/" + idmap.source
            idmap.tree = "rbind" in options
        idmap.recursive = "ridmap" in words
        idmap.slot = first_slot + len(result)
        result[index] = idmap
    return result


def _mapping(mount: "Mount", linux: "Linux", pointer: str) -> Idmap:
    if mount.get("uidMappings"):
        return Idmap(
            pointer + ".uidMappings",
            mapping_lines(mount["uidMappings"]),
            mapping_lines(mount["gidMappings"]),
            "",
        )
    pointer += ".options"
    for namespace in linux.get("namespaces") or []:
        if namespace["type"] == "user" and namespace.get("path"):
            return Idmap(pointer, "", "", namespace["path"])
    return Idmap(
        pointer, mapping_lines(linux["uidMappings"]), mapping_lines(linux["gidMappings"]), ""
    )
