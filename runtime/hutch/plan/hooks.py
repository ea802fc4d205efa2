"""hooks: those that the runtime runs, and those that hutch-init runs in the container.

config.md "POSIX-platform Hooks". prestart and createRuntime run in the runtime's namespaces once
the mounts stand, createContainer in the container's before its root is changed, startContainer in
the container after `start`, poststart and poststop in the runtime's.

A hook without an environment gets that of the side whose programs it runs (S-55): startContainer,
which runs the container's, process.env; the others, which run the host's, the runtime's own. So no
variable that an image has set (LD_PRELOAD) reaches a program of the host, and for the same reason
these begin in the bundle, not in the root file system (CVE-2025-23266).
"""

from hutch.plan import operations as op
from hutch.spec.json import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from hutch.plan.operations import Operation
    from hutch.spec.config import Config, Hooks
    from hutch.spec.config import Hook as HookEntry

    Kind = Literal[
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"
    ]

PID_MARK = '"pid":0'


class Hook:
    """One hook that the runtime runs: its entry in the config and where it stands."""

    __slots__ = ("args", "env", "path", "pointer", "timeout")

    def __init__(self, pointer: str, entry: "HookEntry") -> None:
        self.pointer = pointer
        self.path: str = entry["path"]
        self.args: list[str] = entry.get("args") or [self.path]
        # None: that of its side.
        self.env: list[str] | None = entry.get("env")
        self.timeout: int = entry.get("timeout") or 0


def hooks_of(hooks: "Hooks", kinds: "tuple[Kind, ...]") -> "list[Hook]":
    """The hooks of these kinds, in this order."""
    return [
        Hook("hooks." + kind + "[" + str(index) + "]", entry)
        for kind in kinds
        for index, entry in enumerate(hooks.get(kind) or [])
    ]


def compile_hooks(
    config: "Config",
    kind: "Kind",
    state: "dict[str, object]",
    environment: "list[str]",
    cwd: str = "",
) -> "list[Operation]":
    """The hooks of a kind that hutch-init runs; ``state`` is what they read, with pid 0,
    ``environment`` for those that have none, ``cwd`` where they begin ("": where the program does).

    Only hutch-init knows its own pid, so the state's text is split where it belongs.
    """
    hooks = hooks_of(config.get("hooks", {}), (kind,))
    if not hooks:
        return []
    head, _, tail = encode(state).partition(PID_MARK)
    return [
        op.hook(
            hook.pointer,
            path=hook.path,
            args=hook.args,
            env=environment if hook.env is None else hook.env,
            cwd=cwd,
            timeout=hook.timeout,
            state_head=head + '"pid":',
            state_tail=tail,
        )
        for hook in hooks
    ]


def variables(environment: "Mapping[bytes, bytes]") -> "list[str]":
    """The caller's environment as a plan takes it: what is not UTF-8 has no place in one."""
    result = []
    for name, value in environment.items():
        try:
            result.append((name + b"=" + value).decode())
        except UnicodeDecodeError:
            continue
    return result
