"""mounts: each entry becomes a mount, a bind or a remount, in the order of the config.

See runtime-spec config.md "Mounts"; security.md S-20 to S-25 say what may be mounted where.
"""

from hutch.errors import ConfigError, HostError
from hutch.plan import operations as op
from hutch.plan.mount_options import CONTEXTS, MS_I_VERSION, RDONLY, read_options
from hutch.plan.operations import COVER_CONTENTS, COVER_MODE, COVER_OWNER
from hutch.plan.plan import Later, cgroup_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.errors import HutchError
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import CgroupLayout, Host
    from hutch.plan.idmap import Idmap
    from hutch.plan.mount_options import Options
    from hutch.plan.operations import Operation, Remount
    from hutch.spec.config import Linux, Mount

# The files below /proc that a bind mount may cover: lxcfs and similar programs replace them.
BELOW_PROC = frozenset(
    (
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/slabinfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/uptime",
    )
)

# File systems that take no label of a mount, or whose files get their labels in another way.
NO_CONTEXT = ("proc", "sysfs", "mqueue")


class MountContext:
    """What the operation of a mount depends on besides its entry in the config.

    ``label`` is linux.mountLabel ("": none); ``idmaps`` has the id mappings by the mount's index.
    """

    __slots__ = ("bundle", "cgroup", "host", "idmaps", "label", "own_cgroup_namespace")

    def __init__(
        self,
        bundle: str,
        host: "Host",
        cgroup: "Cgroup | None",
        own_cgroup_namespace: bool,
        label: str,
        idmaps: "dict[int, Idmap]",
    ) -> None:
        self.bundle = bundle
        self.host = host
        self.cgroup = cgroup
        self.own_cgroup_namespace = own_cgroup_namespace
        self.label = label
        self.idmaps = idmaps


def compile_mounts(
    mounts: "list[Mount]", context: MountContext, warnings: "list[HutchError]"
) -> "list[Operation]":
    """The operations for the checked ``mounts``. Appends a warning to ``warnings`` for each option
    that is ignored. Raises ConfigError or HostError for a mount that is not possible."""
    result: list[Operation] = []
    for index, mount in enumerate(mounts):
        pointer = "mounts[" + str(index) + "]"
        options = read_options(mount.get("options") or [])
        target = _destination(mount["destination"], pointer)
        fstype = mount.get("type") or ""
        if fstype == "bind" and not options.bind:
            raise ConfigError(
                pointer + ".options",
                'a bind mount needs the option "bind" or "rbind"',
                hint='add "rbind" to the options',
            )
        _check_below_proc(target, fstype, options, pointer)
        if options.copy_up and (fstype != "tmpfs" or options.bind or options.remount):
            raise ConfigError(pointer + ".options", "tmpcopyup is for a new tmpfs")
        idmap = context.idmaps.get(index)
        slot = idmap.slot if idmap is not None else 0
        if options.remount:
            result.append(_remount(options, target, pointer))
        elif options.bind:
            source = mount["source"]
            if not source.startswith("/"):
                source = context.bundle + "/" + source
            result.append(_bind(options, source, target, pointer, slot, warnings))
        elif fstype == "cgroup":
            result += _cgroup_mounts(options, target, pointer, context)
        elif not fstype:
            raise ConfigError(pointer + ".type", "a mount that is not a bind mount needs a type")
        else:
            source = mount.get("source") or fstype
            result.append(_mount(options, fstype, source, target, pointer, slot, context))
    return result


def _destination(text: str, pointer: str) -> str:
    """The destination as an absolute path without "." and ".."; a relative one starts at "/"."""
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _check_below_proc(target: str, fstype: str, options: "Options", pointer: str) -> None:
    """Raises ConfigError for a mount below /proc, except a bind over one of BELOW_PROC. The runtime
    writes files below /proc, and these must be the kernel's own (CVE-2019-16884)."""
    if not target.startswith("/proc/") or options.remount:
        return
    if target not in BELOW_PROC or not options.bind:
        raise ConfigError(
            pointer + ".destination",
            "mounting below /proc is not allowed",
            value=target,
            hint="bind files may be mounted over " + ", ".join(sorted(BELOW_PROC)),
        )


def _parts(options: "Options", pointer: str) -> "tuple[str, ...]":
    return tuple([f"{pointer}.options[{place}]" for place in options.places])


