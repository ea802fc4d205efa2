"""``./dev compare kube``: plays the same kube files with warren and with podman, asks the same of
their containers, and compares the answers. What warren generates is played by podman, too.

kube_expected.toml lists the answers that differ, with the reason. The run fails for one that is not
listed, and for one that is and does not differ any more.
"""

import argparse
import re
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from conformance.compare.engines import PORTS, Engine, podman, warren
from conformance.samples.busybox import write_docker_archive

HERE = Path(__file__).parent
FILES = HERE / "kubefiles"
EXPECTED = HERE / "kube_expected.toml"
MOUNTS = "sort -u -k 5,5 /proc/self/mountinfo | awk '{print $5, $6}' | grep -E ' /?(%s)'"
STATUS = "grep -E '^(%s):' /proc/self/status"

# {file: {container: {what: a command of a shell}}}
QUESTIONS: dict[str, dict[str, dict[str, str]]] = {
    "environment": {
        "site-main": {
            "variables": "env | grep -vE '^(SHLVL|PWD|HOSTNAME|HOME|TERM|container)=' | sort",
            "home": "echo $HOME", "term": "echo $TERM", "container": "echo $container",
            "hostname": "hostname; cat /etc/hostname; echo; echo $HOSTNAME",
            "directory": "pwd",
            "resolv.conf": "grep -v '^#' /etc/resolv.conf | sort",
            "hosts": "grep 192.0.2 /etc/hosts",
            "interfaces": "ls /sys/class/net",
            "first process": "tr '\\0' ' ' </proc/1/cmdline",
        },
        "site-other": {"hostname": "hostname", "terminal": "test -t 0 </proc/1/fd/0; echo $?"},
    },
    "files": {
        "site-main": {
            "configMap": "ls -l /conf/ | awk '$9 {print $1, $3, $4, $9}'; cat /conf/*",
            "configMap is read-only": "touch /conf/one; echo $?",
            "items": "ls /some; cat /some/inner.txt",
            "secret": "cat /hidden/password; echo",
            "secret is read-only": "touch /hidden/password; echo $?",
            "claim": "touch /store/x; echo $?; ls -ld /store | awk '{print $1, $3, $4}'",
            "emptyDir": "cat /scratch/said",
            "emptyDir mode": "ls -ld /scratch | awk '{print $1}'",
            "hostPath": "cat /folder/file /file; touch /folder/x; echo $?",
            "DirectoryOrCreate": "touch /made/x; echo $?; ls -ld /made | awk '{print $1, $3, $4}'",
        },
    },
    "rights": {
        "site-main": {
            "ids": "id", "status": STATUS % "NoNewPrivs|Seccomp|CapEff|CapPrm|CapBnd|CapInh|CapAmb",
            "root file system": "touch /x; echo $?", "sysctl": "cat /proc/sys/kernel/shmmni",
            "home": "echo $HOME",
        },
        "site-root": {"ids": "id", "status": STATUS % "NoNewPrivs|Seccomp|CapEff|CapBnd"},
        "site-strong": {
            "status": STATUS % "NoNewPrivs|Seccomp|CapEff|CapBnd",
            "kcore": "test -r /proc/kcore && wc -c </proc/kcore | grep -vx 0 >/dev/null; echo $?",
            "/proc/sys": "test -w /proc/sys/kernel/domainname; echo $?",
        },
        "site-free": {
            "status": STATUS % "NoNewPrivs|Seccomp",
            "/proc/sys": "test -w /proc/sys/kernel/domainname; echo $?",
        },
    },
    "init": {"site-main": {"init containers": "cat /scratch/said"}},
    "workloads": {
        "many-pod-main": {
            "processes of the pod":
                "cat /proc/[2-9]*/cmdline | tr '\\0' ' ' | grep -o 'w[h]ile' | sort",
            "port": "/bin/nc 127.0.0.1 80 </dev/null",
            "address": "ip -o -4 address show | wc -l",
        },
    },
}  # fmt: skip
# {file: {container: what is read of its cgroup on the host}}
LIMITED = {"rights": ["site-main", "site-root"]}
CONNECTED = ("environment", "workloads")  # the files whose pods are in the usual network
GENERATED = ("environment", "files", "rights")  # those that warren kube generate makes again
FROM_HOST = {"workloads": "served"}
STATES = {"workloads": ["ends-main"], "init": ["site-first"]}

Answers = dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev compare kube", description=__doc__)
    parser.add_argument("--show", metavar="TEXT", help="all answers to questions with this text")
    options = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="compare-kube-", dir="/var/tmp") as name:
        base = Path(name)
        for engine in ("warren", "podman"):
            (base / engine).mkdir()
        archive, tree = write_docker_archive(base, "localhost/box:1")
        other = podman(base / "podman")
        if other is None:
            print("podman is not here", file=sys.stderr)
            return 2
        engines = [warren(base / "warren"), other]
        for one in engines:
            one.prepare(archive, tree)
        try:
            results = {one.name: answers(one, engines) for one in engines}
        finally:
            for one in engines:
                one.call("pod", "rm", "-f", "-t", "0", "-a")
            subprocess.run(["umount", "-q", str(base / "podman/p/overlay")], check=False)
    return judge(results["warren"], results["podman"], options.show)


def text_of(file: str, engine: Engine) -> bytes:
    """A file, with this engine's folder and port."""
    text = (FILES / f"{file}.yaml").read_text()
    return text.replace("DIR", str(engine.folder)).replace("PORT", PORTS[engine.name]).encode()


