"""Where ext4 puts the folders of layers.

ext4 puts a new file near its folder. It does not use an inode again for one to five minutes after
the file was deleted, but looks at each such inode of the place again for each new file
(``recently_deleted`` in fs/ext4/ialloc.c). So a pull after a store was deleted spent most of its
time there: to make 11,000 files took 5 s instead of 0.6 s, with GNU tar as with warren.
"""

import os
from array import array
from fcntl import ioctl
from pathlib import Path
from struct import calcsize
from time import perf_counter_ns

# <linux/fs.h>: _IOR('f', 1, long) and _IOW('f', 2, long), although the argument is an int.
GET_FLAGS = 2 << 30 | calcsize("l") << 16 | ord("f") << 8 | 1
SET_FLAGS = 1 << 30 | calcsize("l") << 16 | ord("f") << 8 | 2
TOP_FOLDER = 0x20000  # FS_TOPDIR_FL
PLACES = 4  # to choose from
PROBES = 3  # files made in each; other processes can delay one


def folder_in_new_place(parent: Path, name: str) -> Path:
    """Makes a folder in ``parent`` whose name begins with ``name``.

    On ext4 it is far from the other folders in ``parent``, and of some such places it is the one
    in which a new file is made fastest.
    """
    places = PLACES if spread_folders(parent) else 1
    folders = [parent / f"{name}.{os.urandom(4).hex()}" for _ in range(places)]
    for folder in folders:
        folder.mkdir()
    best = min(folders, key=_time_of_a_file) if places > 1 else folders[0]
    for folder in folders:
        if folder != best:
            folder.rmdir()
    return best


def spread_folders(parent: Path) -> bool:
    """Asks the file system to put each new folder in ``parent``, with the files in it, into a place
    of its own: one with few folders (chattr(1), "T"). False if it has no such flag."""
    fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        flags = array("i", [0])
        ioctl(fd, GET_FLAGS, flags)
        if not flags[0] & TOP_FOLDER:
            ioctl(fd, SET_FLAGS, array("i", [flags[0] | TOP_FOLDER]))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _time_of_a_file(folder: Path) -> int:
    """The nanoseconds in which a file is made in ``folder``; the file is removed."""
    times = []
    for _ in range(PROBES):
        begin = perf_counter_ns()
        fd = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        times.append(perf_counter_ns() - begin)
        os.close(fd)
        os.unlink(folder / "probe")
    return min(times)