def _mount(
    options: "Options",
    fstype: str,
    source: str,
    target: str,
    pointer: str,
    idmap: int,
    context: MountContext,
) -> "Operation":
    data, parts = options.data, _parts(options, pointer)
    # There is no mount below a new one yet, so recursive attributes are attributes of the mount.
    attributes = options.set & ~options.deep_clear | options.deep_set
    cover = 0
    if fstype == "tmpfs":
        cover = _cover(options)
        attributes &= ~RDONLY  # see read_only_last
        if "ro" in data:
            at = data.index("ro")
            data, parts = data[:at] + data[at + 1 :], parts[:at] + parts[at + 1 :]
    if context.label and fstype not in NO_CONTEXT and not _has_context(data):
        data = [*data, "context=" + context.label]
        parts = (*parts, "linux.mountLabel")
    return op.mount(
        pointer,
        fstype=fstype,
        source=source,
        target=target,
        options=data,
        attributes=attributes,
        flags=options.flags,
        propagation=options.propagation,
        # proc and sysfs are mounted on a directory only, never through a link (CVE-2019-19921).
        nofollow=int(fstype in ("proc", "sysfs")),
        cover=cover,
        idmap=idmap,
        parts=parts,
    )


def read_only_last(mounts: "list[Mount]") -> "list[Remount]":
    """The remounts that make each new tmpfs with "ro" read-only.

    They come last, because the runtime makes files in the tmpfs first (the devices of /dev). A
    tmpfs that a later mount covers needs no remount: nobody can see it.
    """
    result: list[Remount] = []
    for index, mount in enumerate(mounts):
        target = _destination(mount["destination"], "")
        words = mount.get("options") or []
        options = read_options(words if mount.get("type") == "tmpfs" else [])
        if not options.remount:
            below = "/" if target == "/" else target + "/"
            result = [one for one in result if not (one.target + "/").startswith(below)]
        elif "rw" in words or "rrw" in words:
            result = [one for one in result if one.target != target]
        attributes = options.set & ~options.deep_clear | options.deep_set
        if attributes & RDONLY and not options.bind and not options.remount:
            result.append(
                op.remount(f"mounts[{index}]", target=target, options=[], bind=1, set=RDONLY)
            )
    return result


def _cover(options: "Options") -> int:
    """What a tmpfs takes from the directory that it covers: COVER_MODE, unless the config gives a
    mode (as with runc); with tmpcopyup also COVER_CONTENTS and COVER_OWNER."""
    given = {option.partition("=")[0] for option in options.data}
    cover = 0 if "mode" in given else COVER_MODE
    if options.copy_up:
        cover |= COVER_CONTENTS | (0 if given & {"uid", "gid"} else COVER_OWNER)
    return cover


def _has_context(data: "list[str]") -> bool:
    return any(word.partition("=")[0] in CONTEXTS for word in data)


def _bind(
    options: "Options",
    source: str,
    target: str,
    pointer: str,
    tree: int,
    warnings: "list[HutchError]",
) -> "Operation":
    passed_over = [word for word in options.data if word not in ("ro", "rw")]
    if options.flags & MS_I_VERSION:
        passed_over.append("iversion")
    if passed_over:
        reason = "a bind mount has no file system options: " + ", ".join(passed_over)
        warnings.append(ConfigError(pointer + ".options", reason))
    return op.bind(
        pointer,
        source=source,
        target=target,
        recursive=int(options.recursive),
        set=options.set,
        clear=options.clear,
        deep_set=options.deep_set,
        deep_clear=options.deep_clear,
        propagation=options.propagation,
        tree=tree,
    )


def _remount(options: "Options", target: str, pointer: str) -> "Operation":
    if options.flags & MS_I_VERSION:
        raise ConfigError(pointer + ".options", "iversion is for a new mount, not for a remount")
    return op.remount(
        pointer,
        target=target,
        options=[] if options.bind else options.data,
        bind=int(options.bind),
        set=options.set,
        clear=options.clear,
        deep_set=options.deep_set,
        deep_clear=options.deep_clear,
        propagation=options.propagation,
        parts=_parts(options, pointer),
    )


