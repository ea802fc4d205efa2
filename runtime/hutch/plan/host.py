"""What the plan compiler knows about the host. Another package reads these facts, once."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class CgroupLayout:
    """How cgroups are mounted on this host, and in which cgroups the caller is.

    ``mode`` is "v1" (controllers in hierarchies of their own), "hybrid" (v1 plus a cgroup2 tree
    without controllers), "v2" (unified) or "none". ``hierarchies`` maps each v1 hierarchy to its
    mount point: "memory" -> "/sys/fs/cgroup/memory", "name=systemd" -> "/sys/fs/cgroup/systemd";
    two controllers mounted together ("cpu,cpuacct") are two entries with one mount point.
    ``unified`` is the mount point of cgroup2, "" where there is none. ``own`` is the caller's
    cgroup in each hierarchy, relative to the mount point ("" is the key of cgroup2).
    ``controllers`` are those that can be used: the v1 controllers that are mounted, or those of
    cgroup2's root.
    """

    __slots__ = ("controllers", "hierarchies", "mode", "own", "unified")

    def __init__(
        self,
        mode: str,
        hierarchies: "Mapping[str, str]",
        unified: str,
        own: "Mapping[str, str]",
        controllers: "frozenset[str]",
    ) -> None:
        self.mode = mode
        self.hierarchies = hierarchies
        self.unified = unified
        self.own = own
        self.controllers = controllers


class Host:
    """The facts about the host that a plan depends on.

    ``uid`` and ``gid`` are the caller's; ``capabilities`` is the mask of the capabilities that it
    can give to the container; ``apparmor`` and ``selinux`` say whether they are enabled;
    ``cgroups`` is the layout; ``groups_denied`` says whether setgroups(2) is denied to the caller,
    ``in_initial_user_namespace`` whether its root is the host's root (user_namespaces(7));
    ``environment`` is the caller's, and that of hooks without ``env`` (hooks.py).
    """

    __slots__ = (
        "apparmor", "capabilities", "cgroups", "environment", "gid", "groups_denied",
        "in_initial_user_namespace", "selinux", "uid",
    )  # fmt: skip

    def __init__(
        self,
        uid: int,
        gid: int,
        capabilities: int,
        apparmor: bool,
        selinux: bool,
        cgroups: CgroupLayout,
        groups_denied: bool = False,
        in_initial_user_namespace: bool = True,
        environment: "Mapping[bytes, bytes]" = {},  # noqa: B006 - never changed
    ) -> None:
        self.uid = uid
        self.gid = gid
        self.capabilities = capabilities
        self.apparmor = apparmor
        self.selinux = selinux
        self.cgroups = cgroups
        self.groups_denied = groups_denied
        self.in_initial_user_namespace = in_initial_user_namespace
        self.environment = environment
