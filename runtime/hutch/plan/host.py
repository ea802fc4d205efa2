"""What the plan compiler knows of the host: facts, read once elsewhere, handed in as a value."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class CgroupLayout:
    """How cgroups are mounted on this host, and where the caller itself stands in them.

    ``mode`` is "v1" (controllers in hierarchies of their own), "hybrid" (v1 plus a cgroup2 tree
    without controllers), "v2" (unified) or "none". ``hierarchies`` maps each v1 hierarchy to its
    mount point: "memory" -> "/sys/fs/cgroup/memory", "name=systemd" -> "/sys/fs/cgroup/systemd";
    two controllers mounted together ("cpu,cpuacct") are two entries with one mount point.
    ``unified`` is the mount point of cgroup2, "" where there is none. ``own`` gives the caller's
    path in each, from what is mounted there ("" is the key of cgroup2). ``controllers`` are those
    that can be used: the v1 controllers that are mounted, or those of cgroup2's root.
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
    """The facts of the host that decide what a config becomes.

    ``uid`` and ``gid`` are the caller's; ``capabilities`` the mask of those it can give away;
    ``apparmor`` and ``selinux`` whether the kernel runs them; ``cgroups`` the layout;
    ``groups_denied`` whether setgroups(2) is denied to the caller, ``in_initial_user_namespace``
    whether its root is the host's (user_namespaces(7)); ``environment`` the caller's own, of which
    hooks without one get all (hooks.py).
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
