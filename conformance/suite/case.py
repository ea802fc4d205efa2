"""The argument of a check: a bundle with the probe in it, and a runtime that runs it.

def check(case):
    case.config["hostname"] = "rabbit"
    same(case.run()["hostname"], "rabbit", "the host name inside")
"""

import contextlib
import copy
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, cast

from conformance.runtimes import PATIENCE, Runtime
from conformance.suite import host
from conformance.suite.stage import Stage, share
from conformance.suite.table import NotHere, Unmet

Seen = dict[str, Any]
NAMESPACES = ("pid", "ipc", "uts", "mount", "network")
HOOK_LIMIT = 10


def base_config(version: str) -> dict[str, Any]:
    """A small complete config with the default file systems, five namespaces and the probe."""
    return {
        "ociVersion": version,
        "process": {
            "args": ["/probe"],
            "cwd": "/",
            "env": ["PATH=/bin"],
            "user": {"uid": 0, "gid": 0},
            "capabilities": {
                kind: ["CAP_KILL", "CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID"]
                for kind in ("bounding", "effective", "permitted")
            },
        },
        "root": {"path": "rootfs"},
        "hostname": "conformance",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            },
            {
                "destination": "/dev/shm",
                "type": "tmpfs",
                "source": "shm",
                "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
            },
            {
                "destination": "/sys",
                "type": "sysfs",
                "source": "sysfs",
                "options": ["nosuid", "noexec", "nodev", "ro"],
            },
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in NAMESPACES],
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        },
    }


