"""containerd's CRI plugin, called over gRPC as a kubelet does. The runtime is chosen by the handler
of a RuntimeClass; each container is in a pod of its own."""

import contextlib
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

from conformance.engines.containerd import Containerd
from conformance.engines.engine import text, until
from conformance.engines.kernel import SELINUX, SYSTEMD, UNIFIED, for_containers
from conformance.engines.streams import STDERR, STDOUT, Stream
from conformance.engines.wish import Done, Lacks, Limits, Place, Wish, Wrong
from conformance.runtimes import find
from conformance.samples.busybox import write_docker_archive

PLUGIN = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{folder}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/pause:1"
stream_server_address = "127.0.0.1"
stream_server_port = "0"
# A machine without CAP_SYS_RESOURCE may not lower the score.
restrict_oom_score_adj = true
enable_selinux = {selinux}
[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "{default}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/cni"
"""
HANDLER = """
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}.options]
BinaryName = "{path}"
SystemdCgroup = {systemd}
"""
INSTALL = (find("hutch"), "install-runtime")
PARENT = "pods.slice" if SYSTEMD else "/pods"
LACKED = {
    "stdin": "end of the standard input", "init": "an init", "tmpfs": "tmpfs", "volumes": "volumes",
    "ulimits": "limits", "pids": "pids",
    "shm_size": "the size of /dev/shm",
    "restart": "restart policies: the kubelet's", "health": "health checks: the kubelet's",
}  # fmt: skip
ALONE = dict.fromkeys(("private", "slave", "shared"), "propagation without the mounts below")
if not UNIFIED:
    LACKED["own_cgroup_namespace"] = "cgroup namespaces on cgroup v1"


@dataclass
class Pod:
    """Ids, and what its containers are asked with."""

    id: str
    config: dict[str, Any]
    containers: list[str] = field(default_factory=list)

    @property
    def container(self) -> str:
        """The newest one."""
        return self.containers[-1]


class Cri(Containerd):
    name = "cri"
    absent: int | None = 128  # and the reason StartError
    forbidden: int | None = 128
    states = "/run/containerd/runc/k8s.io"  # what the runtime is given as --root

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.pods: dict[str, Pod] = {}
        self.service: Any = None

    def configure(self) -> None:
        folder = self.place.folder
        default = next(iter(self.place.runtimes))
        text = PLUGIN.format(folder=folder, default=default, selinux=str(SELINUX).lower())
        if SELINUX:
            for name in ("root", "state"):
                for_containers(folder / name)
        for name, path in self.place.commands().items():
            if name not in self.place.runtimes:
                text += HANDLER.format(name=name, path=path, systemd=str(SYSTEMD).lower())
        file = folder / "config.toml"
        file.write_text(text)
        for name, path in self.place.runtimes.items():
            words = ["--config", str(file), "--name", name, "--program", path, "--write"]
            self.must(*INSTALL, "containerd", *words)

    def make_network(self) -> None:
        """What CNI's plugins make for each pod."""
        folder = self.place.folder
        (folder / "cni").mkdir()
        # Later versions have CHECK, which fails where udev gives an interface another address.
        network = {
            "cniVersion": "0.3.1", "name": "pods", "plugins": [{
                "type": "bridge", "bridge": "pods0", "isGateway": True,
                "ipam": {"type": "host-local", "subnet": "10.77.0.0/16", "dataDir": f"{folder}/ips",
                         "routes": [{"dst": "0.0.0.0/0"}]},
            }],
        }  # fmt: skip
        (folder / "cni" / "1.conflist").write_text(json.dumps(network))

    def __enter__(self) -> "Cri":
        import grpc

        (self.place.folder / "pause").mkdir()
        pause, _ = write_docker_archive(
            self.place.folder / "pause", "pause:1", Cmd=["/bin/sleep", "1000000"]
        )
        self.configure()
        self.make_network()
        self.error: type[Exception] = grpc.RpcError
        self.messages, services = grpc.protos_and_services("conformance/engines/cri.proto")
        self.service = services.RuntimeServiceStub(grpc.insecure_channel(f"unix://{self.socket}"))
        self._start()
        for archive in (pause, self.place.archive):
            self.load(str(archive))
        return self

    def load(self, archive: str) -> None:
        """Takes in an image."""
        self.must(*self.command("--namespace", "k8s.io", "images", "import", archive))

    def __exit__(self, *_: object) -> None:
        for name in list(self.pods):
            self.remove(name)
        self.daemon.terminate()
        self.daemon.wait(60)

    def _start(self) -> None:
        super()._start()
        self.answers()

    def answers(self) -> None:
        """Waits until it does."""
        until(self._ready, f"{self.name} answers", 60)

    def _ready(self) -> bool:
        with contextlib.suppress(Wrong):
            self.ask("Version")
            return True
        return False

    def ask(self, method: str, request: str = "", **fields: Any) -> Any:
        """A call; ``request`` is the message's name if it is not the method's."""
        from google.protobuf.json_format import ParseDict

        message = getattr(self.messages, request or f"{method}Request")()
        try:
            return getattr(self.service, method)(
                ParseDict(fields, message), timeout=60, wait_for_ready=True
            )
        except self.error as error:
            raise Wrong(f"{method}: {error.details()}") from error  # type: ignore[attr-defined]

    def of_container(self, method: str, name: str) -> Any:
        return self.ask(method, "ContainerRequest", container_id=self.pods[name].container)

    def features(self) -> Any:
        """What the engine says of the runtime's handler."""
        for handler in self.ask("Status", "Empty").runtime_handlers:
            if handler.name == self.runtime:
                return handler.features
        return self.messages.RuntimeHandlerFeatures()

    def handler(self, name: str) -> str:
        """The handler of a pod, as the engine tells it."""
        answer = self.ask("PodSandboxStatus", pod_sandbox_id=self.pods[name].id)
        return str(answer.status.runtime_handler)

    def made(self, name: str) -> list[str]:
        """The ids of all containers that the runtime has made for it."""
        return [self.pods[name].id, self.pods[name].container]

    def make_pod(self, wish: Wish) -> str:
        """A sandbox for a container as is wished; its name."""
        name = self.new_name()
        logs = self.place.folder / "logs" / name
        logs.mkdir(parents=True)
        config: dict[str, Any] = {
            "metadata": {"name": name, "uid": name, "namespace": "default"},
            "hostname": wish.hostname or name, "log_directory": str(logs),
            "linux": {"cgroup_parent": PARENT, "sysctls": wish.sysctls, "security_context": {
                "namespace_options": namespaces(wish), **selinux(wish)}},
        }  # fmt: skip
        answer = self.ask("RunPodSandbox", config=config, runtime_handler=self.runtime)
        self.pods[name] = Pod(answer.pod_sandbox_id, config)
        return name

    def make_container(self, name: str, wish: Wish, attempt: int = 0) -> None:
        """Creates the container in its pod, and starts it."""
        pod = self.pods[name]
        config = container_config(wish, attempt)
        answer = self.ask(
            "CreateContainer", pod_sandbox_id=pod.id, config=config, sandbox_config=pod.config
        )
        pod.containers.append(answer.container_id)
        self.of_container("StartContainer", name)

    def start(self, wish: Wish) -> str:
        for asked, what in LACKED.items():
            if getattr(wish, asked) not in ("", 0, None, (), {}, False):
                raise Lacks(what)
        if wish.id_map and not self.features().user_namespaces:
            raise Lacks("user namespaces with this runtime")
        name = self.make_pod(wish)
        self.make_container(name, wish)
        return name

    def run(self, wish: Wish) -> Done:
        """The output is what is in the log."""
        name, error = "", ""
        try:
            name = self.start(wish)
        except Wrong as wrong:
            name, error = f"{self.prefix}{self.count}", str(wrong)
            if not self.pods.get(name) or not self.pods[name].containers:
                self.remove(name)
                return Done(1, "", error)
        try:
            code = self.exit_code(name)
            return Done(code, self.output(name, "stdout"), error or self.output(name, "stderr"))
        finally:
            self.remove(name)

    def output(self, name: str, stream: str) -> str:
        """One stream of the log: lines with a time, the stream, and F (whole) or P (a part)."""
        found = ""
        for line in (self.place.folder / "logs" / name / "0.log").read_text().splitlines():
            _, kind, part, said = line.split(" ", 3)
            if kind == stream:
                found += said + ("\n" if part == "F" else "")
        return found

    def logs(self, name: str) -> str:
        return self.output(name, "stdout")

    def status(self, name: str) -> Any:
        return self.ask("ContainerStatus", container_id=self.pods[name].container).status

    def state(self, name: str) -> str:
        if name not in self.pods:
            return "gone"
        return ("created", "running", "exited", "unknown")[self.status(name).state]

    def exit_code(self, name: str) -> int:
        until(lambda: self.state(name) == "exited", "its end", 60)
        return int(self.status(name).exit_code)

    def pid(self, name: str) -> int:
        pod = self.pods[name]
        answer = self.ask("ContainerStatus", container_id=pod.container, verbose=True)
        return int(json.loads(answer.info["info"])["pid"])

    def kill(self, name: str, signal: str) -> None:
        if signal != "KILL":
            raise Lacks("signals other than those of a stop")
        self.stop(name, 0)

    def stop(self, name: str, seconds: int) -> None:
        self.ask("StopContainer", container_id=self.pods[name].container, timeout=seconds)

    def remove(self, name: str) -> None:
        pod = self.pods.get(name)
        if pod:
            # A kubelet does so, too: the end of a pod alone may give each one its time.
            for container in pod.containers:
                self.ask("StopContainer", container_id=container, timeout=0)
            for method in ("StopPodSandbox", "RemovePodSandbox"):
                self.ask(method, "StopPodSandboxRequest", pod_sandbox_id=pod.id)
            del self.pods[name]

    def exec(self, name: str, *words: str, user: str = "", stdin: bytes | None = None) -> Done:
        if user or stdin is not None:
            raise Lacks("other users in exec, and no end of its standard input")
        pod = self.pods[name].container
        try:
            answer = self.ask("ExecSync", container_id=pod, cmd=list(words), timeout=30)
        except Wrong as wrong:
            return Done(1, "", str(wrong))
        return Done(answer.exit_code, text(answer.stdout), text(answer.stderr))

    def exec_at_terminal(self, name: str, *words: str) -> Stream:
        return self.exec_stream(name, *words, tty=True)

    def exec_stream(self, name: str, *words: str, tty: bool) -> Stream:
        container = self.pods[name].container
        answer = self.ask(
            "Exec", container_id=container, cmd=list(words), tty=tty, stdin=True, stdout=True,
            stderr=not tty,
        )  # fmt: skip
        return Stream(answer.url)

    def run_at_terminal(self, wish: Wish) -> Stream:
        raise Lacks("a terminal that is there from the start on")

    def attach(self, name: str) -> Stream:
        container = self.pods[name].container
        answer = self.ask("Attach", container_id=container, tty=True, stdin=True, stdout=True)
        return Stream(answer.url)

    def pause(self, name: str) -> None:
        raise Lacks("pause")

    def resume(self, name: str) -> None:
        raise Lacks("pause")

    def pids(self, name: str) -> list[int]:
        raise Lacks("a list of processes")

    def memory(self, name: str) -> int:
        answer = self.of_container("ContainerStats", name)
        return int(answer.stats.memory.working_set_bytes.value)

    def update(self, name: str, limits: Limits) -> None:
        if limits.pids:
            raise Lacks("limits of pids")
        linux = {"memory_limit_in_bytes": limits.memory, "cpu_period": 100000,
                 "cpu_quota": int(limits.cpus * 100000)}  # fmt: skip
        container = self.pods[name].container
        self.ask("UpdateContainerResources", container_id=container, linux=linux)

    def checkpoint(self, name: str, *, leave: bool) -> None:
        """Into a file; the container always goes on."""
        if not leave:
            raise Lacks("checkpoints that end the container")
        file = self.place.folder / f"{name}.tar"
        container = self.pods[name].container
        try:
            self.ask("CheckpointContainer", container_id=container, location=str(file))
        except Wrong as wrong:
            if "not implemented" in str(wrong) or "unknown method" in str(wrong):
                raise Lacks("checkpoint") from None
            raise
        with tarfile.open(file) as archive:
            if not any("pages" in member for member in archive.getnames()):
                raise Wrong(f"no pages in the checkpoint: {archive.getnames()}")

    def oom_killed(self, name: str) -> bool:
        return bool(self.status(name).reason == "OOMKilled")


