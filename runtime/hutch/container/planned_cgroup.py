"""Where a container's cgroup will be: beside others in the cgroup file system, or in a scope of
systemd."""

from hutch.plan.cgroup_paths import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.plan.cgroup_paths import Cgroup
    from hutch.plan.host import Host
    from hutch.spec.config import Config


def cgroup_for(
    config: "Config", host: "Host", id: str, systemd: bool, rootless: "bool | None"
) -> "Cgroup":
    """Where the container's cgroup will be. Raises ConfigError, HostError or UsageError."""
    path = config.get("linux", {}).get("cgroupsPath")
    if systemd:
        from hutch.cgroups.cold.systemd import manager
        from hutch.cgroups.tree import in_user_namespace
        from hutch.plan.systemd_unit import resolve_unit

        user = host.uid != 0 or in_user_namespace() if rootless is None else rootless
        annotations = config.get("annotations", {})
        cgroup = resolve_unit(path, id, host.cgroups, manager(user), annotations)
    else:
        user = host.uid != 0 if rootless is None else rootless
        cgroup = resolve(path, id, host.cgroups, rootless=user)
    cgroup.rootless = rootless
    return cgroup
