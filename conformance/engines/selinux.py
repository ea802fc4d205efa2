"""Checks of SELinux's labels, where it enforces and the policy has types for containers."""

import re
from pathlib import Path

from conformance.engines.checks import check, expect
from conformance.engines.engine import Engine
from conformance.engines.kernel import shared_folder
from conformance.engines.lives import SLEEP, running
from conformance.engines.wish import Bind, Lacks, Wish, Wrong

ENFORCE = Path("/sys/fs/selinux/enforce")
CURRENT = "tr -d '\\0\\n' </proc/self/attr/current"
LABEL = re.compile(r"system_u:system_r:container_t:s0:c\d+,c\d+")


def needed() -> None:
    """Raises Lacks where SELinux does not enforce."""
    if not ENFORCE.exists() or ENFORCE.read_text().strip() != "1":
        raise Lacks("SELinux that enforces on this host")


def label_of(engine: Engine, name: str) -> str:
    """The label of the container's first process, as the kernel tells it to the host."""
    return Path(f"/proc/{engine.pid(name)}/attr/current").read_text().rstrip("\0\n")


@check("security", "SELinux: each container has its own categories, in exec too")
def _(engine: Engine) -> None:
    needed()
    with running(engine) as one, running(engine) as other:
        labels = [label_of(engine, name) for name in (one, other)]
        for label in labels:
            if not LABEL.fullmatch(label):
                raise Wrong(f"label {label!r}")
        if labels[0] == labels[1]:
            raise Wrong(f"both have {labels[0]}")
        expect(engine.exec(one, "sh", "-c", CURRENT).out, labels[0])


@check("security", "SELinux: only what is labelled for it can be read")
def _(engine: Engine) -> None:
    needed()
    expect(readable(engine, "Z"), ("own\n", ""))


@check("security", "SELinux: what is labelled for all containers can be read by all")
def _(engine: Engine) -> None:
    needed()
    expect(readable(engine, "z"), ("own\n", "own\n"))


def readable(engine: Engine, option: str) -> tuple[str, str]:
    """What a container can read of a volume with this option and of one without a label, and then
    what another container, which has other categories. The label of the volume stays."""
    binds = []
    for name, options in (("own", (option,)), ("closed", ())):
        folder = shared_folder(engine.place.folder / f"{name}-{option}-{engine.runtime}")
        (folder / "file").write_text(f"{name}\n")
        binds.append(Bind(str(folder), f"/{name}", options))
    plain = tuple(Bind(bind.source, bind.target) for bind in binds)
    script = "cat /own/file /closed/file; exit 0"
    with running(engine, SLEEP.but(binds=tuple(binds))) as one:
        first = engine.exec(one, "sh", "-c", script)
        if "Permission denied" not in first.err or "closed" in first.out:
            raise Wrong(f"a volume without a label is not refused: {first}")
        with running(engine, SLEEP.but(binds=plain)) as other:
            return first.out, engine.exec(other, "sh", "-c", script).out


@check("security", "SELinux: a label that is asked for")
def _(engine: Engine) -> None:
    needed()
    done = engine.run(Wish(shell=CURRENT, selinux="level:s0:c3,c4"))
    expect(done.out, "system_u:system_r:container_t:s0:c3,c4", done.err)


@check("security", "SELinux: none")
def _(engine: Engine) -> str:
    needed()
    done = engine.run(Wish(shell=CURRENT, selinux="disable"))
    if not done.out or "container_t" in done.out:
        raise Wrong(f"label {done.out!r}: {done.err}")
    return done.out


@check("security", "SELinux: a type that the policy has not is refused")
def _(engine: Engine) -> None:
    needed()
    try:
        done = engine.run(Wish(shell="true", selinux="type:nowhere_t"))
    except Wrong:
        return
    if done.code == 0:
        raise Wrong("it ran without its label")
