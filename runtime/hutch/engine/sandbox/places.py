"""Where sandboxes keep what they need while they run.

STATE                     0700: /run/hutch-sandbox, or $XDG_RUNTIME_DIR/hutch-sandbox
    ID/                   the state of a container (hutch.container.store)
    .links/               short names of the layers of images that have many
    .filters/             compiled seccomp filters
    .empty/               the root is mounted over it, in the container
    .template/upper work  what a scratch layer starts with
    .scratch/ID/          the scratch layer of a Sandbox: a tmpfs; an ordinary user's is a directory
        N/upper work      the layer after N snapshots
"""

import os
import secrets
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree

from hutch.container.store import Store, check_owned, make_directories
from hutch.engine.rootless import rootless
from hutch.errors import HostError, KernelError

ROOT = "/run/hutch-sandbox"


def default_state_root() -> str:
    """The directory for the state of sandboxes. A user without XDG_RUNTIME_DIR has it beside his
    images. Root of a user namespace is an ordinary user: warren checks in one what the user's own
    programs have left outside."""
    if not rootless():
        return ROOT
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return runtime + "/hutch-sandbox"
    from hutch.image.store import user_root

    return str(user_root() / "sandbox")


@dataclass(frozen=True, slots=True)
class Places:
    """``scratch`` is the directory with the scratch layer; None: the container gets a tmpfs of its
    own. ``frozen`` are the scratch layers of snapshots, the newest first."""

    root: Path
    scratch: str | None = None
    frozen: tuple[str, ...] = ()

    @property
    def empty(self) -> Path:
        return self.root / ".empty"

    @property
    def template(self) -> Path:
        return self.root / ".template"

    @property
    def scratches(self) -> Path:
        return self.root / ".scratch"

    def short_names(self, layers: list[str]) -> list[str]:
        """Links to the layers: the options of mount(2) are a page at most. The links stay, for the
        next container with these layers. Raises KernelError, HostError."""
        digest = blake2b("\0".join(layers).encode(errors="surrogateescape"), digest_size=4)
        for number in range(16):
            folder = self.root / ".links" / f"{digest.hexdigest()}{number:x}"
            try:
                if not folder.exists():
                    _make_links(folder, layers)
                names = [str(folder / f"{number:x}") for number in range(len(layers))]
                # Other layers may have the same digest.
                if [os.readlink(name) for name in names] == layers:
                    return names
            except OSError as error:
                raise KernelError(f"make links in {folder}", "symlink", error.errno) from None
        raise HostError(f"{self.root}/.links is damaged", hint="remove this directory")

    def make(self) -> None:
        """Makes the directories that all sandboxes share. Raises KernelError, HostError."""
        make_directories(str(self.root))
        check_owned(str(self.root), os.stat(self.root))
        make_layer(self.template)
        self.empty.mkdir(mode=0o755, exist_ok=True)
        self.scratches.mkdir(mode=0o700, exist_ok=True)


def _make_links(folder: Path, layers: list[str]) -> None:
    """Makes the directory with all its links, or nothing."""
    new = folder.parent / f"new-{secrets.token_hex(8)}"
    new.mkdir(mode=0o700, parents=True)
    for number, layer in enumerate(layers):
        (new / f"{number:x}").symlink_to(layer)
    try:
        new.rename(folder)
    except OSError:  # another process has just made it
        rmtree(new)


def bounds(size: int) -> list[str]:
    """The options of a tmpfs for scratch layers of ``size`` bytes (tmpfs(5)). Empty files and
    directories take no block, but some hundred bytes of the kernel: so there is a limit for them
    too, of twice as many as there are blocks."""
    return [f"size={size}", f"nr_inodes={size // 2048 + 4096}"]


def make_layer(folder: Path) -> None:
    """A new, empty scratch layer. It has /tmp, since most programs need one, and few root file
    systems that people make by hand have it."""
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / "work").mkdir(mode=0o700, exist_ok=True)
    for path, mode in ((folder / "upper", 0o755), (folder / "upper" / "tmp", 0o1777)):
        path.mkdir(exist_ok=True)
        path.chmod(mode)


def state_store(root: Path) -> Store:
    """The states of the containers below ``root``."""
    return Store(str(root))
