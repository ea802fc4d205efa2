"""Kube files, played: what is seen in the containers."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Engine, eventually
from tests.support.networks import NetworkEngine

SERVE = r'while :; do printf "HTTP/1.0 200 OK\r\n\r\nhi" | nc -l -p 80; done'
SITE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {color: blue, "app.conf": "line one\\nline two\\n"}
binaryData: {raw: AAEC/w==}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: s3cret}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: store}
spec: {accessModes: [ReadWriteOnce]}
---
apiVersion: v1
kind: Pod
metadata: {name: site, labels: {app: site}, annotations: {note: noted}}
spec:
  hostname: web
  hostAliases: [{ip: 192.0.2.7, hostnames: [db, cache]}]
  dnsPolicy: None
  dnsConfig:
    nameservers: [192.0.2.53]
    searches: [example.test]
    options: [{name: ndots, value: "2"}]
  terminationGracePeriodSeconds: 0
  securityContext:
    fsGroup: 2000
    supplementalGroups: [50]
    sysctls: [{name: kernel.shmmni, value: "55"}]
  initContainers:
  - name: first
    image: box:box
    command: [sh, -c, 'echo ready >/scratch/ready; echo kept >/mem/kept']
    volumeMounts: [{name: scratch, mountPath: /scratch}, {name: mem, mountPath: /mem}]
  containers:
  - name: main
    image: box:box
    command: [sh, -c]
    args: ['echo started $(COLOR); sleep 1000']
    workingDir: /tmp
    env:
    - {name: COLOR, valueFrom: {configMapKeyRef: {name: conf, key: color}}}
    - {name: BOTH, value: 'is $(COLOR) $$(COLOR) $(NONE)'}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    - {name: MISSING, valueFrom: {secretKeyRef: {name: hidden, key: none, optional: true}}}
    envFrom: [{secretRef: {name: hidden}, prefix: S_}]
    resources: {limits: {cpu: 500m, memory: 64Mi}, requests: {cpu: 250m, memory: 32Mi}}
    securityContext:
      runAsUser: 1000
      runAsNonRoot: true
      readOnlyRootFilesystem: true
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
      seccompProfile: {type: RuntimeDefault}
    volumeMounts:
    - {name: scratch, mountPath: /scratch}
    - {name: mem, mountPath: /mem}
    - {name: conf, mountPath: /conf}
    - {name: hid, mountPath: /hid}
    - {name: data, mountPath: /pvc, subPathExpr: "of-$(POD)"}
    - {name: proj, mountPath: /proj}
    - {name: path, mountPath: /path, readOnly: true}
    livenessProbe: {exec: {command: [test, -e, /scratch/ready]}, periodSeconds: 1}
    readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
    startupProbe: {httpGet: {port: http, path: /}, periodSeconds: 1, failureThreshold: 30}
    ports: [{name: http, containerPort: 80}]
  - name: side
    image: box:box
    command: [sh, -c, 'SERVE']
    securityContext: {seccompProfile: {type: Unconfined}, procMount: Unmasked}
    resources: {limits: {memory: 32Mi}}
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: mem, emptyDir: {medium: Memory, sizeLimit: 8Mi}}
  - {name: conf, configMap: {name: conf, items: [{key: app.conf, path: sub/app.conf, mode: 0400}]}}
  - {name: hid, secret: {secretName: hidden, defaultMode: 0600}}
  - {name: data, persistentVolumeClaim: {claimName: store}}
  - {name: path, hostPath: {path: HOST/made, type: DirectoryOrCreate}}
  - name: proj
    projected:
      sources:
      - configMap: {name: conf}
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
""".replace("SERVE", SERVE)

# What a container says of itself: the same after a round trip.
LOOK = """
env | sort | grep -v -E '^(HOSTNAME|PWD|SHLVL)='; pwd; id; hostname
ls -lnR /conf /hid /proj /scratch /path | sed 's/[A-Z][a-z][a-z] *[0-9]* [0-9:]*//'
cat /conf/sub/app.conf /hid/password /proj/labels /mem/kept; df /mem | tail -1
cat /proc/sys/kernel/shmmni; grep -E 'NoNewPrivs|Cap(Eff|Bnd)|Seccomp:' /proc/self/status
grep -v '^#' /etc/resolv.conf; grep 192 /etc/hosts; touch /x 2>&1; touch /path/x 2>&1; touch /pvc/x
cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null
cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.shares cpu.max 2>/dev/null; true
"""


