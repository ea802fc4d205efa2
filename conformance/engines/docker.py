"""Docker and podman: they have the same flags for a container, and nearly the same commands."""

import json
import re
import shutil
import signal
from abc import abstractmethod
from pathlib import Path

from conformance.engines.engine import Engine, Terminal, until
from conformance.engines.kernel import SELINUX, SYSTEMD, for_containers
from conformance.engines.wish import Done, Lacks, Limits, Place, Wish, Wrong

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def size(written: str) -> int:
    """Bytes of a size as these engines write it: 1.5MiB, 67.11MB, 640kB."""
    found = re.match(r"([0-9.]+) *([kKMG]?i?)B", written.strip())
    if not found:
        raise Wrong(f"not a size: {written!r}")
    return int(float(found[1]) * UNITS[found[2].lower()])


def flags(wish: Wish) -> list[str]:
    """The flags of ``run`` that Docker and podman share."""
    found = ["--network", "none"]
    for name, value in (
        ("--user", wish.user), ("--workdir", wish.cwd), ("--hostname", wish.hostname),
        ("--shm-size", wish.shm_size), ("--restart", wish.restart), ("--cpuset-cpus", wish.cpuset),
        ("--memory", wish.memory), ("--cpus", wish.cpus), ("--pids-limit", wish.pids),
        ("--pid", "host" if wish.host_pid else ""), ("--health-cmd", wish.health),
        ("--cgroupns", "private" if wish.own_cgroup_namespace else ""),
    ):  # fmt: skip
        found += [name, str(value)] if value else []
    for name, present in (("--read-only", wish.read_only), ("--init", wish.init)):
        found += [name] if present else []
    if wish.oom_score is not None:
        found += ["--oom-score-adj", str(wish.oom_score)]
    if wish.seccomp:
        found += ["--security-opt", f"seccomp={wish.seccomp}"]
    if wish.apparmor:
        found += ["--security-opt", f"apparmor={wish.apparmor}"]
    if wish.selinux:
        found += ["--security-opt", f"label={wish.selinux}"]
    if wish.no_new_privileges:
        found += ["--security-opt", "no-new-privileges"]
    found += [word for key, value in wish.env.items() for word in ("--env", f"{key}={value}")]
    found += [
        word for key, value in wish.sysctls.items() for word in ("--sysctl", f"{key}={value}")
    ]
    found += [
        word for key, value in wish.ulimits.items() for word in ("--ulimit", f"{key}={value}")
    ]
    for name, values in (
        ("--group-add", wish.groups), ("--cap-add", wish.cap_add), ("--cap-drop", wish.cap_drop),
        ("--tmpfs", wish.tmpfs), ("--device", [":".join(device) for device in wish.devices]),
        ("--volume", [":".join(volume) for volume in wish.volumes]),
    ):  # fmt: skip
        found += [word for value in values for word in (name, value)]
    for bind in wish.binds:
        options = ":" + ",".join(bind.options) if bind.options else ""
        found += ["--volume", f"{bind.source}:{bind.target}{options}"]
    return found


