"""A cluster of one node: etcd, the API server, the scheduler, the controller manager, a kubelet.

Nothing of it leaves the namespaces of stage.sh. The kubelet would set some sysctls of the kernel,
which all namespaces share: it sees files with its values in their place, and must not set any.
"""

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.engines.engine import until
from conformance.engines.kernel import SYSTEMD, shared_folder
from conformance.engines.streams import Stream
from conformance.engines.wish import Wrong

PROGRAMS = ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet")
SLOW = 600  # seconds, in an emulated machine
NODE, ADDRESS = "node", "10.78.0.1"
SERVER = f"https://{ADDRESS}:6443"
ETCD = ("http://127.0.0.1:2379", "http://127.0.0.1:2380")
TOKEN = "a-token-of-this-cluster-only"
SPLIT = "PodLogsQuerySplitStreams"  # a log of one stream
SYSCTLS = {
    "vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000,
}  # fmt: skip
BEHIND_FILES = """\
mount --make-rprivate /proc
for file in $(cd "$0" && find . -type f); do mount --bind "$0/$file" "/proc/sys/$file"; done
exec "$@"
"""
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class Cluster:
    """``background`` starts a daemon: its words, and the name of its log."""

    def __init__(self, folder: Path, socket: str, background: Callable[..., Any]) -> None:
        self.folder, self.socket, self.background = folder, socket, background
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.logs = folder / "logs"
        self.root = folder / "kubelet"
        self.trust: ssl.SSLContext | None = None

    def start(self) -> None:
        for words in (
            ["ip", "link", "add", "node0", "type", "bridge"],
            ["ip", "link", "set", "node0", "up"],
            ["ip", "addr", "add", f"{ADDRESS}/32", "dev", "node0"],
            ["openssl", "genrsa", "-out", f"{self.folder}/accounts.key", "2048"],
        ):
            subprocess.run(words, check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        self.certificate = self.folder / "pki" / "apiserver.crt"  # the server makes it
        self.start_server()
        self.write_kubeconfig()
        self.start_controllers()
        self.write_kubelet_configuration()
        self.start_kubelet()
        until(lambda: self.condition("Ready") == "True", "the node is ready", SLOW)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        until(lambda: self.found(account), "the account of pods", SLOW)

    def start_server(self) -> None:
        client, peer = ETCD
        self.add(
            "etcd", f"--data-dir={self.folder}/etcd", f"--listen-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--advertise-client-urls={client}",
        )  # fmt: skip
        self.add(
            "kube-apiserver", f"--etcd-servers={client}", f"--bind-address={ADDRESS}",
            f"--cert-dir={self.folder}/pki", f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=AlwaysAllow", "--service-account-issuer=https://node",
            f"--service-account-key-file={self.folder}/accounts.key",
            f"--service-account-signing-key-file={self.folder}/accounts.key",
            "--service-cluster-ip-range=10.79.0.0/16", "--allow-privileged=true",
            "--endpoint-reconciler-type=none", "--kubelet-preferred-address-types=InternalIP",
            f"--feature-gates={SPLIT}=true",
        )  # fmt: skip
        until(self.certificate.exists, "the certificate of the API server", SLOW)
        until(lambda: self.found("/readyz"), "the API server is ready", SLOW)

    def write_kubeconfig(self) -> None:
        cluster = {"server": SERVER, "certificate-authority": str(self.certificate)}
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "own",
            "clusters": [{"name": "own", "cluster": cluster}],
            "users": [{"name": "own", "user": {"token": TOKEN}}],
            "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}],
        }))  # fmt: skip

    def start_controllers(self) -> None:
        own = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
        self.add("kube-scheduler", *own)
        self.add(
            "kube-controller-manager", *own, f"--root-ca-file={self.certificate}",
            f"--service-account-private-key-file={self.folder}/accounts.key",
        )  # fmt: skip

    def write_kubelet_configuration(self) -> None:
        none = dict.fromkeys(
            ("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available",
             "imagefs.inodesFree"), "0%"
        )  # fmt: skip
        (self.folder / "kubelet.json").write_text(json.dumps({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "address": ADDRESS, "cgroupDriver": "systemd" if SYSTEMD else "cgroupfs",
            "failCgroupV1": False, "failSwapOn": False, "protectKernelDefaults": True,
            "makeIPTablesUtilChains": False, "oomScoreAdj": 0, "resolvConf": "",
            "containerRuntimeEndpoint": f"unix://{self.socket}", "podLogsDir": str(self.logs),
            "volumePluginDir": f"{self.folder}/plugins", "allowedUnsafeSysctls": ["net.*"],
            "evictionHard": none, "imageGCHighThresholdPercent": 100,
            "crashLoopBackOff": {"maxContainerRestartPeriod": "2s"}, "featureGates": {SPLIT: True},
        }))  # fmt: skip
        shared_folder(self.root)
        for name, value in SYSCTLS.items():
            file = self.folder / "sysctls" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n")

    def start_kubelet(self) -> None:
        self.kubelet = self.background(
            "unshare", "--mount", "--propagation", "unchanged", "sh", "-c", BEHIND_FILES,
            str(self.folder / "sysctls"), "kubelet", f"--config={self.folder}/kubelet.json",
            f"--kubeconfig={self.kubeconfig}", f"--root-dir={self.root}",
            f"--hostname-override={NODE}", f"--node-ip={ADDRESS}", log="kubelet.log",
        )  # fmt: skip

    def add(self, *words: str) -> None:
        self.daemons.append(self.background(*words, log=f"{words[0]}.log"))

    def stop(self) -> None:
        for daemon in (self.kubelet, *reversed(self.daemons)):
            daemon.terminate()
            daemon.wait(60)

    def condition(self, kind: str) -> str:
        """The status of one of the node's conditions."""
        if not self.found(f"/api/v1/nodes/{NODE}"):
            return ""
        conditions = self.get(f"/api/v1/nodes/{NODE}")["status"].get("conditions", [])
        return next((str(one["status"]) for one in conditions if one["type"] == kind), "")

    def ask(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> bytes:
        """What the API server answers. A body of bytes is sent as it is. An error is Wrong."""
        if not self.trust:
            self.trust = ssl.create_default_context(cafile=str(self.certificate))
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        request = urllib.request.Request(SERVER + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            try:
                said = json.loads(said)["message"]
            except (ValueError, KeyError):
                pass
            raise Wrong(f"{method} {path}: {error.code}: {said[-400:]}") from error

    def get(self, path: str) -> dict[str, Any]:
        answer = json.loads(self.ask("GET", path))
        assert isinstance(answer, dict)
        return answer

    def found(self, path: str) -> bool:
        """Whether there is an answer which is no error."""
        try:
            self.ask("GET", path)
        except (Wrong, OSError):
            return False
        return True

    def stream(self, path: str, version: str = "v5") -> Stream:
        """A stream of exec, attach or port-forward."""
        return Stream(
            SERVER.replace("https", "wss") + path, protocol=f"{version}.channel.k8s.io",
            header=[f"Authorization: Bearer {TOKEN}"], sslopt={"ca_certs": str(self.certificate)},
        )  # fmt: skip