@pytest.fixture
def kube(engine: Engine) -> Iterator[Engine]:
    """An engine whose pods all go at the end."""
    yield engine
    if engine.ok("pod", "ls", "-q"):
        engine.ok("pod", "rm", "-f", "-t", "0", "-a")


def play(engine: Engine, text: str, *flags: object) -> str:
    network = [] if isinstance(engine, NetworkEngine) else ["--network", "none"]
    return engine.ok("kube", "play", *network, *flags, "-", input=text.encode())


def look(engine: Engine, container: str) -> str:
    return engine.ok("exec", container, "sh", "-c", LOOK)


def state(engine: Engine, container: str) -> Any:
    (found,) = json.loads(engine.ok("inspect", container))
    return found["State"]


def test_a_whole_file_and_its_round_trip(kube: Engine, tmp_path: Path) -> None:
    text = SITE.replace("HOST", str(tmp_path))
    said = play(kube, text)
    assert re.fullmatch(r"Pod:\n\w{64}\nContainers:\n(\w{64}\n){3}\n", said)
    seen = look(kube, "site-main")
    for line in (
        "BOTH=is blue $(COLOR) $(NONE)", "COLOR=blue", "CPU=500", "POD=site", "S_password=s3cret",
        "FROM=image", "/tmp", "uid=1000(guest) gid=1000(guest) groups=50(staff),1000(guest),2000",
        "web", "line one", "s3cretapp=\"site\"kept", "55", "NoNewPrivs:\t1",
        "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "Seccomp:\t2",
        "nameserver 192.0.2.53", "search example.test", "options ndots:2", "192.0.2.7\tdb",
        "192.0.2.7\tcache", "touch: /x: Read-only file system",
        "touch: /path/x: Read-only file system",
    ):  # fmt: skip
        assert line in seen.splitlines(), (line, seen)
    assert "MISSING" not in seen
    assert "67108864" in seen and "8192" in seen
    assert "-r--r-----    1 0        2000            18" in seen  # 0400, and fsGroup's
    assert "drwxrwsrwx" in kube.ok("exec", "site-main", "ls", "-ld", "/scratch")
    assert kube.ok("exec", "site-main", "sh", "-c", "wc -c < /proj/raw") == "4\n"
    assert kube.ok("exec", "site-side", "grep", "Seccomp:", "/proc/self/status").split()[1] == "0"
    assert (tmp_path / "made").is_dir()
    assert (kube.root / "volumes/store/_data/of-site/x").exists()
    assert "site-main  started blue\n" in kube.ok("pod", "logs", "site")
    ready = ("Startup", "Health", "Readiness")
    eventually(
        lambda: [state(kube, "site-main")[one]["Status"] for one in ready] == ["healthy"] * 3
    )

    refused = kube.run("kube", "play", "--network", "none", "-", input=text.encode())
    assert (refused.returncode, 'the pod name "site" is already in use' in refused.stderr) == (
        1,
        True,
    )
    generated = kube.ok("kube", "generate", "site")
    assert kube.ok("kube", "down", "-", input=text.encode()).startswith("Pods removed:\n")
    assert (kube.ok("pod", "ls", "-q"), kube.ok("ps", "-aq")) == ("", "")
    assert kube.ok("volume", "ls", "-q") == "store\n"

    again = kube.run("kube", "play", "--network", "none", "-", input=generated.encode())
    assert (again.returncode, again.stderr.count("ignored")) == (0, 1)  # the size of the claim
    assert look(kube, "site-main") == seen
    assert kube.ok("kube", "generate", "site") == generated
    # A restart runs the init containers again; an emptyDir stays.
    kube.ok("pod", "restart", "site")
    assert look(kube, "site-main") == seen
    assert kube.run("volume", "rm", "store").returncode == 1
    gone = kube.ok("kube", "play", "--down", "-", input=text.encode())
    assert "Volumes" not in gone
    assert kube.ok("kube", "down", "--force", "-", input=text.encode()).endswith(
        "removed:\nstore\n"
    )
    assert not list((kube.root / "pods").iterdir())


PROBED = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  restartPolicy: POLICY
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: box:box
    command: [sh, -c, 'echo began; sleep 1000']
    KIND: {exec: {command: ['false']}, periodSeconds: 1, failureThreshold: 1}
