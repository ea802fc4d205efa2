"""config.md "Process" and "User": the attributes of the program's process."""

import os
import resource
from pathlib import Path

from conformance.suite import host
from conformance.suite.case import Case, expect, needs, same
from conformance.suite.documents import CONFIG
from conformance.suite.table import MUST, SAYS, SHOULD
from conformance.suite.terminal import with_terminal

NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE
""".split()  # noqa: SIM905
# By their numbers (<asm-generic/resource.h>).
LIMITS = """
CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME
""".split()  # noqa: SIM905


SETS = ("effective", "bounding", "inheritable", "permitted")


def mask(*names: str) -> int:
    """The bits of capabilities."""
    return sum(1 << NAMES.index(name.removeprefix("CAP_")) for name in names)


def granted(case: Case, **sets: list[str]) -> dict[str, int]:
    """The capability sets of the program, with only these sets in the config."""
    case.process["capabilities"] = sets
    found: dict[str, int] = case.run()["capabilities"]
    return found


@CONFIG.shown(MUST, "start needs process: without process there is nothing to start", 240)
def process_at_start(case: Case) -> None:
    del case.config["process"]
    if case.create(check=False):
        expect(not case.start(check=False), "start succeeds without process")


@CONFIG.shown(SAYS, "with terminal the standard streams are a terminal", 242)
def terminal(case: Case) -> None:
    same(with_terminal(case)["terminals"], [1, 1, 1], "whether 0, 1, 2 are terminals")


@CONFIG.shown(MUST, "consoleSize is the terminal's size, by height and width", 246, 247)
def console_size(case: Case) -> None:
    case.process["consoleSize"] = {"height": 33, "width": 101}
    same(with_terminal(case).get("size"), [33, 101], "rows and columns")


@CONFIG.shown(MUST, "consoleSize is ignored if there is no terminal", 245)
def console_size_ignored(case: Case) -> None:
    case.process["consoleSize"] = {"height": 33, "width": 101}
    case.process["terminal"] = False
    case.run()


@CONFIG.shown(MUST, "the program starts in cwd", 248)
def cwd(case: Case) -> None:
    case.process["cwd"] = "/data"
    same(case.run()["cwd"], "/data", "the working directory")


@CONFIG.shown(MUST, "a cwd that is missing or not absolute is an error", 248, 249)
def bad_cwd(case: Case) -> None:
    case.process["cwd"] = "data"
    case.refused(at_start=True)
    case.call("delete", "--force", case.id, check=False)
    del case.process["cwd"]
    case.refused(at_start=True)


@CONFIG.shown(SAYS, "env is the program's environment", 250)
def environment(case: Case) -> None:
    case.process["env"] = ["PATH=/bin", "A=1", "EMPTY=", "WITH=a=b c"]
    seen = case.run()["env"]
    for variable in case.process["env"]:
        expect(variable in seen, f"{variable} is not there")


@CONFIG.shown(MUST, "args are the program and its arguments; empty args are an error", 252)
def arguments(case: Case) -> None:
    case.process["args"] = []
    case.refused(at_start=True)
    case.call("delete", "--force", case.id, check=False)
    same(case.run("one", "two words", "")["args"], ["/probe", "one", "two words", ""], "args")


@CONFIG.shown(MUST, "the program is found as by execvp: in PATH, unless its name has a slash", 252)
def lookup(case: Case) -> None:
    (case.rootfs / "probe").rename(case.rootfs / "bin" / "found")
    case.process["args"] = ["found"]
    same(case.run()["args"], ["found"], "the arguments")


@CONFIG.shown(MUST, "an rlimit without type, soft or hard is an error", 264, 272, 274)
def rlimit_fields(case: Case) -> None:
    whole = {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}
    for field in ("type", "soft", "hard"):
        case.process["rlimits"] = [{key: whole[key] for key in whole if key != field}]
        case.refused(at_start=True)


@CONFIG.shown(MUST, "an rlimit of a type that the kernel does not have is an error", 268)
def rlimit_type(case: Case) -> None:
    case.process["rlimits"] = [{"type": "RLIMIT_RABBITS", "soft": 1, "hard": 1}]
    case.refused()


@CONFIG.shown(MUST, "every rlimit of getrlimit(2) can be set, soft and hard", 269, 273, 275)
def rlimits(case: Case) -> None:
    wanted = {}
    for number, name in enumerate(LIMITS):
        # Not above the caller's limit, and not so low that the program cannot start.
        _, own = resource.prlimit(0, number)
        hard = 1 << 40 if own == resource.RLIM_INFINITY else min(own, 1 << 40)
        wanted[name] = [hard // 2, hard]
    case.process["rlimits"] = [
        {"type": f"RLIMIT_{name}", "soft": soft, "hard": hard}
        for name, (soft, hard) in wanted.items()
    ]
    found = case.run()["rlimits"]
    for name, limit in wanted.items():
        same(found[name], limit, f"RLIMIT_{name}")


@CONFIG.shown(MUST, "two rlimits of the same type are an error", 278)
def rlimit_twice(case: Case) -> None:
    limit = {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}
    case.process["rlimits"] = [limit, limit]
    case.refused(at_start=True)


@CONFIG.shown(MUST, "an unknown capability gives a warning, and the others are set", 289)
def unknown_capability(case: Case) -> None:
    needs(case.version >= "1.1", "this runtime knows only versions in which it is an error")
    sets = {kind: ["CAP_KILL", "CAP_RABBIT"] for kind in ("bounding", "effective", "permitted")}
    same(granted(case, **sets)["effective"], mask("KILL"), "the effective set")


@CONFIG.shown(SHOULD, "a capability that cannot be set is not an error", 290)
def ungrantable_capability(case: Case) -> None:
    lacking = [name for name in NAMES[:38] if not host.capabilities() >> NAMES.index(name) & 1]
    needs(lacking, "the caller has every capability")
    names = ["CAP_KILL", "CAP_" + lacking[0]]
    sets = {kind: list(names) for kind in ("bounding", "effective", "permitted")}
    same(granted(case, **sets)["effective"], mask("KILL"), "the effective set")


for each, kind_line in (
    ("effective", 295),
    ("bounding", 296),
    ("inheritable", 297),
    ("permitted", 298),
    ("ambient", 299),
):

    @CONFIG.shown(SAYS, f"the {each} set is capabilities.{each}, and no more", kind_line)
    def capability_set(case: Case, kind: str = each) -> None:
        names = ["CAP_KILL", "CAP_CHOWN"]
        sets: dict[str, list[str]] = {
            name: [] for name in ("effective", "bounding", "inheritable", "permitted")
        }
        others = {
            "effective": ("permitted", "bounding"),
            "bounding": (),
            "inheritable": ("bounding",),
            "permitted": ("bounding",),
            "ambient": ("permitted", "inheritable", "bounding", "effective"),
        }[kind]
        sets |= {name: list(names) for name in (kind, *others)}
        if kind == "permitted":
            sets["effective"] = []
        case.process["user"] = (
            {"uid": 1000, "gid": 1000} if kind == "ambient" else {"uid": 0, "gid": 0}
        )
        found = granted(case, **sets)[kind]
        same(found, mask(*names), f"the {kind} set")


@CONFIG.shown(SAYS, "the bit no_new_privs is set only if noNewPrivileges is true", 300)
def no_new_privileges(case: Case) -> None:
    for value, bit in ((None, 0), (False, 0), (True, 1)):
        case.process.pop("noNewPrivileges", None)
        if value is not None:
            case.process["noNewPrivileges"] = value
        same(case.run()["noNewPrivileges"], bit, f"no_new_privs with {value}")
        case.call("delete", "--force", case.id)


@CONFIG.shown(MUST, "oomScoreAdj is set if it is given", 303)
def oom_score(case: Case) -> None:
    case.process["oomScoreAdj"] = 500
    same(case.run()["oomScoreAdj"].strip(), "500", "oom_score_adj")


@CONFIG.shown(MUST, "without oomScoreAdj the program has the caller's oom_score_adj", 304)
def oom_score_kept(case: Case) -> None:
    own = Path("/proc/self/oom_score_adj").read_text().strip()
    same(case.run()["oomScoreAdj"].strip(), own, "oom_score_adj")


def scheduled(case: Case, **fields: object) -> dict[str, int]:
    """The scheduling of a program with this in process.scheduler."""
    case.process["scheduler"] = fields
    found: dict[str, int] = case.run()["scheduler"]
    return found


@CONFIG.shown(MUST, "scheduler has a policy; without one it is an error", 310)
def scheduler_policy(case: Case) -> None:
    same(scheduled(case, policy="SCHED_BATCH", nice=5)["policy"], 3, "the policy")
    case.call("delete", "--force", case.id)
    case.process["scheduler"] = {"nice": 5}
    case.refused(at_start=True)


@CONFIG.shown(SAYS, "scheduler.nice is the nice value; the default is 0", 320)
def scheduler_nice(case: Case) -> None:
    same(scheduled(case, policy="SCHED_OTHER", nice=7)["nice"], 7, "nice")
    case.call("delete", "--force", case.id)
    same(scheduled(case, policy="SCHED_OTHER")["nice"], 0, "nice where it is not set")


@CONFIG.shown(SAYS, "scheduler.priority is the static priority", 321)
def scheduler_priority(case: Case) -> None:
    needs(realtime_possible(), "no real-time process may run in this cgroup")
    if "cpu" in host.controllers() and (host.controllers()["cpu"] / "cpu.rt_runtime_us").exists():
        # With CONFIG_RT_GROUP_SCHED, a cgroup has only the real-time runtime of its parent.
        case.in_cgroup(case.cgroup.replace("/", "-").replace("-", "/", 1))
        case.resources["cpu"] = {"realtimeRuntime": 1000}
    case.grant("CAP_SYS_NICE")
    found = scheduled(case, policy="SCHED_FIFO", priority=9)
    same((found["policy"], found["priority"]), (1, 9), "policy and priority")


def realtime_possible() -> bool:
    """Whether the caller may use SCHED_FIFO: its cgroup may have no real-time runtime."""
    child = os.fork()
    if child == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@CONFIG.shown(SAYS, "scheduler.flags are set", 322)
def scheduler_flags(case: Case) -> None:
    found = scheduled(case, policy="SCHED_OTHER", flags=["SCHED_FLAG_RESET_ON_FORK"])
    same(found["flags"] & 1, 1, "SCHED_FLAG_RESET_ON_FORK")


@CONFIG.shown(SAYS, "an unknown policy or flag is an error", 312, 324)
def scheduler_unknown(case: Case) -> None:
    case.process["scheduler"] = {"policy": "SCHED_RABBIT"}
    case.refused(at_start=True)
    case.call("delete", "--force", case.id, check=False)
    case.process["scheduler"] = {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RABBIT"]}
    case.refused(at_start=True)


@CONFIG.shown(MUST, "ioPriority has a class and a priority; without class it is an error", 341, 342)
def io_priority(case: Case) -> None:
    case.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}
    same(case.run()["ioPriority"], 2 << 13 | 6, "the I/O priority")
    case.call("delete", "--force", case.id)
    case.process["ioPriority"] = {"priority": 6}
    case.refused(at_start=True)


CONFIG.argued(
    SHOULD,
    "with execCPUAffinity but without final, the kernel decides the affinity in the cgroup",
    352,
    why="this is about processes that join a running container; the specification has no operation "
    "for that",
)


@CONFIG.shown(
    MUST, "the program has the uid and gid of user; without them it is an error", 370, 371
)
def user(case: Case) -> None:
    case.process["user"] = {"uid": 1234, "gid": 4321}
    seen = case.run()
    same((seen["uids"], seen["gids"]), ([1234] * 3, [4321] * 3), "the ids")
    case.call("delete", "--force", case.id)
    for fields in ({"uid": 1}, {"gid": 1}):
        case.process["user"] = fields
        case.refused(at_start=True)
        case.call("delete", "--force", case.id, check=False)


@CONFIG.shown(SAYS, "umask is the program's umask", 372)
def umask(case: Case) -> None:
    case.process["user"]["umask"] = 0o027
    same(case.run()["umask"], 0o027, "the umask")


@CONFIG.shown(SAYS, "without umask the program has the caller's umask", 372)
def umask_kept(case: Case) -> None:
    # Not 022, which runc sets if the config gives no umask. hutch does this too, but not with
    # --strict, which the suite gives it.
    case.save()
    case.creation = {"umask": 0o013}
    same(case.run()["umask"], 0o013, "the umask")


@CONFIG.shown(SAYS, "additionalGids are the program's groups", 373)
def groups(case: Case) -> None:
    case.process["user"]["additionalGids"] = [5, 77]
    same(sorted(set(case.run()["groups"]) - {0}), [5, 77], "the groups")