def answers(engine: Engine, engines: list[Engine]) -> Answers:
    """What the containers of all files answer, played by this engine; and what they answer when
    they are played from the file that the engine has generated by podman."""
    found: Answers = {}
    for file in QUESTIONS:
        network = [] if file in CONNECTED else ["--network", "none"]
        text = text_of(file, engine)
        played = engine.call("kube", "play", *network, "-", input=text)
        found[f"{file}: play"] = str(min(played.returncode, 1))
        if played.returncode:
            print(engine.name, file, played.stderr.decode(), file=sys.stderr)
        time.sleep(0.5)  # a program that has just started
        found.update(ask(engine, file, f"{file}: "))
        if engine.name == "warren" and file in GENERATED:
            found.update(by_podman(engine, engines[1], file, network))
        elif file in GENERATED:  # what the other has is itself the answer that is wanted
            found.update(ask(engine, file, f"{file} generated by warren: "))
        down = engine.call("kube", "down", "-", input=text)
        left = engine.call("ps", "-aq").stdout.decode()
        found[f"{file}: down"] = f"{down.returncode} {'nothing' if not left else 'containers'} left"
        engine.call("pod", "rm", "-f", "-t", "0", "-a")
        engine.call("volume", "prune", "-f")
    return found


def by_podman(engine: Engine, other: Engine, file: str, network: list[str]) -> Answers:
    """The same questions to what podman makes of the file that warren generates."""
    generated = engine.call("kube", "generate", "site").stdout
    generated = generated.replace(
        b"image: localhost/box:1", b"image: localhost/box:1\n    imagePullPolicy: Never"
    )
    played = other.call("kube", "play", *network, "-", input=generated)
    if played.returncode:
        print(played.stderr.decode(), generated.decode(), file=sys.stderr)
    found = ask(other, file, f"{file} generated by warren: ")
    other.call("pod", "rm", "-f", "-t", "0", "-a")
    other.call("volume", "prune", "-f")
    other.call("secret", "rm", "-a")
    return found


def ask(engine: Engine, file: str, prefix: str) -> Answers:
    """What the containers of a file answer."""
    found: Answers = {}
    for container, questions in QUESTIONS[file].items():
        name = real_name(engine, container)
        for what, script in questions.items():
            done = engine.call("exec", name, "/bin/sh", "-c", "PATH=/bin; export PATH; " + script)
            answer = normal(done.stdout.decode(errors="replace"))
            found[f"{prefix}{container}: {what}"] = answer
    for container in LIMITED.get(file, []):
        found[f"{prefix}{container}: limits"] = limits(engine, real_name(engine, container))
    if file in FROM_HOST:
        found[f"{prefix}port of the host"] = from_host(int(PORTS[engine.name]))
    for container in STATES.get(file, []):
        name = real_name(engine, container)
        done = engine.call("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name)
        found[f"{prefix}{container}: state"] = done.stdout.decode().strip()
    return found


def real_name(engine: Engine, container: str) -> str:
    """Debian's podman numbers the pod of a Deployment, newer ones do not."""
    return container.replace("-pod-", "-pod-0-") if engine.name == "podman" else container


def normal(text: str) -> str:
    """An answer without what differs from run to run."""
    return re.sub(r"\n+", "\n", re.sub(r"[ \t]+", " ", text)).strip()


def limits(engine: Engine, container: str) -> str:
    """What the container's cgroups say, of cgroup v1 or v2."""
    pid = engine.call("inspect", "-f", "{{.State.Pid}}", container).stdout.decode().strip()
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller, names in (
            ("memory", ("memory.limit_in_bytes", "memory.soft_limit_in_bytes")),
            ("cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares")),
            ("pids", ("pids.max",)),
            ("", ("memory.max", "memory.low", "memory.swap.max", "cpu.max", "cpu.weight")),
        ):
            if controller in controllers.split(","):
                for top in (f"/sys/fs/cgroup/{controllers}", "/sys/fs/cgroup"):
                    for name in names:
                        file = Path(f"{top}{path}/{name}")
                        if file.exists():
                            found.append(f"{name} {file.read_text().strip()}")
    return "\n".join(dict.fromkeys(found))


def from_host(port: int) -> str:
    """What the port of the host answers."""
    for _ in range(50):
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as one:
                if answer := one.recv(100).decode():
                    return answer
        except OSError:
            pass
        time.sleep(0.1)
    return "nothing"


def judge(ours: Answers, theirs: Answers, shown: str | None) -> int:
    """Prints what differs against kube_expected.toml; 1 if anything does."""
    tables = tomllib.loads(EXPECTED.read_text())["podman"]
    listed = {question for table in tables for question in table["questions"]}
    different = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    wrong = sorted(different ^ listed)
    for key in sorted(ours.keys() | theirs.keys()):
        if key in wrong or (shown is not None and shown in key):
            what = ("differs, and is not listed" if key in different else "is listed, but does not"
                    " differ") if key in wrong else "shown"  # fmt: skip
            print(f"--- {key}\n    {what}")
            print(f"    warren: {ours.get(key)!r}\n    podman: {theirs.get(key)!r}")
    print(
        f"warren and podman, {len(ours)} answers: {len(ours) - len(different)} the same;"
        f" {len(different & listed)} differ as kube_expected.toml says, {len(wrong)} against it."
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
