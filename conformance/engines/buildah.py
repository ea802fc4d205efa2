"""buildah: it runs commands in working containers."""

import shutil

from conformance.engines.docker import configuration, flags
from conformance.engines.engine import Engine, Terminal
from conformance.engines.wish import Done, Lacks, Wish

TAKES = {
    "words", "shell", "env", "user", "cwd", "hostname", "stdin", "binds", "cap_add", "cap_drop",
    "tty",
}  # fmt: skip


class Buildah(Engine):
    name = "buildah"
    absent = 1
    forbidden = 1

    def __enter__(self) -> "Buildah":
        conf = self.place.folder / "containers.conf"
        conf.write_text(configuration(""))
        self.environment["CONTAINERS_CONF"] = str(conf)
        own = f"docker-archive:{self.place.archive}"
        self.working = self.must(*self.command("from", "--name", "working", own)).strip()
        return self

    def __exit__(self, *_: object) -> None:
        self.done(*self.command("rm", "--all"))
        self.call("umount", f"{self.place.folder}/b/overlay")

    def command(self, *words: str) -> list[str]:
        folder = self.place.folder
        program = shutil.which("buildah") or "buildah"
        return [program, "--root", f"{folder}/b", "--runroot", f"{folder}/br", *words]

    def _run(self, wish: Wish) -> list[str]:
        for field in Wish.__dataclass_fields__:
            if field not in TAKES and getattr(wish, field) != getattr(Wish(), field):
                raise Lacks(field.replace("_", " "))
        path = self.place.commands()[self.runtime]
        plain = wish.but(cwd="", cap_add=named(wish.cap_add), cap_drop=named(wish.cap_drop))
        words = ["run", "--isolation", "oci", "--runtime", path, *flags(plain)]
        words += ["--workingdir", wish.cwd] if wish.cwd else []
        return self.command(*words, *(["--tty"] if wish.tty else []), self.working, "--",
                            *wish.command())  # fmt: skip

    def run(self, wish: Wish) -> Done:
        return self.done(*self._run(wish), input=wish.stdin)

    def run_at_terminal(self, wish: Wish) -> Terminal:
        return Terminal(self._run(wish.but(tty=True)), self.environment)


def named(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    """As buildah has them: CAP_CHOWN, and all of them one by one."""
    return tuple(name if name == "ALL" else f"CAP_{name}" for name in capabilities)
