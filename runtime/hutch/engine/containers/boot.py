"""After a boot: starting what a restart policy wants to run, and the systemd unit that does so.

Docker's daemon starts these when it starts itself (docs: "Start containers automatically"): those
with ``always``, and those with ``unless-stopped`` that nobody has stopped. Without a daemon a unit
calls ``warren system boot``.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from hutch.engine.containers import records as phases
from hutch.engine.containers.finish import refresh
from hutch.engine.containers.records import Record
from hutch.engine.containers.start import start
from hutch.engine.engine import Engine
from hutch.errors import HostError, HutchError, KernelError

UNIT = "warren.service"
TEXT = """\
# Written by "warren system install"; "warren system uninstall" removes it.
[Unit]
Description=Containers of warren that are to run after a boot
Wants=network-online.target
After=network-online.target
RequiresMountsFor={root}

[Service]
Type=oneshot
RemainAfterExit=yes
# The supervisors of the containers stay in this unit, and outlive its stop.
KillMode=process
ExecStart={command}

[Install]
WantedBy={target}
"""


def wanted(record: Record) -> bool:
    """Whether a container that does not run is to be started after a boot."""
    options = record.options
    if record.phase not in (phases.EXITED, phases.RESTARTING) or not record.runs:
        return False
    return options.restart == "always" or (
        options.restart == "unless-stopped" and not record.stopping
    )


def boot(engine: Engine, report: Callable[[Record, HutchError | None], None]) -> None:
    """Starts all that are wanted, those made first before others. ``report`` is told of each, with
    the error of one that did not start; one that needs another's namespaces waits for its turn."""
    known = [refresh(engine, record) for record in engine.records.all()]
    left = [record for record in reversed(known) if wanted(record)]
    while left:
        failed: list[tuple[Record, HutchError]] = []
        for record in left:
            try:
                start(engine, record.id)
            except HutchError as error:
                failed.append((record, error))
            else:
                report(record, None)
        if len(failed) == len(left):
            for record, why in failed:
                report(record, why)
            return
        left = [record for record, _ in failed]


def unit(engine: Engine) -> str:
    """The text of the unit."""
    words = [*engine.program, "system", "boot"]
    target = "multi-user.target" if os.geteuid() == 0 else "default.target"
    command = " ".join(_quoted(word) for word in words)
    return TEXT.format(root=_quoted(str(engine.store.root)), command=command, target=target)


def _quoted(word: str) -> str:
    """A word of a unit's command line (systemd.service(5), "Command lines")."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return f'"{word}"' if not word or any(c in word for c in " \t'\"\\;") else word


def place() -> Path:
    """Where the unit goes: the system's for root, the user's own for others."""
    if os.geteuid() == 0:
        return Path("/etc/systemd/system", UNIT)
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(config, "systemd", "user", UNIT)


def install(engine: Engine) -> Path:
    """Writes the unit and enables it; where. Raises HostError, KernelError."""
    systemctl("--version")
    path = place()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(unit(engine))
        os.replace(new, path)
    except OSError as error:
        raise KernelError(f"write {path}", "open", error.errno) from None
    systemctl("enable", UNIT)
    return path


def uninstall() -> bool:
    """Disables the unit and removes it; False if it is not there. Raises HostError, KernelError."""
    path = place()
    if not path.exists():
        return False
    systemctl("disable", UNIT)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise KernelError(f"remove {path}", "unlink", error.errno) from None
    if _runs():
        systemctl("daemon-reload")
    return True


def _runs() -> bool:
    return os.path.isdir("/run/systemd/system")


def systemctl(*words: str) -> None:
    """Runs systemctl(1). Raises HostError."""
    program = shutil.which("systemctl")
    if program is None:
        raise HostError(
            "systemd is not installed here, so no unit can start containers after a boot",
            hint="have the host's own start scripts call: warren system boot",
        )
    scope = [] if os.geteuid() == 0 else ["--user"]
    done = subprocess.run([program, *scope, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise HostError(f"systemctl {' '.join(words)}: {said[-1]}")
