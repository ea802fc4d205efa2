"""The floor of a pull: the processor time of each part of the work alone, done by C in one thread.

All that a pull does is read, hash, decompress and write bytes, and make files. OpenSSL hashes, isal
and zstd decompress, write(2) writes the blobs, and GNU tar makes the files.
"""

import hashlib
import os
import resource
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

from hutch.image.inflate import compression, inflate

PIECE = 512 << 10
TRIES = 3


def pieces(data: bytes) -> Iterator[bytes]:
    """``data`` in pieces, as they come from a registry."""
    return (data[at : at + PIECE] for at in range(0, len(data), PIECE))


def seconds(work: Callable[[], None]) -> float:
    """The least processor time of some tries, of this process and the children it waited for."""
    found = []
    for _ in range(TRIES):
        before = spent()
        work()
        found.append(spent() - before)
    return min(found)


def spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def floor(blobs: list[bytes], layers: list[bytes], folder: Path) -> dict[str, float]:
    """{part: processor time in seconds} for an image with these blobs and uncompressed layers;
    files are made in ``folder``."""
    blobs = [blob for blob in blobs if compression(blob) != "tar"]  # without the documents

    def hash_all(parts: list[bytes]) -> None:
        for part in parts:
            hashlib.sha256(part).digest()

    def decompress() -> None:
        for blob in blobs:
            for _ in inflate(pieces(blob), "tar"):
                pass

    def receive() -> None:
        for blob in blobs:
            ours, theirs = socket.socketpair()
            sender = Thread(target=send, args=(theirs, blob))
            sender.start()
            while ours.recv(PIECE):
                pass
            sender.join()
            ours.close()

    def send(theirs: socket.socket, blob: bytes) -> None:
        theirs.sendall(blob)
        theirs.close()

    def write() -> None:
        for blob in blobs:
            fd = os.open(folder / "blob", os.O_WRONLY | os.O_CREAT)
            for piece in pieces(blob):
                os.write(fd, piece)
            os.close(fd)
            os.unlink(folder / "blob")

    for number, layer in enumerate(layers):
        (folder / f"layer{number}.tar").write_bytes(layer)

    def unpack() -> None:
        for number in range(len(layers)):
            place = folder / f"tree{os.urandom(4).hex()}"
            place.mkdir()
            archive = folder / f"layer{number}.tar"
            subprocess.run(["tar", "xpf", archive, "-C", place], check=True)

    parts = {
        "receive, and send, on a socket": seconds(receive),
        "SHA-256 of the blobs": seconds(lambda: hash_all(blobs)),
        "write the blobs": seconds(write),
        "decompress": seconds(decompress),
        "SHA-256 of the layers": seconds(lambda: hash_all(layers)),
        "unpack the layers (GNU tar)": seconds(unpack),
    }
    for path in folder.glob("layer*.tar"):
        path.unlink()
    for path in folder.glob("tree*"):
        shutil.rmtree(path)
    return parts


def beside_floor(parts: dict[str, float], cpu: float, wall: float) -> str:
    """A table of the floor, and how near a pull of warren comes to it. All is in seconds."""
    total = sum(parts.values())
    processors = os.cpu_count() or 1
    at_once = total / processors
    lines = ["| the floor | processor s |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in parts.items()]
    lines += [
        f"| together; on {processors} processors at once {at_once:.2f} s | {total:.2f} |",
        "",
        f"warren pull takes {cpu / total:.2f} of the floor's processor time, and"
        f" {wall / at_once:.2f} of its time on {processors} processors at once.",
    ]
    return "\n".join(lines) + "\n"