class Case:
    """One container of one runtime, in a folder of its own."""

    def __init__(
        self,
        runtime: Runtime,
        version: str,
        probe: Path,
        stage: Stage,
        folder: Path,
        cgroup: str,
    ) -> None:
        self.runtime = runtime
        self.stage = stage
        self.version = version
        self.bundle = folder / "bundle"
        self.rootfs = self.bundle / "rootfs"
        self.id = cgroup.strip("/").replace("/", "-")
        self.cgroup = cgroup
        self.said = folder / "said"
        self.probe = folder / "probe"
        self.outputs: list[int] = []
        self.creation: dict[str, Any] = {}  # how create itself is executed: options of Popen
        self.config = base_config(version)
        self.config["linux"]["cgroupsPath"] = cgroup
        for name in ("dev", "proc", "sys", "tmp", "bin", "data"):
            (self.rootfs / name).mkdir(parents=True)
        shutil.copy(probe, self.rootfs / "probe")
        shutil.copy(probe, self.probe)
        folder.chmod(0o755)
        self.rootfs.chmod(0o755)

    # Calls of the runtime

    def call(
        self, *words: str, check: bool = True, output: int | None = None, **options: Any
    ) -> "subprocess.CompletedProcess[bytes]":
        """Runs a verb. Its output goes to a file, because a container could keep a pipe open."""
        with self.said.open("wb") as errors:
            try:
                done = subprocess.run(
                    self.runtime.words(*words),
                    check=False,
                    stdin=subprocess.DEVNULL,
                    stdout=errors if output is None else output,
                    stderr=errors,
                    timeout=PATIENCE,
                    cwd=self.bundle.parent,
                    **options,
                )
            except subprocess.TimeoutExpired:
                raise Unmet(f"{words[0]} did not end within {PATIENCE} s") from None
        if check and done.returncode != 0:
            raise Unmet(f"{words[0]} failed: {self.words()}")
        return done

    def words(self) -> str:
        """The last line that the runtime printed."""
        lines = self.said.read_text(errors="replace").strip().splitlines()
        if not lines:
            return "(nothing)"
        # runc writes log lines: time="..." level=error msg="..."
        message = lines[-1].partition(' msg="')[2].rstrip('"')
        return (message or lines[-1])[:300]

    def save(self) -> None:
        """Writes the present ``config`` to config.json."""
        (self.bundle / "config.json").write_text(json.dumps(self.config))

    def create(self, *words: str, check: bool = True, flags: tuple[str, ...] = ()) -> bool:
        """Creates the container, whose probe will do the deeds ``words``. Returns whether this
        succeeded."""
        if words:
            self.config["process"]["args"] = ["/probe", *words]
        self.save()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        self.outputs.append(reading)
        try:
            done = self.call(
                *("create", "--bundle", str(self.bundle), *flags, self.id),
                check=check,
                output=writing,
                **self.creation,
            )
        finally:
            os.close(writing)
        return done.returncode == 0

    def start(self, check: bool = True) -> bool:
        """Starts it. Returns whether this succeeded."""
        return self.call("start", self.id, check=check).returncode == 0

    def output(self, lines: int = 0) -> str:
        """The output of the container until its end, or its first ``lines``."""
        text = b""
        deadline = time.monotonic() + PATIENCE
        while not lines or text.count(b"\n") < lines:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.outputs[-1]], [], [], left)[0]:
                raise Unmet(f"the container says no more after {text[:100]!r}")
            piece = os.read(self.outputs[-1], 1 << 16)
            if not piece:
                break
            text += piece
        return text.decode()

    def seen(self) -> Seen:
        """Starts the container and returns the probe's report."""
        return decode(self.output(), "the program")

    def run(self, *words: str) -> Seen:
        """Creates and starts the container and returns the probe's report."""
        self.create(*words)
        self.start()
        return self.seen()

    def deed(self, words: str) -> Seen:
        """The result of one deed of the probe."""
        return cast(Seen, self.run(words)["deeds"][0])

    def deeds(self, *words: str) -> list[Seen]:
        """The results of several deeds of the probe."""
        return cast(list[Seen], self.run(*words)["deeds"])

    def sleeps(self) -> None:
        """Creates and starts the container, with a probe that waits for signals."""
        self.create("sleep")
        self.start()
        self.output(lines=1)

    def state(self) -> Seen:
        """The container's state."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            self.call("state", self.id, output=writing)
            os.close(writing)
            with os.fdopen(reading, "rb") as stream:
                return decode(stream.read().decode(), "state")
        except BaseException:
            for fd in (reading, writing):
                with contextlib.suppress(OSError):
                    os.close(fd)
            raise

    def exists(self) -> bool:
        """Whether the runtime knows the container."""
        return self.call("state", self.id, check=False).returncode == 0

    def until(self, status: str) -> Seen:
        """Waits for a status and returns the state."""
        for _ in range(PATIENCE * 20):
            now = self.state()
            if now["status"] == status:
                return now
            time.sleep(0.05)
        raise Unmet(f"the status stays {now['status']}, and never is {status}")

    def refused(self, at_start: bool = False) -> str:
        """create must fail and leave nothing; or start, if only start may find the error. Returns
        the last line of the error."""
        made = self.create(check=False)
        if not made:
            words = self.words()
            expect(not self.exists(), "create failed, but there is a container")
            return words
        if at_start and not self.start(check=False):
            return self.words()
        raise Unmet("no error")

    def accepted(self) -> None:
        """create must succeed, and the program must run."""
        self.run()

    def close(self) -> None:
        """Deletes the container, if there is one."""
        self.call("delete", "--force", self.id, check=False)
        for fd in self.outputs:
            os.close(fd)
        for top in host.hierarchies():
            with contextlib.suppress(OSError):
                (top / self.cgroup[1:]).rmdir()

    # Changes of the config and reads of the host that many rows need

    @property
    def process(self) -> dict[str, Any]:
        """``process`` of the config."""
        return cast(dict[str, Any], self.config["process"])

    @property
    def linux(self) -> dict[str, Any]:
        """``linux`` of the config."""
        return cast(dict[str, Any], self.config["linux"])

    @property
    def resources(self) -> dict[str, Any]:
        """``linux.resources`` of the config."""
        return cast(dict[str, Any], self.config["linux"]["resources"])

    def rooted(self) -> Path:
        """Moves the root file system to the stage's shared mount, so that its mount has peers."""
        share(self.stage)
        root = self.stage.plain / self.id
        shutil.copytree(self.rootfs, root)
        return root

    def in_cgroup(self, path: str) -> None:
        """Puts the container into another cgroup."""
        self.cgroup = self.linux["cgroupsPath"] = path

    def grant(self, *names: str) -> None:
        """Gives the process these capabilities too."""
        for names_of_set in self.process["capabilities"].values():
            names_of_set += names

    def mount(self, destination: str, **fields: Any) -> None:
        """Adds a mount."""
        self.config["mounts"].append({"destination": destination, **fields})

    def without(self, kind: str) -> None:
        """Removes a namespace from the config."""
        self.linux["namespaces"] = [
            entry for entry in self.linux["namespaces"] if entry["type"] != kind
        ]

    def with_user_namespace(self, first: int = 100000, size: int = 65536) -> None:
        """Adds a user namespace, whose root owns the rootfs."""
        self.linux["namespaces"].append({"type": "user"})
        mapping = [{"containerID": 0, "hostID": first, "size": size}]
        self.linux["uidMappings"] = mapping
        self.linux["gidMappings"] = copy.deepcopy(mapping)
        for path in (self.rootfs, *self.rootfs.rglob("*")):
            os.chown(path, first, first, follow_symlinks=False)

    def hook(self, kind: str, *words: str, **fields: Any) -> Path:
        """Adds a hook that runs the probe. Returns the file that the probe writes its report to."""
        inside = kind == "startContainer"
        number = sum(len(hooks) for hooks in self.config.get("hooks", {}).values())
        name = f"{kind}{number}"
        file = (self.rootfs if inside else self.bundle) / name
        entry = {
            "path": "/probe" if inside else str(self.probe),
            "args": ["probe", "to=/" + name if inside else f"to={file}", *words],
            **fields,
        }
        self.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)
        return file

    def cgroup_of(self, controller: str) -> Path:
        """The directory of the container's cgroup in a controller's hierarchy, on the host."""
        tops = host.controllers()
        needs(controller in tops, f"the {controller} controller is not mounted")
        pid = self.state()["pid"]
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            if controller in names.split(",") or (host.unified() and names == ""):
                return tops[controller] / path.lstrip("/")
        raise Unmet(f"the container is in no cgroup of {controller}")

    def limit(self, controller: str, v1: str, v2: str) -> str:
        """Creates the container and returns the content of a file of its cgroup. If the name of
        the file is "-", the row is not applicable."""
        needs(controller in host.controllers(), f"the {controller} controller is not mounted")
        name = v2 if host.unified() else v1
        needs(name != "-", f"cgroup {'v2' if host.unified() else 'v1'} has no such limit")
        self.create()
        file = self.cgroup_of(controller) / name
        if not file.exists():
            raise NotHere(f"this kernel has no {name}")
        return file.read_text().strip()


