"""config-linux.md "Seccomp" and "The Container Process State"."""

import array
import json
import os
import socket
import threading
from typing import Any

from conformance.runtimes import PATIENCE
from conformance.suite.case import Case, expect, same
from conformance.suite.documents import LINUX
from conformance.suite.table import MUST, SAYS, Unmet

EPERM, EXDEV, ENOANO, SIGSYS, SIGKILL = 1, 18, 55, 31, 9
GETPRIORITY = "call:140:0:0"  # on x86-64; only the probe makes this call
CHILD = "childcall:140:0:0"
RULE = {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}
ALLOW = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}


def filtered(case: Case, *rules: dict[str, Any], **fields: Any) -> None:
    """A filter that allows everything except what the rules say."""
    case.linux["seccomp"] = {**ALLOW, "syscalls": list(rules), **fields}


def errno(case: Case, *rules: dict[str, Any], **fields: Any) -> int:
    """The errno of getpriority under these rules."""
    filtered(case, *rules, **fields)
    found: int = case.deed(GETPRIORITY)["errno"]
    return found


@LINUX.shown(MUST, "seccomp without defaultAction, or with an unknown one, is an error", 885)
def default_action(case: Case) -> None:
    values: tuple[dict[str, Any], ...] = ({"syscalls": []}, {"defaultAction": "SCMP_ACT_RABBIT"})
    for value in values:
        case.linux["seccomp"] = value
        case.refused()


@LINUX.shown(SAYS, "defaultAction applies to every call without a rule", 885)
def default_holds(case: Case) -> None:
    names = "execve exit_group write fstat close openat read brk mmap munmap arch_prctl"
    names += " set_tid_address rt_sigprocmask ioctl writev readlink getcwd fcntl lstat stat open"
    case.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_LOG",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": names.split(), "action": "SCMP_ACT_ALLOW"}, RULE],
    }
    seen = case.run(GETPRIORITY)
    same((seen["seccomp"], seen["deeds"][0]["errno"]), (2, EPERM), "the mode, and getpriority")


@LINUX.shown(MUST, "an errno for a default action that has no errno is an error", 886, 888)
def default_errno(case: Case) -> None:
    case.linux["seccomp"] = {**ALLOW, "defaultErrnoRet": EXDEV}
    case.refused()


@LINUX.shown(SAYS, "the errno of SCMP_ACT_ERRNO is EPERM, or errnoRet", 961)
def errno_of_rule(case: Case) -> None:
    same(errno(case, RULE), EPERM, "the errno where none is given")
    case.call("delete", "--force", case.id)
    same(errno(case, {**RULE, "errnoRet": ENOANO}), ENOANO, "errnoRet")


@LINUX.shown(MUST, "an errno for an action that has no errno is an error", 963)
def errno_of_other(case: Case) -> None:
    filtered(case, {"names": ["getpriority"], "action": "SCMP_ACT_KILL", "errnoRet": EXDEV})
    case.refused()


@LINUX.shown(
    MUST,
    "a rule without names, with an empty list of them, or without action is an error",
    946,
    947,
    948,
)
def rule_fields(case: Case) -> None:
    for rule in (
        {"action": "SCMP_ACT_ERRNO"},
        {"names": [], "action": "SCMP_ACT_ERRNO"},
        {"names": ["getpriority"]},
        {"names": ["getpriority"], "action": "SCMP_ACT_RABBIT"},
    ):
        filtered(case, rule)
        case.refused()


@LINUX.shown(MUST, "an argument of a rule without index, value or op is an error", 969, 970, 972)
def argument_fields(case: Case) -> None:
    whole = {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}
    # A runtime may treat a missing number as 0, so the row only removes the operator.
    for argument in (
        {"index": 0, "value": 1},
        {**whole, "op": "SCMP_CMP_RABBIT"},
        {**whole, "index": 6},
    ):
        filtered(case, {**RULE, "args": [argument]})
        case.refused()


@LINUX.shown(SAYS, "each operator compares an argument", 972)
def operators(case: Case) -> None:
    # getpriority(PRIO_USER = 2, 0): the first argument against the value.
    compared = (
        ("SCMP_CMP_NE", 2, False),
        ("SCMP_CMP_NE", 1, True),
        ("SCMP_CMP_LT", 3, True),
        ("SCMP_CMP_LE", 2, True),
        ("SCMP_CMP_EQ", 2, True),
        ("SCMP_CMP_GE", 3, False),
        ("SCMP_CMP_GT", 1, True),
    )
    for operator, value, denied in compared:
        filtered(case, {**RULE, "args": [{"index": 0, "value": value, "op": operator}]})
        found = case.deed("call:140:2:0")["errno"]
        same(found == EPERM, denied, f"whether 2 is denied by {operator} {value}")
        case.call("delete", "--force", case.id)
    masked = {"index": 0, "value": 3, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}
    filtered(case, {**RULE, "args": [masked]})
    same(case.deed("call:140:2:0")["errno"], EPERM, "what SCMP_CMP_MASKED_EQ does")


@LINUX.shown(SAYS, "each action has the meaning that libseccomp defines", 950)
def actions(case: Case) -> None:
    ended = {
        "SCMP_ACT_KILL_PROCESS": SIGSYS,
        "SCMP_ACT_KILL": SIGSYS,
        "SCMP_ACT_KILL_THREAD": SIGSYS,
        "SCMP_ACT_TRAP": SIGSYS,
    }
    for action in (*ended, "SCMP_ACT_ALLOW", "SCMP_ACT_LOG"):
        filtered(case, {"names": ["getpriority"], "action": action})
        same(case.deed(CHILD).get("signal"), ended.get(action, 0), f"the signal by {action}")
        case.call("delete", "--force", case.id)


