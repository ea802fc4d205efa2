"""containerd with its own client, ctr: io.containerd.runc.v2 with another binary."""

import contextlib
import json
import secrets
import signal
import subprocess

from conformance.engines.engine import Console, Engine, Terminal, until
from conformance.engines.kernel import SYSTEMD
from conformance.engines.wish import Bind, Done, Lacks, Place, Wish, Wrong

CONFIG = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", {disabled}]
[grpc]
address = "{folder}/c.sock"
"""
CRI = "io.containerd.grpc.v1.cri"
FIELDS = {
    "groups": "more groups", "init": "an init", "tmpfs": "tmpfs", "sysctls": "sysctls",
    "volumes": "named volumes", "ulimits": "limits", "user": "users", "hostname": "host names",
    "selinux": "SELinux labels", "id_map": "another binary than runc with id maps",
    "cpuset": "processors by number",
    "stdin": "end of the standard input",
    "oom_score": "an OOM score", "shm_size": "the size of /dev/shm", "pids": "limits of pids",
    "restart": "restart policies", "health": "health checks",
}  # fmt: skip


class Containerd(Engine):
    name = "containerd"
    absent: int | None = None
    forbidden: int | None = None
    image = "docker.io/library/box:1"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.socket = f"{place.folder}/c.sock"
        self.clients: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Containerd":
        self.configure()
        self._start()
        self.must(*self.command("images", "import", str(self.place.archive)))
        return self

    def configure(self) -> None:
        """Writes the configuration file."""
        text = CONFIG.format(folder=self.place.folder, disabled=json.dumps(CRI))
        (self.place.folder / "config.toml").write_text(text)

    def _start(self) -> None:
        config = self.place.folder / "config.toml"
        self.daemon = self.background("containerd", "-c", str(config), log="containerd.log")
        until(lambda: self.done(*self.command("version")).code == 0, "containerd answers", 60)

    def command(self, *words: str) -> list[str]:
        return ["ctr", "--address", self.socket, *words]

    def __exit__(self, *_: object) -> None:
        for name in self.done(*self.command("tasks", "ls", "-q")).out.split():
            with contextlib.suppress(Wrong):
                self.remove(name)
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(60)

    def crash(self) -> None:
        self.daemon.kill()
        self.daemon.wait(60)
        self._start()

    def flags(self, wish: Wish) -> list[str]:
        for field, what in FIELDS.items():
            if getattr(wish, field) not in ("", 0, None, (), {}, False):
                raise Lacks(what)
        path = self.place.commands()[self.runtime]
        found = ["--runc-binary", path, "--runc-root", f"{self.place.folder}/runc"]
        if SYSTEMD:
            scope = f"system.slice:engines:{secrets.token_hex(8)}"
            found += ["--runc-systemd-cgroup", "--cgroup", scope]
        found += ["--env", "PATH=/bin"]
        found += ["--apparmor-profile", wish.apparmor] if wish.apparmor else []
        for key, value in wish.env.items():
            found += ["--env", f"{key}={value}"]
        for name, text in (
            ("--cwd", wish.cwd), ("--memory-limit", wish.memory), ("--cpus", wish.cpus),
        ):  # fmt: skip
            found += [name, str(text)] if text else []
        found += ["--read-only"] if wish.read_only else []
        found += ["--with-ns", "pid:/proc/1/ns/pid"] if wish.host_pid else []
        found += ["--allow-new-privs"] if not wish.no_new_privileges else []
        if wish.own_cgroup_namespace:
            raise Lacks("a cgroup namespace of its own")
        if wish.seccomp and wish.seccomp != "unconfined":
            found += ["--seccomp", "--seccomp-profile", wish.seccomp]
        found += [word for cap in wish.cap_add for word in ("--cap-add", f"CAP_{cap}")]
        if wish.cap_drop == ("ALL",):
            raise Lacks("no capabilities at all")
        found += [word for cap in wish.cap_drop for word in ("--cap-drop", f"CAP_{cap}")]
        for source, target, access in wish.devices:
            if source != target or access != "rwm":
                raise Lacks("devices with another name or fewer rights")
            found += ["--device", source]
        for propagation in ("slave", "shared"):
            if any({propagation, f"r{propagation}"} & {*bind.options} for bind in wish.binds):
                found += ["--rootfs-propagation", propagation]
        return [*found, *(word for bind in wish.binds for word in ("--mount", mount(bind)))]

    def run(self, wish: Wish) -> Done:
        name = self.new_name()
        words = ["run", "--rm", *self.flags(wish), self.image, name, *wish.command()]
        done = self.done(*self.command(*words), input=wish.stdin)
        return Done(done.code, done.out, done.err)

    def start(self, wish: Wish) -> str:
        """In the background of this program, so that its output and its exit code are kept."""
        name = self.new_name()
        log = self.place.folder / f"{name}.log"
        if wish.tty:
            raise Lacks("terminals in the background")
        words = ["run", *self.flags(wish), self.image, name, *wish.command()]
        with log.open("wb") as file:
            self.clients[name] = subprocess.Popen(
                self.command(*words), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=self.environment, cwd=self.place.folder,
            )  # fmt: skip
        client = self.clients[name]
        until(lambda: self.state(name) != "gone" or client.poll() is not None, "it is started")
        # It ends with the container's code, or with an error of its own.
        if client.poll() and "ctr: " in log.read_text():
            raise Wrong(f"ctr run: {client.poll()}: {log.read_text()[-300:]}")
        return name

    def run_at_terminal(self, wish: Wish) -> Console:
        words = ["run", "--rm", "-t", *self.flags(wish), self.image, self.new_name()]
        return Terminal(self.command(*words, *wish.command()), self.environment)

    def exec(self, name: str, *words: str, user: str = "", stdin: bytes | None = None) -> Done:
        if stdin is not None:
            raise Lacks("end of the standard input")
        flags = ["--user", user] if user else []
        own = ["tasks", "exec", "--exec-id", self.new_name(), *flags, name]
        return self.done(*self.command(*own, *words), input=stdin)

    def exec_at_terminal(self, name: str, *words: str) -> Console:
        own = ["tasks", "exec", "-t", "--exec-id", self.new_name(), name]
        return Terminal(self.command(*own, *words), self.environment)

    def _task(self, name: str) -> list[str]:
        """Pid and status of a task; nothing if it is gone."""
        for row in self.must(*self.command("tasks", "ls")).splitlines():
            if row.split()[0] == name:
                return row.split()[1:]
        return []

    def state(self, name: str) -> str:
        task = self._task(name)
        names = {"RUNNING": "running", "PAUSED": "paused", "STOPPED": "exited"}
        if not task:
            # ctr takes a container's task away when it has ended.
            client = self.clients.get(name)
            return "exited" if client and client.poll() is not None else "gone"
        return names.get(task[1], task[1].lower())

    def pid(self, name: str) -> int:
        return int(self._task(name)[0])

    def exit_code(self, name: str) -> int:
        return self.clients[name].wait(60)

    def kill(self, name: str, signal: str) -> None:
        self.must(*self.command("tasks", "kill", "--signal", signal, name))

    def pause(self, name: str) -> None:
        self.must(*self.command("tasks", "pause", name))

    def resume(self, name: str) -> None:
        self.must(*self.command("tasks", "resume", name))

    def remove(self, name: str) -> None:
        done = self.done(*self.command("tasks", "rm", "--force", name))
        self.done(*self.command("containers", "rm", name))
        client = self.clients.get(name)
        if client:
            client.kill()
            client.wait(60)
        if self._task(name):
            raise Wrong(f"tasks rm: {self._task(name)}: {done.err.strip()[-300:]}")

    def checkpoint(self, name: str, *, leave: bool) -> None:
        """As an image, of what has changed in its files too."""
        self.must(*self.command("containers", "checkpoint", "--rw", "--task", name, f"{name}:1"))
        if not leave:
            self.remove(name)

    def restore(self, name: str) -> None:
        self.must(*self.command("containers", "restore", "--rw", "--live", name, f"{name}:1"))

    def logs(self, name: str) -> str:
        return (self.place.folder / f"{name}.log").read_text()

    def pids(self, name: str) -> list[int]:
        rows = self.must(*self.command("tasks", "ps", name)).splitlines()[1:]
        return [int(row.split()[0]) for row in rows]

    def memory(self, name: str) -> int:
        found = json.loads(self.must(*self.command("tasks", "metrics", "--format", "json", name)))
        memory = found["memory"]["usage"]
        return int(memory["usage"] if isinstance(memory, dict) else memory)


def mount(bind: Bind) -> str:
    """A bind as ctr's --mount has it."""
    options = ["rbind", *(bind.options or ("rprivate",))]
    return f"type=bind,src={bind.source},dst={bind.target},options={':'.join(options)}"
