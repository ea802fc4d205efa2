"""Checks of one container from its start to its end: what it is, and what it prints."""

from dataclasses import dataclass
from pathlib import Path

from conformance.engines.checks import EVERY, Check, expect
from conformance.engines.engine import Engine
from conformance.engines.kernel import shared_folder
from conformance.engines.wish import Bind, Wish, Wrong

ABSENT, FORBIDDEN = -127, -126  # stand for the engine's own codes
SAME = "the same as with the other runtimes"
PROFILE = """{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7}]}"""
FIRST = Path("/proc/1/comm").read_text()
STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status"
# Mount points without their ids, and without what an engine names by the container.
MOUNTS = "awk '{print $5, $6, $7}' /proc/self/mountinfo | sed 's/master:[0-9]*/slave/' | sort -u"


@dataclass(frozen=True)
class Shot:
    """{dir} in the wish's binds and files is the engine's folder."""

    chapter: str
    name: str
    wish: Wish
    out: str = ""
    code: int = 0

    def play(self, engine: Engine) -> str:
        done = engine.run(placed(self.wish, engine))
        code = {ABSENT: engine.absent, FORBIDDEN: engine.forbidden}.get(self.code, self.code)
        if code is None:
            if not done.code:
                raise Wrong("it was executed")
        elif done.code != code:
            said = (done.err or done.out).strip()[-300:]
            raise Wrong(f"exit code {done.code}, and not {code}: {said}")
        if self.out == SAME:
            if not done.out.strip():
                raise Wrong("no output")
            return done.out
        expect(done.out, self.out)
        return ""


def placed(wish: Wish, engine: Engine) -> Wish:
    """The wish with the engine's folder in its paths; makes the files that it names."""
    folder = str(engine.place.folder / "files")
    if not (engine.place.folder / "files").is_dir():
        place = shared_folder(engine.place.folder / "files")
        (place / "inner").mkdir()
        (place / "file").write_text("of the host\n")
        (place / "profile.json").write_text(PROFILE)
        place.chmod(0o755)
    return wish.but(
        binds=tuple(
            Bind(bind.source.format(dir=folder), bind.target, bind.options) for bind in wish.binds
        ),
        seccomp=wish.seccomp.format(dir=folder),
    )


def shell(script: str, **more: object) -> Wish:
    return Wish(shell=script).but(**more)


