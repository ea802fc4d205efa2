"""What a check wants of a container, in no engine's own words."""

from dataclasses import dataclass, field, replace
from pathlib import Path


class Lacks(Exception):
    """The engine has no way to ask for this; the text says for what."""


class Wrong(Exception):
    """What came is not what a check expects; the text says what came."""


@dataclass(frozen=True)
class Done:
    """How a command ended. ``code`` is None if the engine does not tell."""

    code: int | None
    out: str
    err: str = ""


@dataclass(frozen=True)
class Bind:
    """A folder or file of the host in a container. ``options`` as mount(8) has them, and Docker:
    ro, private, slave, shared, rprivate, rslave, rshared, z, Z."""

    source: str
    target: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """A container. An engine raises Lacks for a field that it cannot set."""

    words: tuple[str, ...] = ()  # the program and its arguments; or
    shell: str = ""  # a script for sh -c
    env: dict[str, str] = field(default_factory=dict)
    user: str = ""
    groups: tuple[str, ...] = ()
    cwd: str = ""
    hostname: str = ""
    stdin: bytes | None = None
    tty: bool = False
    interactive: bool = False  # in the background, with a standard input for who attaches
    read_only: bool = False
    init: bool = False
    tmpfs: tuple[str, ...] = ()
    binds: tuple[Bind, ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()  # names and targets
    devices: tuple[tuple[str, str, str], ...] = ()  # source, target, rwm
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    ulimits: dict[str, str] = field(default_factory=dict)
    seccomp: str = ""  # the path of a profile, or unconfined
    no_new_privileges: bool = False
    apparmor: str = ""  # the name of a profile, or unconfined
    selinux: str = ""  # a part of the label as Docker has it: level:LEVEL, type:TYPE; or disable
    host_pid: bool = False
    pod_pids: bool = False  # the processes of its pod, for CRI
    own_cgroup_namespace: bool = False
    id_map: bool = False  # ids from 100000 on, 65536 of them
    oom_score: int | None = None
    shm_size: str = ""
    memory: int = 0
    cpus: float = 0.0
    cpuset: str = ""
    pids: int = 0
    restart: str = ""
    health: str = ""

    def command(self) -> list[str]:
        return ["sh", "-c", self.shell] if self.shell else list(self.words)

    def but(self, **changes: object) -> "Wish":
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Limits:
    """What an update sets; 0 leaves it."""

    memory: int = 0
    cpus: float = 0.0
    pids: int = 0


@dataclass(frozen=True)
class Place:
    """What an engine is given: a folder of its own, an image as ``docker load`` reads it, the
    runtimes by their names. Each call of a runtime NAME-killed takes the first file of ``kills``,
    and is killed after as many seconds as are in it."""

    folder: Path
    archive: Path
    runtimes: dict[str, str]
    kills: Path

    @property
    def killed(self) -> Path:
        """A file with the arguments of each call that was killed, in a line."""
        return self.kills.with_name("killed")

    def commands(self) -> dict[str, str]:
        """Every runtime, and beside each one that is killed."""
        found = dict(self.runtimes)
        for name, path in self.runtimes.items():
            wrapper = self.kills.parent / f"{name}-killed"
            if not wrapper.exists():
                wrapper.write_text(
                    # podman 4.3 takes a container for paused for ever if its resume is killed.
                    f"#!/bin/sh\ncase \" $* \" in *' resume '*) exec '{path}' \"$@\" ;; esac\n"
                    f"for file in '{self.kills}'/*; do\n"
                    f"if mv \"$file\" '{self.kills}'-$$ 2>/dev/null; then\n"
                    f"read -r delay <'{self.kills}'-$$\nrm '{self.kills}'-$$\n"
                    f'timeout --foreground -s KILL "$delay" \'{path}\' "$@"\n'
                    f"code=$?\n[ $code != 137 ] || echo \"$*\" >>'{self.killed}'\nexit $code\n"
                    f"fi\ndone\nexec '{path}' \"$@\"\n"
                )
                wrapper.chmod(0o755)
            found[f"{name}-killed"] = str(wrapper)
        return found
