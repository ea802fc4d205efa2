"""warren's static executable: the everyday verbs need no file of Python."""

import re
import subprocess
from pathlib import Path

from tests.support.engines import Engine


def opened(engine: Engine, log: Path, *words: str) -> set[str]:
    """The files of Python that a command opens."""
    command = ["strace", "-e", "trace=openat", "-o", str(log), *engine.command(*words)]
    subprocess.run(command, env=engine.variables(), capture_output=True, check=True)
    return set(re.findall(r'"([^"]+\.pyc?)"', log.read_text()))


def test_everyday_verbs_are_carried_out_by_frozen_modules(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    name = ["--name", "quick", "--network", "none"]
    for words in (
        ["run", "-d", *name, engine.image, "sleep", "100"], ["exec", "quick", "true"], ["ps", "-a"],
        ["inspect", "quick"], ["logs", "quick"], ["port", "quick"], ["diff", "quick"],
        ["stats", "--no-stream", "quick"],
        ["images"], ["history", engine.image], ["tag", engine.image, "other"], ["rmi", "other"],
        ["volume", "create", "v"], ["volume", "ls"], ["volume", "rm", "v"], ["network", "ls"],
        ["pod", "ls"], ["system", "df"], ["info"], ["version"],
        ["stop", "-t", "0", "quick"], ["start", "quick"], ["rm", "-f", "quick"],
        ["run", "--rm", *name, engine.image, "true"],
    ):  # fmt: skip
        assert opened(engine, log, *words) == set(), words
    # The control: another verb is read from files.
    assert opened(engine, log, "system", "check") != set()
