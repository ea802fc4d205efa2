"""Runs warren in namespaces of its own if the caller is not root: see ``hutch.engine.rootless``.

Without a range of ids the verbs for images do without: all files belong to the user, and a warning
says so.
"""

import os
import subprocess
import sys
from pathlib import Path

from hutch.engine.rootless import enter, has_ranges, unshare
from hutch.image.store import default_root

ROOT_VARIABLE = "WARREN_ROOT"
# Verbs that read what everybody may read, or need no store.
OUTSIDE = (
    "push", "images", "tag", "image inspect", "history", "search", "login", "logout", "save",
    "version", "completion", "__complete", "system install", "system uninstall", "system apparmor",
)  # fmt: skip
# Verbs for images that make or remove files of other owners.
IMAGES = ("pull", "load", "import", "bundle", "rmi", "image prune")
# Verbs that leave processes behind.
STARTING = (
    "run", "start", "restart", "pod start", "pod restart", "kube play", "system boot",
)  # fmt: skip


TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from hutch.cli.warren.context import Context

    Run = Callable[[Namespace, Context], int]


def inside_namespaces(verb: str, root: str, run: "Run") -> "Run":
    """``run``, in the namespaces that the verb needs; if no container runs then, nothing keeps
    them. Raises HostError."""
    enter_namespace(verb, root)
    if verb not in STARTING:
        return run

    def run_and_leave(arguments: "Namespace", context: "Context") -> int:
        from hutch.engine.containers.finish import idle

        try:
            return run(arguments, context)
        finally:
            idle(context.engine)

    return run_and_leave


def enter_namespace(verb: str, root: str = "") -> None:
    """Makes this process root of the namespaces of the store ``root`` ("": the usual one), if the
    verb needs that; or starts this command again in namespaces that end with it. Raises HostError
    if the kernel or a policy forbids it."""
    if os.geteuid() == 0 or verb in OUTSIDE:
        return
    store = Path(root or os.environ.get(ROOT_VARIABLE) or default_root()).absolute()
    if enter(store, make=verb in STARTING):
        os.environ[ROOT_VARIABLE] = str(store)
        return
    if verb in IMAGES and not has_ranges():
        return
    words = unshare(mounts=True)
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        return  # the kernel or a policy forbids it
    os.environ[ROOT_VARIABLE] = str(store)
    os.execvp(words[0], [*words, sys.executable, *sys.orig_argv[1:]])  # noqa: S606
