"""Kubernetes: pods by the API server, on a node whose kubelet calls containerd's CRI plugin. The
runtime is chosen by a RuntimeClass, as ``hutch install-runtime kubernetes`` prints it."""

import contextlib
import shutil
from typing import Any

from conformance.engines.checks import CHAPTERS
from conformance.engines.cluster import MERGE, NODE, PROGRAMS, STRATEGIC, Cluster
from conformance.engines.cri import INSTALL, Cri, Pod
from conformance.engines.engine import text, until
from conformance.engines.streams import STDERR, STDOUT, Stream
from conformance.engines.wish import Done, Lacks, Limits, Place, Wish, Wrong

IMAGE = "docker.io/library/box:1"
PODS = "/api/v1/namespaces/default/pods"
RUNTIME_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
HELD = "engines/held"  # a pod with a finalizer keeps its status after its end
LACKED = {
    "stdin": "a standard input that is there from the start on", "init": "an init",
    "volumes": "volumes that take the image's files", "devices": "devices", "ulimits": "limits",
    "pids": "pids", "id_map": "a map of ids of one's own", "shm_size": "the size of /dev/shm",
    "oom_score": "an OOM score of one's own", "health": "Docker's health checks",
    "cpuset": "processors by number", "own_cgroup_namespace": "a choice of cgroup namespaces",
}  # fmt: skip
PROPAGATION = {
    "rprivate": "None", "rslave": "HostToContainer", "rshared": "Bidirectional",
}  # fmt: skip
ERRORS = (
    "CreateContainerError", "CreateContainerConfigError", "RunContainerError", "ErrImageNeverPull",
)  # fmt: skip


