"""Measures one command: wall time, processor time with its children, page faults, memory."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PATIENCE = 120  # seconds for one command under valgrind


class Sample(NamedTuple):
    """Milliseconds of wall time and of processor time, and the page faults that need no disk; the
    last two are of the command itself and of the children that it has waited for (getrusage(2))."""

    wall: float
    cpu: float
    faults: float


def total(samples: list[Sample]) -> Sample:
    """The sum of several commands."""
    return Sample(*(sum(parts) for parts in zip(*samples, strict=True)))


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
    return Sample(wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_minflt)


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


def counters() -> bool:
    """Whether perf(1) can count instructions: virtual machines often have no counters."""
    if not shutil.which("perf"):
        return False
    return counted(["/bin/true"]) is not None


def counted(words: list[str]) -> "int | None":
    """The instructions in user mode of a command and its children, counted by the processor; None
    where the kernel has no counter for them."""
    with tempfile.NamedTemporaryFile("r") as answer:
        perf = ["perf", "stat", "--field-separator=,", "--event=instructions:u", "--output"]
        subprocess.run(
            [*perf, answer.name, "--", *words],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for line in answer.read().splitlines():
            number = line.partition(",")[0]
            if number.isdigit():
                return int(number)
    return None


def instructions(words: list[str]) -> "int | None":
    """The instructions of the command, also after exec, counted by callgrind. Unlike times, they do
    not depend on the load of the machine. None if valgrind cannot run the command: it does not know
    each call of the kernel."""
    with tempfile.NamedTemporaryFile("r") as log:
        words = [
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
            "--trace-children=yes", f"--log-file={log.name}", *words,
        ]  # fmt: skip
        null = subprocess.DEVNULL
        try:
            done = subprocess.run(
                words, check=False, stdin=null, stdout=null, stderr=null, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            return None
        lines = [line for line in log.read().splitlines() if "refs:" in line]
    if done.returncode:
        return None
    return sum(int(line.split(":")[1].replace(",", "")) for line in lines)


def available_memory() -> int:
    """What the kernel can give without swapping, in KiB (proc(5), meminfo)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1])
    return 0
