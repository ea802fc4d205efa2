"""The options of a container, as its creator gave them. Each start uses them again."""

from typing import TypedDict, cast

from hutch.engine.column import encode, parsed
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

    # CMD and arguments, CMD-SHELL and a command, TCP-SOCKET, HOST, PORT, or HTTP-GET, HOST, PORT,
    # PATH and headers (HOST "" is the container's own address); NONE in what is asked
    test: list[str]
    interval: float
    timeout: float
    start_period: float
    start_interval: float
    retries: int
    delay: float  # before the first check, in place of an interval
    successes: int  # in a row, that make it healthy
    on_failure: str  # "stop": a container that becomes unhealthy is ended
    grace: float  # how long that waits before SIGKILL; the container's own stop time-out if missing


class Options:
    """See Docker's documentation of ``run`` for what each does; None stands for the default.

    What has no default here is empty.
    """

    def __init__(self) -> None:
        self.image = ""
        self.command: list[str] = []
        self.entrypoint: list[str] | None = None
        self.tty = False
        self.interactive = False
        self.stdin_once = False
        self.auto_remove = False
        self.env: list[str] = []
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self.user: str | None = None
        self.group_add: list[str] = []
        self.workdir: str | None = None
        self.hostname = ""
        self.domainname = ""
        self.dns: list[str] = []
        self.dns_search: list[str] = []
        self.dns_option: list[str] = []
        self.add_host: list[str] = []
        self.network = "none"
        self.networks: list[Wishes] = []
        self.ports: list[PortOption] = []
        self.publish_all = False
        self.pid_mode = ""
        self.ipc_mode = ""
        self.uts_mode = ""
        self.cgroupns_mode = ""
        self.userns_mode = ""
        self.uid_map: list[list[int]] = []  # each the container's first id, the host's, how many
        self.gid_map: list[list[int]] = []
        self.mounts: list[MountOption] = []
        self.volumes_from: list[str] = []
        self.read_only = False
        self.shm_size = 64 << 20
        self.init = False
        self.expose: list[str] = []
        self.restart = "no"
        self.restart_limit = 0
        self.stop_signal: str | None = None
        self.stop_timeout = 10
        self.memory = 0
        self.memory_swap = 0
        self.memory_reservation = 0
        self.memory_swappiness: int | None = None
        self.oom_kill_disable = False
        self.oom_score_adj: int | None = None
        self.cpu_shares = 0
        self.cpu_period = 0
        self.cpu_quota = 0
        self.nano_cpus = 0  # --cpus; in place of cpu_period and cpu_quota
        self.cpuset_cpus = ""
        self.cpuset_mems = ""
        self.pids_limit: int | None = None
        self.blkio_weight = 0
        self.throttle: dict[str, list[ThrottleOption]] = {}
        self.ulimits: list[UlimitOption] = []
        self.cap_add: list[str] = []
        self.cap_drop: list[str] = []
        self.privileged = False
        self.no_new_privileges = False
        self.seccomp = ""  # "", "unconfined", or a profile's text
        self.apparmor: str | None = None
        self.selinux: str | None = None
        self.mask: list[str] = []
        self.unmask: list[str] = []
        self.devices: list[DeviceOption] = []
        self.device_rules: list[str] = []
        self.sysctls: dict[str, str] = {}
        self.cgroup_parent = ""
        self.health: HealthOption = {}
        self.startup: HealthOption = {}  # until it has succeeded once, the others wait
        self.readiness: HealthOption = {}  # beside ``health``
        self.log_driver = "k8s-file"
        self.log_size = 0
        self.log_files = 1
        self.log_tag = ""
        self.runtime = ""
        self.pod = ""  # the pod's id; until the container is made perhaps its name
        self.infra = False  # the container that has the pod's namespaces
        # once or always: runs to its end when the pod starts (pods/life.py)
        self.init_container = ""

    def json(self) -> str:
        """As the store keeps it."""
        return encode(vars(self))

    @classmethod
    def parse(cls, text: str) -> "Options":
        """The options from the store's text. What an older warren did not know has its default."""
        options = cls()
        document = cast("dict[str, object]", parsed(text))
        for name in vars(options).keys() & document.keys():
            setattr(options, name, document[name])
        return options


def bridged(options: Options) -> bool:
    """Whether the container is in networks of warren, and has a network namespace for them."""
    return options.network not in ("none", "host", "pasta") and not options.network.startswith(
        ("container:", "ns:", "pasta:")
    )


def by_pasta(options: Options) -> bool:
    """Whether pasta connects the container (network/pasta.py)."""
    return options.network.partition(":")[0] == "pasta"


def probed(options: Options) -> bool:
    """Whether anything of the container's health is checked."""
    return bool(options.health or options.startup or options.readiness)
