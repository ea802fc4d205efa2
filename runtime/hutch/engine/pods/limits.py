"""The cgroup of a pod whose containers have limits together: theirs are in it."""

from typing import TYPE_CHECKING

from hutch import cgroups
from hutch.cgroups.files import exists
from hutch.cgroups.layout import read
from hutch.engine.containers.config import CGROUP_PARENT
from hutch.engine.containers.limits import resources
from hutch.engine.containers.options import Options
from hutch.engine.containers.security import throttles
from hutch.engine.pods.records import Pod
from hutch.plan.cgroup_paths import Cgroup, resolve
from hutch.plan.resources_compile import compile

if TYPE_CHECKING:
    from hutch.spec.config import Resources

# The options of a container that are limits, and that a pod can have, too.
LIMITS = (
    "memory", "memory_swap", "cpu_shares", "nano_cpus", "cpuset_cpus", "cpuset_mems",
    "blkio_weight", "throttle",
)  # fmt: skip


def limits_of(options: Options) -> dict[str, object]:
    """The limits among these options, without those that are not set."""
    return {name: value for name in LIMITS if (value := getattr(options, name))}


def wanted(pod: Pod) -> "Resources":
    """linux.resources of the pod's cgroup. Raises UsageError, KernelError."""
    options = Options()
    for name, value in pod.options.get("limits", {}).items():
        setattr(options, name, value)
    found = resources(options)
    throttles(found, options.throttle)
    return found


def path_of(parent: str, id: str) -> str:
    """The pod's cgroup, the parent of those of its containers."""
    return f"{parent or CGROUP_PARENT}/pod-{id}"


def _cgroup(pod: Pod) -> Cgroup:
    return resolve("/" + pod.options["cgroup"].lstrip("/"), pod.id, read())


def limit(pod: Pod) -> None:
    """Makes the pod's cgroup, if it has limits and the cgroup is not there: after a boot it is not.

    Raises ConfigError, HostError, KernelError, StateError.
    """
    if "cgroup" not in pod.options:
        return
    cgroup = _cgroup(pod)
    if not all(exists(leaf) for leaf in cgroup.leaves()):
        layout = read()
        cgroups.prepare(cgroup)
        cgroups.create(cgroup, layout, compile(wanted(pod), layout))


def unlimit(pod: Pod) -> None:
    """Removes it; the pod has no containers. Raises KernelError, StateError."""
    if "cgroup" in pod.options:
        cgroup = _cgroup(pod)
        cgroup.made = [leaf for leaf in cgroup.leaves() if exists(leaf)]
        cgroups.destroy(cgroup)
