"""CRI-O, called over gRPC as a kubelet does. Its handlers are files of crio.conf.d that
``hutch install-runtime crio`` writes, one for each runtime."""

import json
import shutil

from conformance.engines.cri import INSTALL, Cri
from conformance.engines.kernel import SELINUX, SYSTEMD, may_lower_oom_scores
from conformance.engines.wish import Lacks, Place, Wish

CONFIG = """
[crio]
root = "{folder}/root"
runroot = "{folder}/run"
storage_driver = "overlay"
log_dir = "{folder}/pods"
[crio.api]
listen = "{folder}/c.sock"
[crio.runtime]
default_runtime = "{default}"
cgroup_manager = "{manager}"
conmon_cgroup = "{conmon}"
pinns_path = "{pinns}"
selinux = {selinux}
hooks_dir = []
[crio.image]
pause_image = "docker.io/library/pause:1"
pause_command = ""
signature_policy = "{folder}/policy.json"
[crio.network]
network_dir = "{folder}/cni"
plugin_dirs = ["/usr/lib/cni"]
[crio.nri]
enable_nri = false
"""
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


class Crio(Cri):
    name = "crio"
    suffix = "-crio"
    programs = ("crio", "pinns")
    absent = forbidden = None
    states = "/run/hutch"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.drop_ins = place.folder / "crio.conf.d"

    def configure(self) -> None:
        folder = self.place.folder
        default = next(iter(self.place.runtimes))
        text = CONFIG.format(
            folder=folder, default=default, pinns=shutil.which("pinns"),
            manager="systemd" if SYSTEMD else "cgroupfs",
            conmon="system.slice" if SYSTEMD else "pod", selinux=str(SELINUX).lower(),
        )  # fmt: skip
        (folder / "crio.conf").write_text(text)
        (folder / "policy.json").write_text(POLICY)
        self.drop_ins.mkdir()
        for name, path in self.place.commands().items():
            self.install(name, "--program", path, "--write")

    def install(self, name: str, *words: str) -> str:
        """install-runtime for CRI-O; what it says."""
        file = str(self.drop_ins / f"50-{name}.conf")
        return self.must(*INSTALL, "crio", "--config", file, "--name", name, *words)

    def load(self, archive: str) -> None:
        folder = self.place.folder
        store = ["--root", f"{folder}/root", "--runroot", f"{folder}/run", "--tmpdir"]
        store += [f"{folder}/tmp", "--storage-driver", "overlay"]
        name = self.must("podman", *store, "load", "--input", archive).split()[-1]
        # Without a registry in its name, podman takes it for localhost's.
        self.must("podman", *store, "tag", name, f"docker.io/library/{name.rpartition('/')[2]}")

    def handler(self, name: str) -> str:
        """It tells none, but has it among the annotations of the pod's configuration."""
        answer = self.ask("PodSandboxStatus", pod_sandbox_id=self.pods[name].id, verbose=True)
        annotations = json.loads(answer.info["info"])["runtimeSpec"]["annotations"]
        return str(annotations["io.kubernetes.cri-o.RuntimeHandler"])

    def made(self, name: str) -> list[str]:
        """CRI-O makes a container of the pod's own only for processes that all share."""
        return [self.pods[name].container]

    def make_pod(self, wish: Wish) -> str:
        if wish.pod_pids and not may_lower_oom_scores():
            raise Lacks("pods with processes that all share, where OOM scores may not be lowered")
        return super().make_pod(wish)

    def _start(self) -> None:
        file = self.place.folder / "crio.conf"
        words = ["--config", str(file), "--config-dir", str(self.drop_ins)]
        self.daemon = self.background("crio", *words, log="crio.log")
        self.answers()
