"""The flags of ``warren pod create``, and ``--pod`` of ``run`` and ``create``."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import truth
from hutch.cli.warren.flags import declare_some
from hutch.cli.warren.network_flags import network_options
from hutch.engine.containers import words
from hutch.engine.containers.options import Options
from hutch.engine.containers.security_words import security_option
from hutch.engine.pods.records import EXIT_POLICIES, SHARED, PodOptions
from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine
    from hutch.images import Image

# The flags of run that are about the infra container, and so about the whole pod.
OF_INFRA = [
    "--add-host", "--cgroup-parent", "--device", "--dns", "--dns-option", "--dns-search",
    "--gidmap", "--hostname", "--ip", "--ip6", "--label", "--label-file", "--mac-address", "--name",
    "--network", "--network-alias", "--pid", "--publish", "--security-opt", "--shm-size",
    "--sysctl", "--uidmap", "--uts", "--volume", "--volumes-from",
]  # fmt: skip
# Those that limit all containers of the pod together.
OF_ALL = [
    "--blkio-weight", "--cpu-shares", "--cpus", "--cpuset-cpus", "--cpuset-mems",
    "--device-read-bps", "--device-write-bps", "--memory", "--memory-swap",
]  # fmt: skip
# What run limits besides.
NOT_OF_ALL = ("memory_reservation", "cpu_period", "cpu_quota", "pids_limit")


def declare_pod(parser: ArgumentParser) -> None:
    """The flags of ``warren pod create``."""
    declare_some(parser, [flag for flag in [*OF_INFRA, *OF_ALL] if flag != "--hostname"])
    parser.add_argument("--hostname", default=None, metavar="NAME", help="its host name")
    parser.add_argument(
        "--exit-policy", default=EXIT_POLICIES[0], choices=EXIT_POLICIES,
        help="what the infra container does when the last of the others ends (continue)",
    )  # fmt: skip
    parser.add_argument(
        "--infra", type=truth, default=True, metavar="BOOL",
        help="false: no infra container, so nothing is shared (true)",
    )  # fmt: skip
    parser.add_argument("--infra-image", default="", metavar="IMAGE", help="instead of our own")
    parser.add_argument("--infra-name", default="", metavar="NAME", help="the container's name")
    parser.add_argument(
        "--pod-id-file", default="", metavar="FILE", help="write the pod's id to this file"
    )
    parser.add_argument("--replace", action="store_true", help="remove the pod of this name first")
    parser.add_argument(
        "--share", default=None, metavar="LIST",
        help="what is shared, by commas: ipc, net, pid, uts, or none; +pid adds (ipc,net,uts)",
    )  # fmt: skip


def pod_from(arguments: Namespace) -> tuple[PodOptions, Options | None]:
    """What the flags ask for: of the pod, and of its infra container. Raises UsageError."""
    labels = [
        line for path in arguments.label_file for line in words.lines_of(path, "--label-file")
    ]
    pod: PodOptions = {
        "labels": words.pairs(labels + arguments.label, "--label"),
        "share": shared(arguments.share), "exit_policy": arguments.exit_policy,
    }  # fmt: skip
    if arguments.infra:
        if limits := limits_from(arguments):
            pod["limits"] = limits
        return pod, infra_from(arguments)
    for flag in [*OF_INFRA, *OF_ALL]:
        value = getattr(arguments, flag[2:].replace("-", "_"))
        if value and flag not in ("--label", "--label-file", "--name"):
            raise UsageError(f"conflicting options: {flag} and --infra=false")
    return pod, None


def limits_from(arguments: Namespace) -> dict[str, object]:
    """The limits of all containers together. Raises UsageError."""
    from hutch.cli.warren.flags import resources, throttles
    from hutch.engine.pods.limits import limits_of

    options = Options()
    for name in NOT_OF_ALL:
        setattr(arguments, name, None)
    resources(arguments, options)
    throttles(arguments, options, ("device-read-bps", "device-write-bps"))
    return limits_of(options)


def shared(text: str | None) -> list[str]:
    """--share's namespaces, in order. Raises UsageError for none of its words."""
    if text is None:
        return list(SHARED)
    if text.startswith("+"):
        text = ",".join([*SHARED, text[1:]])
    return sorted({word for word in text.split(",") if word not in ("", "none")})


def infra_from(arguments: Namespace) -> Options:
    """The options of the infra container. Raises UsageError."""
    from hutch.cli.warren.flags import profile, sized
    from hutch.engine.containers.id_maps import parse

    options = Options()
    arguments.publish_all, arguments.expose = False, []
    network_options(arguments, options)
    for flag, value, known in (
        ("pid", arguments.pid, ("host", "private", "")), ("uts", arguments.uts, ("host", "")),
    ):  # fmt: skip
        if (value or "") not in known:
            raise UsageError(f"--{flag} of a pod is {known[0]}")
    options.pid_mode = arguments.pid or ""
    options.uid_map = [parse(text, "--uidmap") for text in arguments.uidmap]
    options.gid_map = [parse(text, "--gidmap") for text in arguments.gidmap]
    options.uts_mode, options.hostname = arguments.uts or "", arguments.hostname or ""
    options.dns, options.dns_search = arguments.dns, arguments.dns_search
    options.dns_option, options.add_host = arguments.dns_option, arguments.add_host
    options.sysctls = words.pairs(arguments.sysctl, "--sysctl")
    options.cgroup_parent = arguments.cgroup_parent or ""
    options.mounts = [words.volume(text) for text in arguments.volume]
    options.volumes_from = arguments.volumes_from
    options.devices = [words.device(text) for text in arguments.device]
    for text in arguments.security_opt:
        security_option(options, text, profile)
    if arguments.shm_size is not None:
        options.shm_size = sized(arguments, "shm_size")
    return options


def with_new_pod(engine: "Engine", image: "Image", options: Options, name: str) -> "Record":
    """A container in a pod that is made for it: its ports and networks are the pod's. If it cannot
    be made, there is no pod."""
    from hutch.engine.containers.create import create
    from hutch.engine.pods.create import create_pod
    from hutch.engine.pods.life import remove_pod

    infra = Options()
    infra.network, infra.networks = options.network, options.networks
    infra.ports, options.ports = options.ports, []
    infra.hostname, options.hostname = options.hostname, ""
    infra.uid_map, options.uid_map = options.uid_map, []
    infra.gid_map, options.gid_map = options.gid_map, []
    infra.dns, infra.dns_search = options.dns, options.dns_search
    infra.dns_option, infra.add_host = options.dns_option, options.add_host
    pod = create_pod(engine, {}, infra, options.pod.removeprefix("new:"))
    try:
        options.pod = pod.id
        return create(engine, image, options, name)
    except BaseException:
        remove_pod(engine, pod, force=True)
        raise