class Client(Engine):
    """An engine with Docker's commands."""

    image = "box:1"

    @abstractmethod
    def command(self, *words: str) -> list[str]:
        """The engine's command with these words."""

    def flags(self, wish: Wish) -> list[str]:
        return flags(wish)

    def ask(self, *words: str) -> str:
        return self.must(*self.command(*words))

    def inspect(self, name: str, format: str) -> str:
        return self.ask("inspect", "--format", format, name).strip()

    def run(self, wish: Wish) -> Done:
        found = ["run", "--rm", *(["-i"] if wish.stdin is not None else []), *self.flags(wish)]
        return self.done(*self.command(*found, self.image, *wish.command()), input=wish.stdin)

    def start(self, wish: Wish) -> str:
        name = self.new_name()
        found = ["run", "-d", "--name", name, *(["-t"] if wish.tty else []), *self.flags(wish)]
        found += ["-i"] if wish.interactive else []
        self.ask(*found, self.image, *wish.command())
        return name

    def run_at_terminal(self, wish: Wish) -> Terminal:
        words = ["run", "--rm", "-it", *self.flags(wish), self.image, *wish.command()]
        return Terminal(self.command(*words), self.environment)

    def exec(self, name: str, *words: str, user: str = "", stdin: bytes | None = None) -> Done:
        found = ["exec", *(["-i"] if stdin is not None else []), *(["-u", user] if user else [])]
        return self.done(*self.command(*found, name, *words), input=stdin)

    def exec_at_terminal(self, name: str, *words: str) -> Terminal:
        return Terminal(self.command("exec", "-it", name, *words), self.environment)

    def attach(self, name: str) -> Terminal:
        return Terminal(self.command("attach", name), self.environment)

    def state(self, name: str) -> str:
        done = self.done(*self.command("inspect", "--format", "{{.State.Status}}", name))
        return done.out.strip() if done.code == 0 else "gone"

    def exit_code(self, name: str) -> int:
        return int(self.ask("wait", name))

    def pid(self, name: str) -> int:
        return int(self.inspect(name, "{{.State.Pid}}"))

    def kill(self, name: str, signal: str) -> None:
        self.ask("kill", "--signal", signal, name)

    def stop(self, name: str, seconds: int) -> None:
        self.ask("stop", "--time", str(seconds), name)

    def pause(self, name: str) -> None:
        self.ask("pause", name)

    def resume(self, name: str) -> None:
        self.ask("unpause", name)

    def restart(self, name: str) -> None:
        self.ask("restart", "--time", "1", name)

    def remove(self, name: str) -> None:
        done = self.done(*self.command("rm", "--force", "--volumes", name))
        if done.code and "no such container" not in done.err.lower():
            raise Wrong(f"rm: {done.err.strip()[-300:]}")

    def logs(self, name: str) -> str:
        return self.ask("logs", name)

    def memory(self, name: str) -> int:
        shown = self.ask("stats", "--no-stream", "--format", "{{.MemUsage}}", name)
        return size(shown.partition("/")[0])

    def update(self, name: str, limits: Limits) -> None:
        found = []
        if limits.memory:
            swap = str(2 * limits.memory)
            found += ["--memory", str(limits.memory), "--memory-swap", swap]
        found += ["--cpus", str(limits.cpus)] if limits.cpus else []
        found += ["--pids-limit", str(limits.pids)] if limits.pids else []
        self.ask("update", *found, name)

    def oom_killed(self, name: str) -> bool:
        return self.inspect(name, "{{.State.OOMKilled}}") == "true"


