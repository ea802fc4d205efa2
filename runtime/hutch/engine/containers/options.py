"""The options of a container, as its creator gave them. Each start uses them again."""

import json
from typing import TypedDict, get_origin, is_typeddict

from hutch.engine.network.records import PortOption, Wishes


class MountOption(TypedDict, total=False):
    """One ``-v``, ``--mount`` or ``--tmpfs``. ``source`` is a path of the host, the name of a
    volume ("" for a new one), or an image; ``options`` are those of mount(8)."""

    kind: str  # bind, volume, tmpfs, image
    source: str
    target: str
    readonly: bool
    propagation: str  # private, rprivate, shared, ..., "" for the usual one
    nocopy: bool
    recursive: bool
    chown: bool
    size: int
    mode: int
    options: list[str]
    subpath: str
    manifest: str  # of an image
    relabel: str  # z or Z: for SELinux
    create: bool  # -v makes a source that is missing; --mount does not
    anonymous: bool


class DeviceOption(TypedDict):
    """One ``--device``: a path of the host, the place in the container, ``rwm``."""

    source: str
    target: str
    access: str


class ThrottleOption(TypedDict):
    """One ``--device-read-bps`` and the like: the device's path, and bytes or operations a
    second."""

    path: str
    rate: int


class UlimitOption(TypedDict):
    """One ``--ulimit``; -1 is unlimited."""

    name: str
    soft: int
    hard: int


class HealthOption(TypedDict, total=False):
    """The health check: ``--health-cmd`` and the like, or the image's. Seconds."""

    test: list[str]  # CMD and arguments, or CMD-SHELL and a command; NONE in what is asked
    interval: float
    timeout: float
    start_period: float
    start_interval: float
    retries: int


class Options:
    """See Docker's documentation of ``run`` for what each does; None stands for the default.

    What has no default here is empty.
    """

    image: str = ""
    command: list[str]
    entrypoint: list[str] | None = None
    tty: bool = False
    interactive: bool = False
    stdin_once: bool = False
    auto_remove: bool = False
    env: list[str]
    labels: dict[str, str]
    annotations: dict[str, str]
    user: str | None = None
    group_add: list[str]
    workdir: str | None = None
    hostname: str = ""
    domainname: str = ""
    dns: list[str]
    dns_search: list[str]
    dns_option: list[str]
    add_host: list[str]
    network: str = "none"
    networks: list[Wishes]
    ports: list[PortOption]
    publish_all: bool = False
    pid_mode: str = ""
    ipc_mode: str = ""
    uts_mode: str = ""
    cgroupns_mode: str = ""
    userns_mode: str = ""
    uid_map: list[list[int]]  # each the container's first id, the host's, how many
    gid_map: list[list[int]]
    mounts: list[MountOption]
    volumes_from: list[str]
    read_only: bool = False
    shm_size: int = 64 << 20
    init: bool = False
    expose: list[str]
    restart: str = "no"
    restart_limit: int = 0
    stop_signal: str | None = None
    stop_timeout: int = 10
    memory: int = 0
    memory_swap: int = 0
    memory_reservation: int = 0
    memory_swappiness: int | None = None
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    nano_cpus: int = 0  # --cpus; in place of cpu_period and cpu_quota
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int | None = None
    blkio_weight: int = 0
    throttle: dict[str, list[ThrottleOption]]
    ulimits: list[UlimitOption]
    cap_add: list[str]
    cap_drop: list[str]
    privileged: bool = False
    no_new_privileges: bool = False
    seccomp: str = ""  # "", "unconfined", or a profile's text
    apparmor: str | None = None
    selinux: str | None = None
    mask: list[str]
    unmask: list[str]
    devices: list[DeviceOption]
    device_rules: list[str]
    sysctls: dict[str, str]
    cgroup_parent: str = ""
    health: HealthOption
    log_driver: str = "k8s-file"
    log_size: int = 0
    log_files: int = 1
    log_tag: str = ""
    runtime: str = ""
    pod: str = ""  # the pod's id; until the container is made perhaps its name
    infra: bool = False  # the container that has the pod's namespaces
    init_container: str = ""  # once or always: runs to its end when the pod starts (pods/life.py)

    def __init__(self) -> None:
        for name in LISTS:
            setattr(self, name, [])
        for name in DICTIONARIES:
            setattr(self, name, {})

    def json(self) -> str:
        """As the store keeps it."""
        return json.dumps({name: getattr(self, name) for name in NAMES})

    @classmethod
    def parse(cls, text: str) -> "Options":
        """The options from the store's text. What an older warren did not know has its default."""
        options = cls()
        document: dict[str, object] = json.loads(text)
        for name in NAMES & document.keys():
            setattr(options, name, document[name])
        return options


# The fields by their types: what is empty by default.
TYPES: dict[str, object] = Options.__annotations__
NAMES = TYPES.keys()
LISTS = [name for name, kind in TYPES.items() if get_origin(kind) is list]
DICTIONARIES = [
    name for name, kind in TYPES.items() if get_origin(kind) is dict or is_typeddict(kind)
]


def bridged(options: Options) -> bool:
    """Whether the container is in networks of warren, and has a network namespace for them."""
    return options.network not in ("none", "host", "pasta") and not options.network.startswith(
        ("container:", "ns:", "pasta:")
    )


def by_pasta(options: Options) -> bool:
    """Whether pasta connects the container (network/pasta.py)."""
    return options.network.partition(":")[0] == "pasta"