"""


@pytest.mark.parametrize("kind", ["livenessProbe", "startupProbe"])
def test_a_container_that_fails_its_probe_is_started_again(kube: Engine, kind: str) -> None:
    play(kube, PROBED.replace("KIND", kind).replace("POLICY", "Always"))
    eventually(lambda: kube.ok("logs", "p-c").count("began") >= 3)


def test_without_a_restart_policy_it_ends_and_readiness_ends_nothing(kube: Engine) -> None:
    play(kube, PROBED.replace("KIND", "livenessProbe").replace("POLICY", "Never"))
    eventually(lambda: kube.status("p-c") == "exited")
    assert kube.ok("logs", "p-c") == "began\n"
    play(kube, PROBED.replace("KIND", "readinessProbe").replace("POLICY", "Always"), "--replace")
    eventually(lambda: state(kube, "p-c")["Health"]["Status"] == "unhealthy")
    assert (kube.status("p-c"), kube.ok("logs", "p-c")) == ("running", "began\n")


def told(engine: Engine, why: str) -> bool:
    """Whether the last check of the pod's health has said this."""
    return why in state(engine, "p-c")["Health"]["Log"][-1]["Output"]


def test_a_port_that_nobody_serves_fails(kube: Engine) -> None:
    text = PROBED.replace("KIND", "readinessProbe").replace("POLICY", "Always")
    for action, why in (("tcpSocket: {port: 9}", "Connection refused"),
                        ("httpGet: {port: 80, path: /no}", "HTTP status 404")):  # fmt: skip
        mute = "while :; do printf 'HTTP/1.1 404 No\\r\\n\\r\\n' | nc -l -p 80; done"
        changed = text.replace("exec: {command: ['false']}", action)
        changed = changed.replace(
            "'echo began; sleep 1000'", '"' + mute.replace("\\", "\\\\") + '"'
        )
        play(kube, changed, "--replace")
        eventually(lambda: state(kube, "p-c")["Health"]["Status"] == "unhealthy")
        eventually(partial(told, kube, why))


def test_what_fails_leaves_nothing_and_what_does_not_start_stays(
    kube: Engine, tmp_path: Path
) -> None:
    base = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  restartPolicy: Never\n"
    bad = (
        base
        + "  containers:\n  - {name: c, image: box:box, volumeMounts: [{name: v, mountPath: /v}]}\n"
    )
    bad += f"  volumes: [{{name: v, hostPath: {{path: {tmp_path}/none}}}}]\n"
    refused = kube.run("kube", "play", "-", input=bad.encode())
    assert "spec.volumes[0].hostPath.path" in refused.stderr and refused.returncode == 1
    root = (
        base + "  containers: [{name: c, image: box:box, securityContext: {runAsNonRoot: true}}]\n"
    )
    assert "would run as root" in kube.run("kube", "play", "-", input=root.encode()).stderr
    never = base + "  containers: [{name: c, image: none:1, imagePullPolicy: Never}]\n"
    assert "none:1" in kube.run("kube", "play", "-", input=never.encode()).stderr
    assert (kube.ok("pod", "ls", "-q"), kube.ok("ps", "-aq")) == ("", "")
    init = base + "  initContainers: [{name: i, image: box:box, command: ['false']}]\n"
    init += "  containers: [{name: c, image: box:box}]\n"
    done = kube.run("kube", "play", "--network", "none", "-", input=init.encode())
    assert (done.returncode, "init container p-i ended with 1" in done.stderr) == (1, True)
    assert kube.status("p-c") == "created"
    play(kube, init, "--replace", "--start=false")
    assert kube.status("p-i") == "created"


WORKLOADS = """
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  backoffLimit: 1
  template:
    spec:
      restartPolicy: OnFailure
      containers:
      - {name: c, image: box:box, command: [sh, -c, 'echo tried $(WORD); false'],
         env: [{name: WORD, valueFrom: {configMapKeyRef: {name: other, key: word}}}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: set}
spec:
  replicas: 2
  volumeClaimTemplates: [{metadata: {name: d}, spec: {}}]
  template:
    spec:
      shareProcessNamespace: true
      terminationGracePeriodSeconds: 0
      containers:
      - {name: c, image: box:box, command: [sleep, '1000'], tty: true,
         volumeMounts: [{name: d, mountPath: /d}]}
"""


