"""Measures one command: wall time, processor time with its children, peak memory."""

import os
import subprocess
import tempfile
import time
from typing import NamedTuple


class Sample(NamedTuple):
    """Milliseconds of wall time and of processor time (the command's own and its children's)."""

    wall: float
    cpu: float


def measure(words: list[str]) -> Sample:
    """Runs a command to its end. Raises RuntimeError with its output if it fails."""
    null = os.open("/dev/null", os.O_RDWR)
    errors = os.memfd_create("errors")
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, null, 1),
        (os.POSIX_SPAWN_DUP2, errors, 2),
    ]
    try:
        begin = time.perf_counter()
        pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - begin
        if status != 0:
            raise RuntimeError(" ".join(words) + ": " + os.pread(errors, 4096, 0).decode())
    finally:
        os.close(null)
        os.close(errors)
    return Sample(wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


def peak_memory(words: list[str]) -> int:
    """The peak of resident memory in KiB, measured by time(1). If this process started the command
    itself, its own memory would count too."""
    with tempfile.NamedTemporaryFile("r") as answer:
        subprocess.run(
            ["/usr/bin/time", "-f", "%M", "-o", answer.name, *words],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # not a pipe: a container would hold it open
        )
        return int(answer.read())


def instructions(words: list[str]) -> int:
    """The instructions of the command, also after exec, counted by callgrind. Unlike times, they do
    not depend on the load of the machine."""
    done = subprocess.run(
        [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--trace-children=yes",
            *words,
        ],
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    lines = [line for line in done.stderr.splitlines() if "refs:" in line]
    return sum(int(line.split(":")[1].replace(",", "")) for line in lines)
