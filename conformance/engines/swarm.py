"""Docker Swarm: three nodes, each a dockerd with a network, a mount and a pid namespace of its own,
as if it were a machine. A node that is killed is gone with all its processes, as by a power cut."""

import shutil
import subprocess
from pathlib import Path

from conformance.engines.engine import Engine, until
from conformance.engines.wish import Place, Wrong

COUNT = 3
# Shells that become the nodes' dockerd: an own /run, for what dockerd has at fixed paths there. It
# asks a registry for the image of each task. A name server that refuses at once keeps none waiting.
START = (
    "mount -t tmpfs run /run; mkdir /run/netns; echo nameserver 127.0.0.1 >/run/resolv.conf; "
    'mount --bind /run/resolv.conf /etc/resolv.conf; exec "$@"'
)


class Swarm(Engine):
    name = "swarm"
    chapters = ("services",)
    image = "box:1"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.nodes: dict[int, subprocess.Popen[bytes]] = {}
        self.ids: dict[int, str] = {}

    def __enter__(self) -> "Swarm":
        self.must("ip", "link", "add", "nodes0", "type", "bridge")
        self.must("ip", "link", "set", "nodes0", "up")
        for node in range(1, COUNT + 1):
            space, outside = f"node{node}", f"to{node}"
            self.must("ip", "netns", "add", space)
            peer = ["peer", "name", "eth0", "netns", space]
            self.must("ip", "link", "add", outside, "type", "veth", *peer)
            self.must("ip", "link", "set", outside, "master", "nodes0", "up")
            for words in (["link", "set", "lo", "up"], ["link", "set", "eth0", "up"],
                          ["addr", "add", f"10.78.0.{node}/24", "dev", "eth0"],
                          ["route", "add", "default", "via", "10.78.0.254"]):  # fmt: skip
                self.must("ip", "-n", space, *words)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def use(self, runtime: str) -> None:
        """A new cluster, whose services have the runtime: it is the default of each node."""
        self._stop()
        super().use(runtime)
        for node in range(1, COUNT + 1):
            folder = self.folder(node)
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "client").mkdir(parents=True)
            self.start_node(node)
            self.on(node, "load", "--quiet", "--input", str(self.place.archive))
        self.on(1, "swarm", "init", "--advertise-addr", "10.78.0.1")
        token = self.on(1, "swarm", "join-token", "--quiet", "manager").strip()
        for node in range(2, COUNT + 1):
            address = ["--advertise-addr", f"10.78.0.{node}", "10.78.0.1:2377"]
            self.on(node, "swarm", "join", "--token", token, *address)
        for node in self.nodes:
            self.ids[node] = self.on(node, "info", "--format", "{{.Swarm.NodeID}}").strip()

    def folder(self, node: int) -> Path:
        return self.place.folder / f"n{node}"

    def start_node(self, node: int) -> None:
        """Starts a node, with what it has on its disk."""
        folder = self.folder(node)
        (folder / "daemon.json").write_text("{}")
        (folder / "pid").unlink(missing_ok=True)
        # The processes of its containers are gone, and so is what was in memory.
        shutil.rmtree(folder / "x", ignore_errors=True)
        words = ["dockerd", "--config-file", f"{folder}/daemon.json", "--data-root", f"{folder}/d",
                 "--exec-root", f"{folder}/x", "--pidfile", f"{folder}/pid", "-H",
                 f"unix://{folder}/s", "--ip6tables=false", "--default-runtime",
                 self.runtime]  # fmt: skip
        for name, path in self.place.runtimes.items():
            words += ["--add-runtime", f"{name}={path}"] if name != "runc" else []
        self.nodes[node] = self.background(
            "nsenter", f"--net=/run/netns/node{node}", "unshare", "--mount", "--uts", "--pid",
            "--fork", "--kill-child", "--mount-proc", "sh", "-c", f"hostname node{node}; {START}",
            "sh", *words,
            log=f"node{node}.log",
        )  # fmt: skip
        until(lambda: self.done(*self.command(node, "version")).code == 0, "dockerd answers", 60)

    def kill_node(self, node: int) -> None:
        """The power goes off."""
        process = self.nodes.pop(node)
        process.kill()
        process.wait(60)

    def _stop(self) -> None:
        for node in list(self.nodes):
            self.kill_node(node)
        # Their mounts were in namespaces that are gone; their cgroups are empty.
        for path in Path("/sys/fs/cgroup").glob("*/docker/*"):
            if path.is_dir():
                until(lambda path=path: removed(path), f"the end of {path}")  # type: ignore[misc]

    def command(self, node: int, *words: str) -> list[str]:
        folder = self.folder(node)
        return ["/usr/bin/docker", "--config", f"{folder}/client", "-H", f"unix://{folder}/s",
                *words]  # fmt: skip

    def on(self, node: int, *words: str) -> str:
        """What a command says on a node; it must succeed."""
        return self.must(*self.command(node, *words))

    def ask(self, *words: str) -> str:
        """On any node that lives: all are managers. After the loss of one they elect another."""
        end: list[str] = []

        def answered() -> bool:
            done = self.done(*self.command(min(self.nodes), *words))
            if done.code == 0:
                end.append(done.out)
            elif "leader" not in done.err and "deadline" not in done.err:
                raise Wrong(f"{' '.join(words[:4])}: {done.err.strip()[-300:]}")
            return bool(end)

        until(answered, "an answer of the cluster", 60)
        return end[0]

    def create(self, *words: str, command: tuple[str, ...] = ("sleep", "1000")) -> str:
        """A service; its name."""
        name = self.new_name()
        flags = [
            "--detach",
            "--no-resolve-image",
            "--restart-delay",
            "0s",
            "--stop-grace-period",
            "1s",
        ]
        self.ask("service", "create", *flags, "--name", name, *words, self.image, *command)
        return name

    def tasks(self, name: str) -> list[str]:
        """The nodes of the service's tasks that run, and shall."""
        format = "{{.Node}} {{.CurrentState}}"
        rows = self.ask(
            "service", "ps", name, "--filter", "desired-state=running", "--format", format
        ).splitlines()
        return [row.split()[0] for row in rows if row.split()[1] == "Running"]

    def settled(self, name: str, count: int, seconds: float = 300) -> None:
        """Waits until as many tasks run."""
        until(lambda: len(self.tasks(name)) == count, f"{count} tasks of {name}", seconds)

    def inspect(self, name: str, format: str) -> str:
        return self.ask("service", "inspect", "--format", format, name).strip()


def removed(path: Path) -> bool:
    """Removes a cgroup with those below it; False while it has processes."""
    for inner in sorted(path.rglob("*/"), reverse=True):
        if inner.is_dir() and not gone(inner):
            return False
    return gone(path)


def gone(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