def _cgroup_mounts(
    options: "Options", target: str, pointer: str, context: MountContext
) -> "list[Operation]":
    """A mount of type cgroup shows the container its own cgroups, in the layout of the host.

    cgroup2 is one mount. With v1, a tmpfs has one directory for each hierarchy. On it the
    container's own cgroup is bound, or, in a new cgroup namespace, the hierarchy is mounted, whose
    root is then the container's cgroup (cgroup_namespaces(7)).
    """
    layout = context.host.cgroups
    own = context.own_cgroup_namespace
    cgroup = context.cgroup
    if cgroup is None:
        raise HostError(
            "the container has no cgroup of its own to show",
            pointer=pointer,
            hint='bind /sys/fs/cgroup instead, with "rbind" and "ro"',
        )
    if layout.mode == "v2":
        if own:
            return [
                op.mount(
                    pointer,
                    fstype="cgroup2",
                    source="cgroup",
                    target=target,
                    options=[],
                    attributes=options.set,
                    propagation=options.propagation,
                )
            ]
        return [_bound_cgroup(cgroup, "", target, options, pointer)]
    result: list[Operation] = [
        op.mount(
            pointer,
            fstype="tmpfs",
            source="tmpfs",
            target=target,
            options=["mode=755"],
            attributes=options.set & ~RDONLY,
            propagation=options.propagation,
        )
    ]
    by_mount_point: dict[str, list[str]] = {}
    for name, mount_point in layout.hierarchies.items():
        by_mount_point.setdefault(mount_point, []).append(name)
    for mount_point, names in by_mount_point.items():
        place = target + "/" + mount_point.rsplit("/", 1)[-1]
        if own:
            data = [name.replace("name=", "name=") for name in names]
            if names[0].startswith("name="):
                data.append("none")
            result.append(_own_cgroups("cgroup", place, data, options, pointer))
        else:
            result.append(_bound_cgroup(cgroup, names[0], place, options, pointer))
        if len(names) > 1:
            joined = mount_point.rsplit("/", 1)[-1]
            result += [
                op.symlink(pointer, target=joined, path=target + "/" + name) for name in names
            ]
    if layout.unified:
        place = target + "/" + layout.unified.rsplit("/", 1)[-1]
        if own:
            result.append(_own_cgroups("cgroup2", place, [], options, pointer))
        elif "" in cgroup.directories:
            result.append(_bound_cgroup(cgroup, "", place, options, pointer))
    if options.set & RDONLY:
        result.append(op.remount(pointer, target=target, options=[], bind=1, set=options.set))
    return result


def _own_cgroups(
    fstype: str, target: str, data: "list[str]", options: "Options", pointer: str
) -> "Operation":
    return op.mount(
        pointer,
        fstype=fstype,
        source="cgroup",
        target=target,
        options=data,
        attributes=options.set,
    )


def _bound_cgroup(
    cgroup: "Cgroup", hierarchy: str, target: str, options: "Options", pointer: str
) -> "Operation":
    return op.bind(
        pointer + ".type",  # the source is not in the config
        source=Later(cgroup_directory(hierarchy), cgroup.directories[hierarchy]),
        target=target,
        set=options.set,
        propagation=options.propagation,
    )


def compile_covers(linux: "Linux") -> "list[Operation]":
    """The operations for linux.readonlyPaths, then those for linux.maskedPaths. A path that is
    listed twice gets one operation."""
    result: list[Operation] = []
    for field, listed, make in (
        ("readonlyPaths", linux.get("readonlyPaths"), op.readonly),
        ("maskedPaths", linux.get("maskedPaths"), op.mask),
    ):
        paths: dict[str, int] = {}
        for index, path in enumerate(listed or ()):
            # A path with a slash at its end may name a file here, so the slash is removed. ".."
            # stays, because the component before it may be a symbolic link.
            parts = [part for part in path.split("/") if part not in ("", ".")]
            paths.setdefault("/" + "/".join(parts), index)
        result += [make(f"linux.{field}[{index}]", path) for path, index in paths.items()]
    return result


def callers_cgroups(
    wanted: "dict[str, str]", made: "dict[str, str]", layout: "CgroupLayout"
) -> "dict[str, int | str]":
    """The values for Bindings of the cgroup directories that a mount of type cgroup binds.

    ``wanted`` and ``made`` map hierarchies to directories. Without root the runtime may not be able
    to create a cgroup in some hierarchies: those that are in ``wanted`` but not in ``made``. For
    these the mount shows the caller's own cgroup, as with runc.
    """
    found: dict[str, int | str] = {}
    for hierarchy in wanted:
        if hierarchy not in made:
            mount = layout.hierarchies[hierarchy] if hierarchy else layout.unified
            own = layout.own.get(hierarchy, "").rstrip("/")
            found[cgroup_directory(hierarchy)] = mount + own
    return found
