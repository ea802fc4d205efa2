"""How a container becomes one of a pod: what it shares with the others, and what it inherits."""

from hutch.engine.containers.options import Options
from hutch.engine.engine import Engine
from hutch.engine.pods.infra import infra_of
from hutch.errors import UsageError

# What of a pod's infra container its other containers get, too, where they do not ask for others.
INHERITED = ("cgroup_parent", "devices", "seccomp", "apparmor", "selinux", "no_new_privileges")


def join(engine: Engine, options: Options) -> None:
    """Makes ``options`` those of a container of the pod that they name. Raises NoSuchPod,
    UsageError."""
    pod = engine.pods.find(options.pod)
    options.pod = pod.id
    infra = infra_of(engine, pod.id)
    if infra is None:
        return
    mode, theirs = f"container:{infra.id}", infra.options
    if theirs.uid_map:
        if options.uid_map or options.userns_mode:
            raise UsageError(
                "conflicting options: --uidmap, --gidmap or --userns, and the pod's user namespace"
            )
        options.userns_mode = mode
    if "net" in pod.share:
        if options.ports or options.publish_all:
            raise UsageError(
                "ports cannot be published by a container of a pod: they are the pod's",
                hint="warren pod create --publish",
            )
        options.network, options.networks = mode, []
    if "ipc" in pod.share and not options.ipc_mode:
        options.ipc_mode = "host" if theirs.ipc_mode == "host" else mode
    if "pid" in pod.share and not options.pid_mode:
        options.pid_mode = mode
    if "uts" in pod.share and not options.uts_mode:
        if options.hostname:
            raise UsageError("conflicting options: --hostname and the pod's own host name")
        options.uts_mode = "host" if theirs.uts_mode == "host" else mode
        options.hostname = theirs.hostname if theirs.uts_mode != "host" else ""
    taken = {option["target"] for option in options.mounts}
    options.mounts += [one for one in theirs.mounts if one["target"] not in taken]
    for key in INHERITED:
        if not getattr(options, key):
            setattr(options, key, getattr(theirs, key))
