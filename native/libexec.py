"""Builds what hutch/libexec has beside the launchers: static programs, and images of such ones."""

import subprocess
from pathlib import Path

from demo.layout import write_layout
from static_program import NATIVE, ROOT, compile_health, compile_init, compile_static

COMMIT = ROOT / "commit"  # in a source archive only
ENGINE = ("ended", "holder", "logs")


def write_programs(folder: Path, work: Path, machine: str = "") -> None:
    """Builds into ``folder``; ``work`` is for other files. The images are for a ``machine`` such as
    "x86_64", or for this one."""
    compile_init(folder / "hutch-init")
    compile_health(folder)
    for name in ENGINE:
        compile_static([NATIVE / "engine" / f"{name}.c"], folder / f"warren-{name}")
    for name, source, image in (
        ("pause", NATIVE / "engine" / "pause.c", "pause-image"),
        ("rabbit", NATIVE / "demo" / "rabbit.c", "demo-image"),
    ):
        compile_static([source], work / name)
        write_layout(work / name, folder / image, name, machine)


def commit() -> str:
    """The commit that is built, for --version: the source archive's own, or that of the checkout;
    "unknown" where there is neither."""
    if COMMIT.exists():
        return COMMIT.read_text()
    try:
        text = subprocess.check_output(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, text=True, stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return text.strip()