@LINUX.shown(SAYS, "the flags of the list are accepted", 913)
def flags(case: Case) -> None:
    for flag in ("LOG", "SPEC_ALLOW", "TSYNC"):
        same(errno(case, RULE, flags=[f"SECCOMP_FILTER_FLAG_{flag}"]), EPERM, f"with {flag}")
        case.call("delete", "--force", case.id)
    filtered(case, RULE, flags=["SECCOMP_FILTER_FLAG_RABBIT"])
    case.refused()


@LINUX.shown(SAYS, "architectures of the list are accepted; others are an error", 889)
def architectures(case: Case) -> None:
    names = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    same(errno(case, RULE, architectures=names), EPERM, "with three architectures")
    case.call("delete", "--force", case.id)
    filtered(case, RULE, architectures=["SCMP_ARCH_RABBIT"])
    case.refused()


# The agent


class Agent:
    """The agent at listenerPath: accepts one connection and answers calls with an errno."""

    def __init__(self, case: Case) -> None:
        self.path = case.bundle.parent / "agent.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.listener.settimeout(PATIENCE)
        self.state: dict[str, Any] = {}
        self.descriptors: list[list[int]] = []
        self.closed = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE)
        text = b""
        with connection:
            while not self.closed:
                size = socket.CMSG_SPACE(4 * array.array("i").itemsize)
                piece, ancillary, _, _ = connection.recvmsg(1 << 16, size)
                found: list[int] = []
                for level, kind, data in ancillary:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        numbers = array.array("i")
                        numbers.frombytes(data[: len(data) - len(data) % 4])
                        found += numbers
                if piece:
                    self.descriptors.append(found)
                self.closed = not piece
                text += piece
        self.state = json.loads(text)
        for fd in (fd for found in self.descriptors for fd in found):
            refuse_one(fd)
            os.close(fd)

    def finish(self) -> None:
        """Waits for the agent and returns its report."""
        self.thread.join(PATIENCE)
        self.listener.close()
        if not self.closed:
            raise Unmet("the agent's connection brought nothing, or is still open")


def refuse_one(fd: int) -> None:
    """Answers a call with ENOANO (seccomp_unotify(2))."""
    import fcntl
    import select
    import struct

    if not select.select([fd], [], [], PATIENCE)[0]:
        return
    request = bytearray(80)
    fcntl.ioctl(fd, 0xC0502100, request)  # SECCOMP_IOCTL_NOTIF_RECV
    id = struct.unpack_from("Q", request)[0]
    fcntl.ioctl(fd, 0xC0182101, struct.pack("QqiI", id, 0, -ENOANO, 0))  # ..._SEND


def notified(case: Case, **fields: Any) -> tuple[Agent, dict[str, Any]]:
    """Runs a container whose getpriority is answered by an agent. Returns the agent, and the result
    of the call."""
    agent = Agent(case)
    rule = {"names": ["getpriority"], "action": "SCMP_ACT_NOTIFY"}
    filtered(case, rule, listenerPath=str(agent.path), **fields)
    deed = case.deed(GETPRIORITY)
    agent.finish()
    return agent, deed


@LINUX.shown(MUST, "for SCMP_ACT_NOTIFY the state is sent to a stream socket at listenerPath", 927)
def listener(case: Case) -> None:
    agent, deed = notified(case)
    expect(agent.state, "no state came")
    same(deed["errno"], ENOANO, "what the agent's answer came to")


@LINUX.shown(MUST, "one state is sent over each connection, which is then closed", 928, 929)
def one_state(case: Case) -> None:
    agent, _ = notified(case)
    expect(agent.closed, "the connection stays open")
    expect(isinstance(agent.state, dict), "it is not one JSON object")


@LINUX.shown(MUST, "it is an error if no program listens at listenerPath", 930)
def nobody_listens(case: Case) -> None:
    rule = {"names": ["getpriority"], "action": "SCMP_ACT_NOTIFY"}
    filtered(case, rule, listenerPath=str(case.bundle / "nobody.sock"))
    case.refused(at_start=True)


@LINUX.shown(MUST, "the seccomp descriptor is sent with the name seccompFd", 935, 1007)
def seccomp_fd(case: Case) -> None:
    agent, _ = notified(case)
    same(agent.state.get("fds"), ["seccompFd"], "fds")
    same(sum(map(len, agent.descriptors)), 1, "the descriptors that came")


@LINUX.shown(MUST, "descriptors are sent only with the first message", 1009)
def first_message(case: Case) -> None:
    agent, _ = notified(case)
    same(
        [len(found) for found in agent.descriptors][1:],
        [0] * (len(agent.descriptors) - 1),
        "later ones",
    )
    expect(agent.descriptors[0], "the first message has none")


@LINUX.shown(MUST, "listenerMetadata without listenerPath is an error", 939)
def metadata_alone(case: Case) -> None:
    filtered(case, RULE, listenerMetadata="data")
    case.refused()


@LINUX.shown(
    MUST,
    "the process state has ociVersion, pid, the container's state, and metadata",
    1013,
    1016,
    1018,
)
def process_state(case: Case) -> None:
    agent, _ = notified(case, listenerMetadata="some data")
    state = agent.state
    expect(state.get("ociVersion"), "there is no ociVersion")
    expect(isinstance(state.get("pid"), int) and state["pid"] > 1, f"pid is {state.get('pid')}")
    same(state.get("metadata"), "some data", "metadata")
    same(state.get("state", {}).get("id"), case.id, "state.id")
    same(state["state"].get("bundle"), str(case.bundle), "state.bundle")
