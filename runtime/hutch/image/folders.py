"""What must be remembered of a layer's folders until all of it is laid down: their names, a tree.

A few megabytes of an archive can name gigabytes of paths. So each name is kept once, where it
stands in the tree, and everything kept is counted against the budget (S-68). Nothing here recurses:
how deep the tree is, the image decides.
"""

from collections.abc import Iterator

from hutch.image.limits import Budget
from hutch.image.tarstream import Entry

NODE = 300  # bytes of memory that one folder takes here, beside its name
DESCRIBED = 300  # those of an entry


class Folder:
    """One folder. ``entry``: what the layer says of it. ``implied``: made on the way to something,
    and no entry has described it. ``time``: it was there before, changed then (nanoseconds).
    ``links``: hard links in it, by name, whose target's path is a lower layer's.
    """

    __slots__ = ("below", "entry", "implied", "links", "time")

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.implied = False
        self.time: int | None = None
        self.links: dict[bytes, bytes] = {}
        self.below: dict[bytes, Folder] = {}


class Folders:
    """The folders of one tree, by their true paths; b"" is the root. Counted by ``budget``."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._root = Folder()
        self._held = 0

    def _hold(self, size: int) -> None:
        self._budget.hold(size)
        self._held += size

    def get(self, path: bytes) -> Folder | None:
        """What is known of a folder, None if nothing is."""
        folder: Folder | None = self._root
        for part in path.split(b"/") if path else ():
            folder = folder.below.get(part) if folder else None
        return folder

    def at(self, path: bytes) -> Folder:
        """The same; nothing is known yet of a new one. Raises ImageError past the budget."""
        folder = self._root
        for part in path.split(b"/") if path else ():
            below = folder.below.get(part)
            if below is None:
                self._hold(len(part) + NODE)
                below = folder.below[part] = Folder()
            folder = below
        return folder

    def describe(self, path: bytes, entry: Entry) -> None:
        """Keeps what the layer says of a folder, but for its name. Raises ImageError."""
        folder = self.at(path)
        xattrs = entry.xattrs or {}
        self._hold(DESCRIBED + sum(len(name) + len(value) + 200 for name, value in xattrs.items()))
        entry.name = entry.link = b""
        folder.entry, folder.implied = entry, False

    def link(self, folder: bytes, name: bytes, target: bytes) -> None:
        """Keeps a hard link that waits for the lower layers. Raises ImageError."""
        self._hold(len(name) + len(target) + NODE)
        self.at(folder).links[name] = target

    def pending(self, folder: bytes, name: bytes) -> bytes | None:
        """The target of the link that waits at ``name``, None if none does."""
        known = self.get(folder)
        return known.links.get(name) if known else None

    def unlink(self, folder: bytes, name: bytes) -> None:
        """No link waits there any more."""
        if (known := self.get(folder)) is not None:
            known.links.pop(name, None)

    def drop(self, path: bytes) -> None:
        """The folder is gone, with all below it."""
        above, _, name = path.rpartition(b"/")
        if (known := self.get(above)) is not None:
            known.below.pop(name, None)

    def inside_out(self) -> Iterator[tuple[bytes, Folder]]:
        """All of them, each after the ones in it."""
        todo = [(b"", self._root, iter(self._root.below.items()))]
        while todo:
            path, folder, rest = todo[-1]
            name, below = next(rest, (b"", None))
            if below is None:
                todo.pop()
                yield path, folder
            else:
                inner = path + b"/" + name if path else name
                todo.append((inner, below, iter(below.below.items())))

    @property
    def any(self) -> bool:
        """Whether something is known at all."""
        root = self._root
        return bool(root.below or root.links or root.implied)

    def unsettled(self) -> "Folders":
        """Only those that wait for the lower layers; the others' memory is the budget's again."""
        left = Folders(self._budget)
        self._budget.release(self._held)
        self._held = 0
        for path, folder in self.inside_out():
            if folder.implied:
                left.at(path).implied = True
            for name, target in folder.links.items():
                left.link(path, name, target)
        self._root = Folder()
        return left

    def forget(self) -> None:
        """All that is known; the budget has the memory again."""
        self._root = Folder()
        self._budget.release(self._held)
        self._held = 0
