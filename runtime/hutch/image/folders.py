"""The folders of a layer, which are remembered until the layer is completely unpacked.

A few megabytes of an archive can contain gigabytes of paths. So the folders are kept as a tree, in
which each name occurs once, and the memory is counted against the budget (S-68). No function uses
recursion, because the image decides how deep the tree is.
"""

from collections.abc import Iterator

from hutch.image.limits import Budget
from hutch.image.tarstream import Entry

NODE = 300  # bytes of memory for one folder, in addition to its name
DESCRIBED = 300  # bytes of memory for one entry


class Folder:
    """One folder. ``entry``: its entry in the layer. ``implied``: it was made as the parent of a
    file, and the layer has no entry for it. ``time``: its mtime in nanoseconds, if it existed
    before. ``links``: the hard links in it, by name, whose target must be in a lower layer; the
    value is the target's path.
    """

    __slots__ = ("below", "entry", "implied", "links", "time")

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.implied = False
        self.time: int | None = None
        self.links: dict[bytes, bytes] = {}
        self.below: dict[bytes, Folder] = {}


class Folders:
    """The folders of one tree, by their paths without symlinks; b"" is the root. ``budget`` counts
    the memory."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._root = Folder()
        self._held = 0

    def _hold(self, size: int) -> None:
        self._budget.hold(size)
        self._held += size

    def get(self, path: bytes) -> Folder | None:
        """The folder at ``path``; None if it is not remembered."""
        folder: Folder | None = self._root
        for part in path.split(b"/") if path else ():
            folder = folder.below.get(part) if folder else None
        return folder

    def at(self, path: bytes) -> Folder:
        """The folder at ``path``; a new, empty ``Folder`` if it was not remembered. Raises
        ImageError if this needs more memory than the budget has."""
        folder = self._root
        for part in path.split(b"/") if path else ():
            below = folder.below.get(part)
            if below is None:
                self._hold(len(part) + NODE)
                below = folder.below[part] = Folder()
            folder = below
        return folder

    def describe(self, path: bytes, entry: Entry) -> None:
        """Keeps the entry of a folder, without its name. Raises ImageError."""
        folder = self.at(path)
        xattrs = entry.xattrs or {}
        self._hold(DESCRIBED + sum(len(name) + len(value) + 200 for name, value in xattrs.items()))
        entry.name = entry.link = b""
        folder.entry, folder.implied = entry, False

    def link(self, folder: bytes, name: bytes, target: bytes) -> None:
        """Keeps a hard link that is made when the lower layers are complete. Raises ImageError."""
        self._hold(len(name) + len(target) + NODE)
        self.at(folder).links[name] = target

    def pending(self, folder: bytes, name: bytes) -> bytes | None:
        """The target of the hard link that ``link`` has kept; None if there is none."""
        known = self.get(folder)
        return known.links.get(name) if known else None

    def has_links(self, folder: bytes) -> bool:
        """Whether ``link`` has kept a hard link in the folder."""
        known = self.get(folder)
        return known is not None and bool(known.links)

    def unlink(self, folder: bytes, name: bytes) -> None:
        """Drops the hard link that ``link`` has kept, if there is one."""
        if (known := self.get(folder)) is not None:
            known.links.pop(name, None)

    def drop(self, path: bytes) -> None:
        """Drops a folder and all folders below it."""
        above, _, name = path.rpartition(b"/")
        if (known := self.get(above)) is not None:
            known.below.pop(name, None)

    def inside_out(self) -> Iterator[tuple[bytes, Folder]]:
        """Yields all folders with their paths, inner folders before outer ones."""
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
        """Whether any folder or link is remembered."""
        root = self._root
        return bool(root.below or root.links or root.implied)

    def unsettled(self) -> "Folders":
        """The folders and links that need the lower layers. All others are dropped, and their
        memory is released to the budget."""
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
        """Drops everything and releases the memory to the budget."""
        self._root = Folder()
        self._budget.release(self._held)
        self._held = 0