class Kubernetes(Cri):
    name = "kubernetes"
    programs = PROGRAMS
    suffix = "-kubernetes"
    # Pods come and go with the kubelet, which tries again what was killed.
    chapters = tuple(name for name in CHAPTERS if name not in ("the runtime killed", "pods"))

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.cluster = Cluster(place.folder, self.socket, self.background)

    def __enter__(self) -> "Kubernetes":
        super().__enter__()
        self.cluster.start()
        for name in self.place.commands():
            written = self.must(*INSTALL, "kubernetes", "--name", name).encode()
            self.cluster.ask("POST", RUNTIME_CLASSES, written, "application/yaml")
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.pods):
            with contextlib.suppress(Wrong):
                self.remove(name)
        self.cluster.stop()
        super().__exit__()

    def create(self, spec: dict[str, Any], name: str = "", **metadata: Any) -> str:
        """Makes a pod, without waiting; its name. What the spec does not say is as every check
        wants it."""
        name = name or self.new_name()
        whole = {"runtimeClassName": self.runtime, "terminationGracePeriodSeconds": 1,
                 "restartPolicy": "Never", **spec}  # fmt: skip
        meta = {"name": name, "finalizers": [HELD], **metadata}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": whole}
        self.cluster.ask("POST", PODS, body)
        self.pods[name] = Pod("", whole)
        return name

    def start(self, wish: Wish) -> str:
        name = self.create(self.spec(wish))
        self.wait_for_start(name)
        return name

    def wait_for_start(self, name: str) -> None:
        """Raises Wrong if its container is not started for another reason than time."""
        until(lambda: self.state(name) in ("running", "exited", "failed"), "it is started")
        waiting = self.container(name)["state"].get("waiting", {})
        if waiting.get("reason") in ERRORS:
            raise Wrong(f"{waiting['reason']}: {waiting.get('message', '')}")

    def pod(self, name: str) -> dict[str, Any]:
        return self.cluster.get(f"{PODS}/{name}")

    def container(self, name: str, container: str = "main") -> dict[str, Any]:
        """The status of a container; an empty one before the kubelet has told any."""
        status = self.pod(name)["status"]
        kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
        for one in (one for kind in kinds for one in status.get(kind, [])):
            if one["name"] == container:
                assert isinstance(one, dict)
                self.pods[name].containers = [one.get("containerID", "").rpartition("/")[2]]
                return one
        return {"state": {}}

    def terminated(self, name: str, container: str = "main") -> dict[str, Any]:
        """How a container ended, for which it waits."""
        until(lambda: "terminated" in self.container(name, container)["state"], "its end")
        found = self.container(name, container)["state"]["terminated"]
        assert isinstance(found, dict)
        return found

    def state(self, name: str) -> str:
        try:
            state = self.container(name)["state"]
        except Wrong as wrong:
            if ": 404: " in str(wrong):
                return "gone"
            raise
        if state.get("waiting", {}).get("reason") in ERRORS:
            return "failed"
        names = {"running": "running", "terminated": "exited"}
        return next((names[key] for key in state if key in names), "created")

    def exit_code(self, name: str) -> int:
        return int(self.terminated(name)["exitCode"])

    def run(self, wish: Wish) -> Done:
        name = self.create(self.spec(wish))
        try:
            self.wait_for_start(name)
            ended = self.terminated(name)
            said = self.logs(name, stream="Stdout")
            return Done(ended["exitCode"], said, ended.get("message", ""))
        finally:
            self.remove(name)

    def logs(self, name: str, container: str = "main", **query: str) -> str:
        words = "".join(f"&{key}={value}" for key, value in query.items())
        return text(self.cluster.ask("GET", f"{PODS}/{name}/log?container={container}{words}"))

    def pid(self, name: str) -> int:
        self.container(name)
        return super().pid(name)

    def stop(self, name: str, seconds: int) -> None:
        if self.state(name) != "running":
            raise Wrong("it does not run")
        self.delete(name, seconds)
        until(lambda: self.state(name) == "exited", "its end")

    def delete(self, name: str, seconds: int = 1) -> None:
        self.cluster.ask("DELETE", f"{PODS}/{name}?gracePeriodSeconds={seconds}")

    def kill(self, name: str, signal: str) -> None:
        if signal != "KILL":
            raise Lacks("signals other than those of a stop")
        self.stop(name, 1)

    def remove(self, name: str) -> None:
        if name in self.pods:
            self.let_go(name)
            until(lambda: not self.cluster.found(f"{PODS}/{name}"), f"the end of pod {name}")
            del self.pods[name]

    def let_go(self, name: str) -> None:
        """Removes a pod, without waiting."""
        with contextlib.suppress(Wrong):  # stop may have removed it
            self.cluster.ask("PATCH", f"{PODS}/{name}", {"metadata": {"finalizers": None}}, MERGE)
            self.delete(name)

    def open(
        self, name: str, what: str, *words: str, container: str = "main", **query: int
    ) -> Stream:
        """A stream of ``exec`` or ``attach``: which of stdin, stdout, stderr, tty."""
        from urllib.parse import urlencode

        asked = [("container", container), *query.items(), *(("command", one) for one in words)]
        return self.cluster.stream(f"{PODS}/{name}/{what}?{urlencode(asked)}")

    def exec(self, name: str, *words: str, user: str = "", stdin: bytes | None = None) -> Done:
        if user:
            raise Lacks("other users in exec")
        return self.exec_in(name, "main", *words, stdin=stdin)

    def exec_in(self, name: str, container: str, *words: str, stdin: bytes | None = None) -> Done:
        asked = {"stdout": 1, "stderr": 1} | ({"stdin": 1} if stdin is not None else {})
        stream = self.open(name, "exec", *words, container=container, **asked)
        if stdin is not None:
            for start in range(0, len(stdin), 2**14):
                stream.send_bytes(stdin[start : start + 2**14])
            stream.end_input()
        code = stream.end()
        return Done(code, text(stream.seen[STDOUT]), text(stream.seen[STDERR]))

    def exec_at_terminal(self, name: str, *words: str) -> Stream:
        return self.open(name, "exec", *words, stdin=1, stdout=1, tty=1)

    def attach(self, name: str) -> Stream:
        return self.open(name, "attach", stdin=1, stdout=1, tty=1)

    def memory(self, name: str) -> int:
        summary = self.cluster.get(f"/api/v1/nodes/{NODE}/proxy/stats/summary")
        for pod in summary["pods"]:
            if pod["podRef"]["name"] == name:
                return int(pod["containers"][0]["memory"].get("workingSetBytes", 0))
        return 0

    def update(self, name: str, limits: Limits) -> None:
        if limits.pids:
            raise Lacks("limits of pids")
        wanted = resources(limits.memory, limits.cpus)
        change = {"spec": {"containers": [{"name": "main", "resources": {"limits": wanted}}]}}
        self.cluster.ask("PATCH", f"{PODS}/{name}/resize", change, STRATEGIC)

        def done() -> bool:
            now = self.container(name).get("resources", {}).get("limits", {})
            return all(now.get(key) == value for key, value in wanted.items())

        until(done, "what the kubelet has set")

    def checkpoint(self, name: str, *, leave: bool) -> None:
        raise Lacks("checkpoint without a feature gate")

    def oom_killed(self, name: str) -> bool:
        return bool(self.terminated(name)["reason"] == "OOMKilled")

    def spec(self, wish: Wish) -> dict[str, Any]:
        """A wish as the spec of a pod."""
        for field, what in LACKED.items():
            if getattr(wish, field) not in ("", 0, None, (), {}, False):
                raise Lacks(what)
        if wish.restart not in ("", "always"):
            raise Lacks("a number of restarts")
        volumes, mounts = [], []
        for number, target in enumerate(wish.tmpfs):
            path, _, size = target.partition(":size=")
            memory = {"medium": "Memory", "sizeLimit": size.replace("k", "Ki")}
            volumes.append({"name": f"t{number}", "emptyDir": memory})
            mounts.append({"name": f"t{number}", "mountPath": path})
        for number, bind in enumerate(wish.binds):
            volumes.append({"name": f"b{number}", "hostPath": {"path": bind.source}})
            mounts.append({"name": f"b{number}", "mountPath": bind.target,
                           **mount_options(bind.options)})  # fmt: skip
        spec: dict[str, Any] = {
            "hostPID": wish.host_pid, "volumes": volumes,
            "restartPolicy": "Always" if wish.restart else "Never",
            "securityContext": {
                "seccompProfile": self.seccomp(wish.seccomp),
                "supplementalGroups": [int(one) for one in wish.groups],
                "sysctls": [{"name": key, "value": wish.sysctls[key]} for key in wish.sysctls],
            },
            "containers": [box(
                *wish.command(), workingDir=wish.cwd, volumeMounts=mounts, tty=wish.tty,
                stdin=wish.interactive, securityContext=security(wish),
                env=[{"name": key, "value": wish.env[key]} for key in wish.env],
                resources=demands(wish),
            )],
        }  # fmt: skip
        if wish.hostname:
            spec["hostname"] = wish.hostname
        return spec

    def seccomp(self, profile: str) -> dict[str, str]:
        """A profile of the host is copied to where the kubelet looks for it."""
        if profile in ("", "unconfined"):
            return {"type": "Unconfined" if profile else "RuntimeDefault"}
        folder = self.cluster.root / "seccomp"
        folder.mkdir(exist_ok=True)
        shutil.copy(profile, folder / "own.json")
        return {"type": "Localhost", "localhostProfile": "own.json"}


