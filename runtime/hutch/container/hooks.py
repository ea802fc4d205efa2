"""Hooks that the runtime itself runs (config.md "POSIX-platform Hooks")."""

import posix

from hutch.container.signalfd import TERMINATING, to_reset
from hutch.errors import HookFailed
from hutch.spec.json import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hutch.container.state import PublicState
    from hutch.errors import HutchError
    from hutch.plan.hooks import Hook

SIGKILL = 9
SEEK_SET, SEEK_END = 0, 2  # <unistd.h>; posix does not name them
TAIL = 4096
PATIENCE = 10  # seconds after which a hook that still runs is named
LONGEST = 1 << 20  # seconds


def run_hooks(
    hooks: "Sequence[Hook]",
    state: "PublicState",
    warn: "Callable[[HutchError], None] | None" = None,
) -> None:
    """Runs the hooks in order, each with ``state`` on its standard input. Raises HookFailed or
    KernelError for the first hook that fails; later ones do not run. ``warn`` is called for a hook
    that takes long."""
    for hook in hooks:
        run_hook(hook, state, warn)


def run_hook(
    hook: "Hook", state: "PublicState", warn: "Callable[[HutchError], None] | None" = None
) -> None:
    """Runs one hook and waits for its end, at most for its timeout. Raises as run_hooks does."""
    from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask

    given = posix.memfd_create("state", posix.MFD_CLOEXEC)
    output = posix.memfd_create("hook", posix.MFD_CLOEXEC)
    try:
        posix.write(given, encode(state).encode())
        posix.lseek(given, 0, SEEK_SET)
        # Else a signal that comes before the pid is known would leave the hook running.
        unblocked = pthread_sigmask(SIG_BLOCK, TERMINATING)
        try:
            pid = _spawn(hook, state["bundle"], given, output)
        except OSError as error:
            from hutch.errors import KernelError

            pthread_sigmask(SIG_SETMASK, unblocked)
            raise KernelError(
                "run hook " + hook.path, "execve", error.errno, pointer=hook.pointer + ".path"
            ) from None
        try:
            pthread_sigmask(SIG_SETMASK, unblocked)
            in_time = _ended_in_time(pid, hook, warn)
        except BaseException:  # raised by a signal handler (signalfd.raise_on_signals)
            _end(pid)
            raise
        if not in_time:
            _end(pid)
            how = f"did not end within its timeout of {hook.timeout} s"
            raise _failed(hook, how, output, {"timeout": hook.timeout})
        _, status = posix.waitpid(pid, 0)
        if status != 0:
            kind = "signal" if posix.WIFSIGNALED(status) else "exitStatus"
            number = status & 0x7F or status >> 8 & 0xFF
            raise _failed(hook, describe_status(status), output, {kind: number})
    finally:
        posix.close(given)
        posix.close(output)


def _spawn(hook: "Hook", bundle: str, given: int, output: int) -> int:
    """Starts the hook with the bundle as its working directory, or "/" if the bundle cannot be
    entered. Returns its pid.

    posix_spawn(3) cannot set a working directory, so the runtime changes its own meanwhile.
    """
    environment: Mapping[bytes, bytes] | Mapping[str, str] = posix.environ
    if hook.env is not None:
        pairs = [variable.partition("=") for variable in hook.env]
        environment = {name: value for name, _, value in pairs}
    before = posix.open(".", posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC)
    try:
        try:
            posix.chdir(bundle)
        except OSError:
            posix.chdir("/")
        return posix.posix_spawn(
            hook.path,
            hook.args,
            environment,
            file_actions=[
                (posix.POSIX_SPAWN_DUP2, given, 0),
                (posix.POSIX_SPAWN_DUP2, output, 1),
                (posix.POSIX_SPAWN_DUP2, output, 2),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=to_reset(),
        )
    finally:
        posix.fchdir(before)
        posix.close(before)


def _end(pid: int) -> None:
    """Kills the hook's process group."""
    posix.kill(-pid, SIGKILL)
    posix.waitpid(pid, 0)


def describe_status(status: int) -> str:
    """A wait status (waitpid(2)) in words."""
    if posix.WIFSIGNALED(status):
        return "was killed by signal " + str(posix.WTERMSIG(status))
    return "failed with exit status " + str(posix.WEXITSTATUS(status))


def _ended_in_time(pid: int, hook: "Hook", warn: "Callable[[HutchError], None] | None") -> bool:
    from select import POLLIN, poll

    timeout = hook.timeout
    pidfd = posix.pidfd_open(pid)
    try:
        waiting = poll()
        waiting.register(pidfd, POLLIN)
        if not timeout or timeout > PATIENCE:
            if waiting.poll(PATIENCE * 1000):
                return True
            if warn is not None:
                warn(_slow(hook, pid))
            timeout -= PATIENCE if timeout else 0
        if not hook.timeout:
            return bool(waiting.poll())
        # The timeout of poll(2) is an int of milliseconds: 24 days at most.
        while timeout > LONGEST and not waiting.poll(LONGEST * 1000):
            timeout -= LONGEST
        return bool(waiting.poll(min(timeout, LONGEST) * 1000))
    finally:
        posix.close(pidfd)


def _slow(hook: "Hook", pid: int) -> "HutchError":
    from hutch.errors import ConfigError

    limit = f"its timeout is {hook.timeout} s" if hook.timeout else "it has no timeout"
    error = ConfigError(
        hook.pointer,
        f"hook {hook.path} has not ended for {PATIENCE} s: {limit}",
        hint=f"it is process {pid}; the runtime goes on waiting",
    )
    error.facts = {"cause": "wait", "pid": pid}
    return error


def _failed(hook: "Hook", how: str, output: int, end: "dict[str, object]") -> HookFailed:
    size = posix.lseek(output, 0, SEEK_END)
    text = posix.pread(output, TAIL, max(0, size - TAIL)).decode(errors="replace").strip()
    return HookFailed(hook.pointer, hook.path, how, "; ".join(text.splitlines()), end)