def test_jobs_and_sets(kube: Engine, tmp_path: Path) -> None:
    other = "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}, data: {word: hard}}"
    (tmp_path / "other.yaml").write_text(other)
    play(kube, WORKLOADS, "--configmap", tmp_path / "other.yaml", "-q")
    names = kube.ok("ps", "-a", "--format", "{{.Names}}", "--filter", "name=-c").split()
    assert sorted(names) == ["job-pod-c", "set-0-c", "set-1-c"]
    assert kube.ok("volume", "ls", "-q").split() == ["d-set-0", "d-set-1"]
    assert kube.ok("exec", "set-0-c", "cat", "/proc/1/cmdline").startswith("/pause")
    eventually(lambda: kube.ok("logs", "job-pod-c").count("tried hard") == 2)
    # With its last container the pod of the job ends.
    eventually(lambda: kube.ok("pod", "inspect", "-f", "{{.State}}", "job-pod") == "Exited\n")
    text = kube.ok("kube", "generate", "-t", "deployment", "-r", "3", "set-0")
    assert "kind: Deployment" in text and "replicas: 3" in text and "shareProcessNamespace" in text
    kube.ok("kube", "down", "--force", "-", input=WORKLOADS.encode())
    assert (kube.ok("ps", "-aq"), kube.ok("volume", "ls", "-q")) == ("", "")


def test_containers_of_no_pod_become_one(kube: Engine, tmp_path: Path) -> None:
    kube.start("--name", "one", "-e", "A=$(B)", "--memory", "32m", "--cpus", "0.25", "--user",
               "1000:50", "--cap-drop", "ALL", "--tmpfs", "/t", "-v", "site:/v:ro", "-v",
               f"{tmp_path}:/host",
               "--ulimit", "core=5", "--stop-timeout", "0", "-w", "/tmp", kube.image, "sh", "-c",
               "echo $(id -u); sleep 1000")  # fmt: skip
    done = kube.run("kube", "generate", "-f", tmp_path / "f.yaml", "one")
    assert (done.returncode, done.stdout) == (0, "")
    assert "one: --ulimit is not in the file" in done.stderr
    kube.ok("rm", "-f", "one")
    kube.ok("kube", "play", "--network", "none", tmp_path / "f.yaml")
    found = kube.ok("exec", "one-pod-one", "sh", "-c", "echo $A; pwd; id -u; id -g; df /t /v /host")
    assert found.startswith("$(B)\n/tmp\n1000\n50\n") and found.count("%") == 4
    eventually(lambda: kube.ok("logs", "one-pod-one") == "1000\n")
    assert kube.run("kube", "generate", "one-pod-one").returncode == 125
    kube.ok("pod", "rm", "-f", "-t", "0", "one-pod")
    kube.ok("volume", "rm", "site")


def test_ports_and_networks_of_played_pods(network: NetworkEngine) -> None:
    network.ok("network", "create", "lan")
    text = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: box:box
    command: [sh, -c, 'SERVE']
    ports: [{containerPort: 80, hostPort: 8081}]
---
apiVersion: v1
kind: Pod
metadata: {name: own}
spec:
  terminationGracePeriodSeconds: 0
  hostNetwork: true
  containers: [{name: c, image: box:box, command: [sleep, '1000']}]
""".replace("SERVE", SERVE)  # fmt: skip
    first, _, second = text.partition("---")
    try:
        play(network, first, "--network", "lan", "--publish", "8082:81")
        eventually(lambda: "200 OK" in network.host.talk("127.0.0.1", 8081))
        ports = network.ok("ps", "--filter", "pod=web", "--format", "{{.Ports}}")
        assert "8081-8082->80-81" in ports
        play(network, first, "--replace", "--network", "lan", "--publish", "8083:80")
        eventually(lambda: "200 OK" in network.host.talk("127.0.0.1", 8083))
        assert network.host.talk("127.0.0.1", 8081) == "ECONNREFUSED"
        play(network, second)
        links = network.ok("exec", "own-c", "cat", "/proc/net/dev")
        assert "wr-" in links  # the host's bridge
        refused = network.run(
            "kube", "play", "--network", "lan", "--replace", "-", input=second.encode()
        )
        assert "conflicts with --network" in refused.stderr
    finally:
        network.ok("pod", "rm", "-f", "-t", "0", "-a")
        network.ok("network", "rm", "lan")
