"""How much room a tree of files takes."""

import os


def tree_size(top: str) -> int:
    """The bytes of all files below; a file with several names counts once."""
    total, seen = 0, set()
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                status = os.lstat(os.path.join(folder, name))
            except OSError:
                continue
            if status.st_nlink == 1 or status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_size
    return total