def box(*words: str, name: str = "main", **more: Any) -> dict[str, Any]:
    """A container of the checks' image. $$ stands for $, and $(NAME) for a variable."""
    command = [word.replace("$", "$$") for word in words]
    return {"name": name, "image": IMAGE, "imagePullPolicy": "Never", "command": command,
            **more}  # fmt: skip


def resources(memory: int, cpus: float) -> dict[str, str]:
    """Limits as the API server writes them; 0 leaves one out."""
    found = {"memory": f"{memory // 2**20}Mi"} if memory else {}
    if cpus:
        found["cpu"] = f"{cpus:.0f}" if cpus == int(cpus) else f"{int(cpus * 1000)}m"
    return found


def demands(wish: Wish) -> dict[str, Any]:
    """Small requests beside limits: with equal ones no update may change the class of a pod."""
    limits = resources(wish.memory, wish.cpus)
    return {"limits": limits, "requests": {"memory": "1Mi", "cpu": "1m"}} if limits else {}


def security(wish: Wish) -> dict[str, Any]:
    user, _, group = wish.user.partition(":")
    found: dict[str, Any] = {
        "readOnlyRootFilesystem": wish.read_only,
        "allowPrivilegeEscalation": not wish.no_new_privileges,
        "capabilities": {"add": list(wish.cap_add), "drop": list(wish.cap_drop)},
    }
    if wish.apparmor:
        found["appArmorProfile"] = {"type": "Localhost", "localhostProfile": wish.apparmor}
        if wish.apparmor == "unconfined":
            found["appArmorProfile"] = {"type": "Unconfined"}
    kind, _, value = wish.selinux.partition(":")
    if kind == "disable":
        raise Lacks("a container without SELinux")
    if kind:
        found["seLinuxOptions"] = {kind: value}
    if user:
        found |= {"runAsUser": int(user), "runAsGroup": int(group)}
    if any("rshared" in bind.options for bind in wish.binds):
        found["privileged"] = True  # the API server wants it
    return found


def mount_options(options: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {"readOnly": "ro" in options}
    for option in options:
        if option in PROPAGATION:
            found["mountPropagation"] = PROPAGATION[option]
        elif option != "ro":
            raise Lacks(f"volumes that are {option}")
    return found
