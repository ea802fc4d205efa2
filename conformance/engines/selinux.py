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
    binds = []
    for name, options in (("private", ("Z",)), ("shared", ("z",)), ("closed", ())):
        folder = shared_folder(engine.place.folder / f"{name}-{engine.runtime}")
        (folder / "file").write_text(f"{name}\n")
        binds.append(Bind(str(folder), f"/{name}", options))
    script = "for name in private shared closed; do cat /$name/file; done"
    with running(engine, SLEEP.but(binds=tuple(binds))) as one:
        done = engine.exec(one, "sh", "-c", script)
        expect(done.out, "private\nshared\n", done.err)
        # Another container has other categories; the label of the volumes stays.
        plain = tuple(Bind(bind.source, bind.target) for bind in binds)
        with running(engine, SLEEP.but(binds=plain)) as other:
            expect(engine.exec(other, "sh", "-c", script).out, "shared\n")


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