def decode(text: str, what: str) -> Seen:
    """Decodes a line of JSON. The probe writes bytes as Latin-1 characters."""
    try:
        value = json.loads(text.strip().partition("\n")[0] if what == "the program" else text)
    except ValueError:
        raise Unmet(f"{what} said: {text.strip()[:200] or 'nothing'}") from None
    return cast(Seen, value)


def told(file: Path, count: int = 1) -> list[Seen]:
    """The reports that hooks have written to a file, one on each line. Fails the row unless there
    are ``count``."""
    lines = file.read_text().splitlines() if file.exists() else []
    if len(lines) != count:
        raise Unmet(f"a hook ran {len(lines)} times instead of {count}")
    return [decode(line, "a hook") for line in lines]


def mounts(seen: Seen) -> dict[str, dict[str, Any]]:
    """The mount table by mount point: options, propagation, type, source, and the options of the
    super block."""
    result: dict[str, dict[str, Any]] = {}
    for line in (seen["mountinfo"] or "").splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        kind, source, *rest = right.split(" ")
        result[fields[4]] = {
            "root": fields[3],
            "options": fields[5].split(","),
            "shared": fields[6:],
            "type": kind,
            "source": source,
            "super": rest[0].split(",") if rest else [],
            "place": len(result),
        }
    return result


def needs(fact: object, reason: str) -> None:
    """Makes the row "not applicable here", with this reason, if the condition is false."""
    if not fact:
        raise NotHere(reason)


def expect(fact: object, otherwise: str) -> None:
    """Fails the row with this message if the condition is false."""
    if not fact:
        raise Unmet(otherwise)


def same(actual: object, wanted: object, what: str) -> None:
    """Fails the row if the two values differ."""
    if actual != wanted:
        raise Unmet(f"{what}: {actual!r} instead of {wanted!r}")