SHOTS = (
    Shot("run", "output and exit code", shell("echo out; exit 7"), "out\n", 7),
    Shot("run", "a program killed by a signal",
         shell("sh -c 'kill -9 $$'; exit $?"), "", 137),
    Shot("run", "the first process", shell("echo $$; cat /proc/1/comm; true"), "1\nsh\n"),
    Shot("run", "environment", shell("echo $A,$B", env={"A": "b c", "B": "=;$x"}), "b c,=;$x\n"),
    Shot("run", "working folder", shell("pwd", cwd="/data"), "/data\n"),
    Shot("run", "working folder that is made", shell("pwd", cwd="/made/deep"), "/made/deep\n"),
    Shot("run", "user and group", shell("id -u; id -g", user="1000:50"), "1000\n50\n"),
    Shot("run", "more groups", shell("id -G", user="1000:1000", groups=("50", "77")),
         "1000 50 77\n"),
    Shot("run", "host name", shell("hostname", hostname="inside"), "inside\n"),
    Shot("run", "standard input", Wish(words=("cat",), stdin=b"typed\n"), "typed\n"),
    Shot("run", "one megabyte of standard input",
         shell("cat | wc -c", stdin=b"x" * 2**20), "1048576\n"),
    Shot("run", "ten megabytes of output", shell("yes | head -c 10485760 | wc -c"), "10485760\n"),
    Shot("run", "an init", shell("cat /proc/1/comm; [ $$ != 1 ] && echo other", init=True), SAME),
    Shot("run", "the host's processes", shell("cat /proc/1/comm", host_pid=True), FIRST),
    Shot("run", "a cgroup namespace of its own",
         shell("sed -n 's/.*:memory://p;s/^0:://p' /proc/self/cgroup | sort -u",
               own_cgroup_namespace=True), "/\n"),
    Shot("run", "names of namespaces, open files and the environment are the same",
         shell("ls /proc/self/ns; ls /proc/self/fd; env | grep -v HOSTNAME | sort; umask"), SAME),
    Shot("exit codes", "a program that is not there", Wish(words=("nothing",)), code=ABSENT),
    Shot("exit codes", "a path that is not there", Wish(words=("/bin/nothing",)), code=ABSENT),
    Shot("exit codes", "a file that is no program", Wish(words=("/etc/passwd",)), code=FORBIDDEN),
    Shot("exit codes", "a folder", Wish(words=("/etc",)), code=FORBIDDEN),
    Shot("files", "a read-only root", shell("touch /x 2>&1; echo $?", read_only=True),
         "touch: /x: Read-only file system\n1\n"),
    Shot("files", "a tmpfs with a size",
         shell("df -k /t | awk 'NR==2{print $2}'", tmpfs=("/t:size=64k",)), "64\n"),
    Shot("files", "the size of /dev/shm",
         shell("df -k /dev/shm | awk 'NR==2{print $2}'", shm_size="1m"), "1024\n"),
    Shot("files", "a bind", shell("cat /srv/file; touch /srv/new && echo made; rm /srv/new",
         binds=(Bind("{dir}", "/srv"),)), "of the host\nmade\n"),
    Shot("files", "a read-only bind",
         shell("cat /srv/file; touch /srv/x 2>/dev/null || echo refused",
               binds=(Bind("{dir}", "/srv", ("ro",)),)), "of the host\nrefused\n"),
    Shot("files", "a bind of a file", shell("cat /srv/one",
         binds=(Bind("{dir}/file", "/srv/one"),)), "of the host\n"),
    Shot("files", "a named volume takes the image's files",
         shell("cat /data/kept; stat -c %u /data/kept", volumes=(("site", "/data"),)),
         "of the image\n1000\n"),
    Shot("files", "the mounts are the same", shell(MOUNTS), SAME),
    Shot("files", "devices are the same", shell("ls -l /dev | awk '{print $1,$5,$6,$NF}'"), SAME),
    Shot("files", "a device", shell("head -c 3 /dev/own | wc -c",
         devices=(("/dev/zero", "/dev/own", "rwm"),)), "3\n"),
    Shot("files", "a device that may only be read",
         shell("true </dev/own && echo read; true 2>/dev/null >/dev/own || echo refused",
               devices=(("/dev/fuse", "/dev/own", "r"),)), "read\nrefused\n"),
    Shot("files", "a device by its own name", shell("test -c /dev/fuse && echo there",
         devices=(("/dev/fuse", "/dev/fuse", "rwm"),)), "there\n"),
    Shot("files", "a device of which no rule is",
         shell("mknod /dev/d b 254 0 2>/dev/null && head -c 1 /dev/d 2>&1 || echo refused"), SAME),
    Shot("security", "capabilities, ids and seccomp are the same", shell(STATUS), SAME),
    Shot("security", "no capabilities",
         shell("grep CapEff /proc/self/status", cap_drop=("ALL",)), "CapEff:\t0000000000000000\n"),
    Shot("security", "one capability more",
         shell("ip link set lo up && echo up", cap_add=("NET_ADMIN",)), "up\n"),
    Shot("security", "one capability less",
         shell("chown 5 /tmp 2>/dev/null || echo refused", cap_drop=("CHOWN",)), "refused\n"),
    Shot("security", "capabilities of a user", shell(STATUS, user="1000:1000"), SAME),
    Shot("security", "no new privileges",
         shell("grep NoNewPrivs /proc/self/status", no_new_privileges=True), "NoNewPrivs:\t1\n"),
    Shot("security", "a seccomp profile",
         shell("mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status",
               seccomp="{dir}/profile.json"),
         "mkdir: can't create directory '/tmp/x': Argument list too long\nSeccomp:\t2\n"),
    Shot("security", "no seccomp",
         shell("grep Seccomp: /proc/self/status", seccomp="unconfined"), "Seccomp:\t0\n"),
    Shot("security", "a sysctl", shell("cat /proc/sys/net/ipv4/ip_forward",
         sysctls={"net.ipv4.ip_forward": "1"}), "1\n"),
    Shot("security", "a sysctl of ipc", shell("cat /proc/sys/kernel/shm_rmid_forced",
         sysctls={"kernel.shm_rmid_forced": "1"}), "1\n"),
    Shot("security", "a limit of open files", shell("ulimit -n; ulimit -Hn",
         ulimits={"nofile": "100:200"}), "100\n200\n"),
    Shot("security", "all limits are the same", shell("cat /proc/self/limits"), SAME),
    Shot("security", "an OOM score", shell("cat /proc/self/oom_score_adj", oom_score=500), "500\n"),
    Shot("security", "masked and read-only paths",
         shell("cat /proc/keys 2>&1 | wc -c; echo x 2>/dev/null >/proc/sysrq-trigger; echo $?"),
         SAME),
    Shot("user namespaces", "the map of ids",
         shell("awk '{print $1,$2,$3}' /proc/self/uid_map; id -u", id_map=True),
         "0 100000 65536\n0\n"),
    Shot("user namespaces", "files of the image belong to its users",
         shell("stat -c %u /bin/busybox /data/kept; touch /root/x && echo made", id_map=True),
         "0\n1000\nmade\n"),
    Shot("user namespaces", "binds",
         shell("cat /srv/file; touch /srv/x 2>/dev/null || echo refused", id_map=True,
               binds=(Bind("{dir}", "/srv"),)), "of the host\nrefused\n"),
    Shot("user namespaces", "limits and capabilities",
         shell(STATUS + "; hostname new 2>/dev/null && hostname",
               id_map=True, memory=2**26, pids=50, cap_add=("SYS_ADMIN",)), SAME),
)  # fmt: skip

EVERY += [Check(shot.chapter, shot.name, shot.play) for shot in SHOTS]