def container_config(wish: Wish, attempt: int) -> dict[str, Any]:
    """A wish as a ContainerConfig, in the form of JSON."""
    user, _, group = wish.user.partition(":")
    profile: dict[str, str] = {"profile_type": "RuntimeDefault"}
    if wish.seccomp == "unconfined":
        profile = {"profile_type": "Unconfined"}
    elif wish.seccomp:
        profile = {"profile_type": "Localhost", "localhost_ref": wish.seccomp}
    security: dict[str, Any] = {
        "namespace_options": namespaces(wish),
        "capabilities": {"add_capabilities": wish.cap_add, "drop_capabilities": wish.cap_drop},
        "readonly_rootfs": wish.read_only, "no_new_privs": wish.no_new_privileges,
        "supplemental_groups": [int(number) for number in wish.groups], "seccomp": profile,
        "masked_paths": ["/proc/keys", "/proc/timer_list"], "readonly_paths": ["/proc/sys"],
        **selinux(wish),
    }  # fmt: skip
    if wish.apparmor:
        security["apparmor"] = {"profile_type": "Localhost", "localhost_ref": wish.apparmor}
        if wish.apparmor == "unconfined":
            security["apparmor"] = {"profile_type": "Unconfined"}
    if user:
        security["run_as_user"] = {"value": int(user)}
        security["run_as_group"] = {"value": int(group)}
    resources: dict[str, Any] = {"cpuset_cpus": wish.cpuset, "memory_limit_in_bytes": wish.memory}
    if wish.cpus:
        resources |= {"cpu_period": 100000, "cpu_quota": int(wish.cpus * 100000)}
    if wish.oom_score is not None:
        resources["oom_score_adj"] = wish.oom_score
    return {
        "metadata": {"name": "main", "attempt": attempt},
        "image": {"image": Cri.image, "user_specified_image": Cri.image},
        "command": wish.command(), "working_dir": wish.cwd,
        "envs": [{"key": key, "value": value} for key, value in wish.env.items()],
        "mounts": [mount(bind.source, bind.target, bind.options) for bind in wish.binds],
        "devices": [
            {"host_path": source, "container_path": target, "permissions": access}
            for source, target, access in wish.devices
        ],
        "log_path": "0.log", "stdin": wish.interactive, "tty": wish.tty,
        "linux": {"resources": resources, "security_context": security},
    }  # fmt: skip


