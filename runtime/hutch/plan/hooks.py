"""The hooks that the runtime runs, and those that hutch-init runs in the container.

config.md "POSIX-platform Hooks". prestart and createRuntime hooks run in the runtime's namespaces
once everything is mounted; createContainer hooks in the container's namespaces before the change of
root; startContainer hooks in the container after `start`; poststart and poststop hooks in the
runtime's namespaces.

A hook without ``env`` gets an environment from the side that its program comes from (S-55). The
programs of startContainer hooks are the container's: they get process.env. The programs of all
other hooks are the host's: they get the runtime's environment. So a variable of an image
(LD_PRELOAD) never reaches a program of the host. For the same reason these hooks start in the
bundle, not in the root file system (CVE-2025-23266).
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
    """One entry of hooks in the config, and its pointer. ``timeout`` is in seconds, 0: none."""

    __slots__ = ("args", "env", "path", "pointer", "timeout")

    def __init__(self, pointer: str, entry: "HookEntry") -> None:
        self.pointer = pointer
        self.path: str = entry["path"]
        self.args: list[str] = entry.get("args") or [self.path]
        # None: the default environment of its kind (see above).
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
    """The operations for hooks of one kind that hutch-init runs.

    ``state`` is the state that they read, with pid 0; ``environment`` is for hooks without ``env``;
    ``cwd`` is their working directory ("": that of the program). The runtime does not know the pid
    of hutch-init in its namespace, so the text of the state is split at the pid, and hutch-init
    puts its pid there.
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
    """The caller's environment as a list of "NAME=value". Variables that are not UTF-8 are left
    out, because a plan has only text."""
    result = []
    for name, value in environment.items():
        try:
            result.append((name + b"=" + value).decode())
        except UnicodeDecodeError:
            continue
    return result