class Docker(Client):
    """Debian's dockerd, and its client. ``by_default``: the runtime is the daemon's default, not a
    flag. ``remap``: with userns-remap."""

    name = "docker"
    by_default = False
    remap = False
    daemon_flags: tuple[str, ...] = ("--live-restore",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.socket = f"unix://{place.folder}/d.sock"
        self.empty = place.folder / "client"

    def command(self, *words: str) -> list[str]:
        # Another client may be first in PATH.
        return ["/usr/bin/docker", "--config", str(self.empty), "-H", self.socket, *words]

    def flags(self, wish: Wish) -> list[str]:
        if wish.id_map:
            raise Lacks("id maps of single containers")
        found = [] if self.by_default else ["--runtime", self.runtime]
        health = ["--health-interval", "1s", "--health-retries", "1"] if wish.health else []
        return [*found, *health, *flags(wish)]

    def __enter__(self) -> "Docker":
        self.empty.mkdir()
        (self.place.folder / "daemon.json").write_text("{}")
        if SELINUX:
            for_containers(self.place.folder / "d")
        if self.remap:
            for file in ("/etc/subuid", "/etc/subgid"):
                Path(file).write_text("root:100000:65536\n")
        self._start()
        self.ask("load", "--quiet", "--input", str(self.place.archive))
        return self

    def _start(self) -> None:
        folder = self.place.folder
        words = ["dockerd", "--config-file", f"{folder}/daemon.json", "--data-root", f"{folder}/d",
                 "--exec-root", f"{folder}/x", "--pidfile", f"{folder}/pid", "-H", self.socket,
                 "--ip6tables=false", "--experimental", *self.daemon_flags]  # fmt: skip
        for name, path in self.place.commands().items():
            words += ["--add-runtime", f"{name}={path}"] if name != "runc" else []
        if SYSTEMD:
            words += ["--exec-opt", "native.cgroupdriver=systemd"]
        if self.by_default and self.runtime:
            words += ["--default-runtime", self.runtime]
        if self.remap:
            words += ["--userns-remap", "0:0"]
        if SELINUX:
            words += ["--selinux-enabled"]
        self.daemon = self.background(*words, log="dockerd.log")
        until(lambda: self.done(*self.command("version")).code == 0, "dockerd answers", 60)

    def use(self, runtime: str) -> None:
        super().use(runtime)
        if self.by_default:
            self.stop_daemon()
            self._start()

    def stop_daemon(self) -> None:
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(60)

    def __exit__(self, *_: object) -> None:
        found = self.done(*self.command("ps", "--all", "--quiet")).out.split()
        if found:
            self.done(*self.command("rm", "--force", "--volumes", *found))
        self.stop_daemon()

    def checkpoint(self, name: str, *, leave: bool) -> None:
        flags = ["--leave-running"] if leave else []
        self.ask("checkpoint", "create", *flags, name, "point")

    def restore(self, name: str) -> None:
        self.ask("start", "--checkpoint", "point", name)

    def crash(self) -> None:
        pid = int(Path(f"{self.place.folder}/x/containerd/containerd.pid").read_text())
        self.daemon.kill()
        self.daemon.wait(60)
        # Its own containerd goes on, and dockerd takes it over; a crash of both is the harder case.
        self.call("kill", "-9", str(pid))
        self._start()

    def pids(self, name: str) -> list[int]:
        rows = self.ask("top", name, "-o", "pid").split()
        return [int(row) for row in rows[1:]]

    def health(self, name: str) -> str:
        until(lambda: self._health(name) in ("healthy", "unhealthy"), "its health is known")
        return self._health(name)

    def _health(self, name: str) -> str:
        return self.inspect(name, "{{.State.Health.Status}}")


class DockerDefault(Docker):
    """The runtime is the default of the daemon."""

    name = "docker-default"
    by_default = True


class DockerRemapped(Docker):
    """All containers in a user namespace."""

    name = "docker-userns"
    remap = True


CONFIGURATION = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "DRIVER"
events_logger = "file"
runtime_supports_json = [NAMES]
[engine.runtimes]
"""


def configuration(names: str) -> str:
    """containers.conf; ``names`` are those of runtimes that write JSON, in quotes."""
    driver = "systemd" if SYSTEMD else "cgroupfs"
    return CONFIGURATION.replace("NAMES", names).replace("DRIVER", driver)


class Podman(Client):
    """Debian's podman. A host without CAP_SYS_RESOURCE may not raise the hard limits that podman
    asks for, so the configuration names lower ones."""

    name = "podman"

    def __enter__(self) -> "Podman":
        commands = self.place.commands()
        names = ", ".join(f'"{name}"' for name in commands)
        runtimes = "".join(f'"{name}" = ["{path}"]\n' for name, path in commands.items())
        conf = self.place.folder / "containers.conf"
        conf.write_text(configuration(names) + runtimes)
        self.environment["CONTAINERS_CONF"] = str(conf)
        self.use(next(iter(commands)))
        if SELINUX:
            for_containers(self.place.folder / "p")
        self.ask("load", "--quiet", "--input", str(self.place.archive))
        return self

    def __exit__(self, *_: object) -> None:
        self.done(*self.command("rm", "--all", "--force", "--time", "0"))
        self.call("umount", f"{self.place.folder}/p/overlay")

    def command(self, *words: str) -> list[str]:
        folder = self.place.folder
        return [shutil.which("podman") or "podman", "--root", f"{folder}/p", "--runroot",
                f"{folder}/r", "--tmpdir", f"{folder}/t", "--runtime", self.runtime,
                *words]  # fmt: skip

    def flags(self, wish: Wish) -> list[str]:
        found = flags(wish)
        found += ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"] if wish.id_map else []
        # One limit replaces all that the configuration names.
        if wish.ulimits and "nproc" not in wish.ulimits:
            found += ["--ulimit", "nproc=4096:4096"]
        if wish.init:
            found += ["--init-path", "/usr/bin/tini-static"]
        return found

    def pids(self, name: str) -> list[int]:
        return [int(row) for row in self.ask("top", name, "hpid").split()[1:]]

    def checkpoint(self, name: str, *, leave: bool) -> None:
        self.ask("container", "checkpoint", *(["--leave-running"] if leave else []), name)

    def restore(self, name: str) -> None:
        self.ask("container", "restore", name)

    def remove(self, name: str) -> None:
        done = self.done(*self.command("rm", "--force", "--time", "0", "--volumes", name))
        if done.code and "no container" not in done.err:
            raise Wrong(f"rm: {done.err.strip()[-300:]}")

    def health(self, name: str) -> str:
        # systemd's timers call it on other hosts.
        self.done(*self.command("healthcheck", "run", name))
        found = json.loads(self.ask("inspect", "--format", "{{json .State.Health}}", name))
        return str(found["Status"])