def namespaces(wish: Wish) -> dict[str, Any]:
    """The namespaces of a pod and its containers."""
    pids = "NODE" if wish.host_pid else "POD" if wish.pod_pids else "CONTAINER"
    if not wish.id_map:
        return {"pid": pids}
    ids = [{"host_id": 100000, "container_id": 0, "length": 65536}]
    return {"pid": pids, "userns_options": {"mode": "POD", "uids": ids, "gids": ids}}


def selinux(wish: Wish) -> dict[str, Any]:
    """The label of a pod and its container. Only a privileged one has none."""
    if wish.selinux == "disable":
        return {"privileged": True}
    kind, _, value = wish.selinux.partition(":")
    return {"selinux_options": {kind: value}} if kind else {}


def mount(source: str, target: str, options: tuple[str, ...]) -> dict[str, Any]:
    for option, what in (("z", "volumes with a label for all containers"), *ALONE.items()):
        if option in options:
            raise Lacks(what)
    names = {"rslave": "PROPAGATION_HOST_TO_CONTAINER", "rshared": "PROPAGATION_BIDIRECTIONAL"}
    found: dict[str, Any] = {
        "host_path": source,
        "container_path": target,
        "readonly": "ro" in options,
        "selinux_relabel": "Z" in options,
    }
    for option in options:
        if option in names:
            found["propagation"] = names[option]
    return found


def output_of(stream: Stream) -> tuple[int, str, str]:
    """Exit code, output and error output of an exec without a terminal."""
    code = stream.end()
    return code, text(stream.seen[STDOUT]), text(stream.seen[STDERR])
