"""Containers whose system calls are explained or recorded (hutch.container.cold.seccomp)."""

import json
from pathlib import Path
from typing import Any

from hutch.kernel.libseccomp import call_names, native

from tests.support.containers import Bundle, Runtime


def explained(
    runtime: Runtime, bundle: Bundle, *words: str, code: int = 0
) -> tuple[list[dict[str, Any]], str]:
    """Runs with --seccomp-explain; (the lines of its JSON log, what the program has written)."""
    log = bundle.path / "log"
    log.unlink(missing_ok=True)
    done = runtime(
        "--log", str(log), "--log-format", "json", "run", "--seccomp-explain",
        "--bundle", str(bundle.save().path), *words, "test", check=False,
    )  # fmt: skip
    assert done.code == code, done.err
    return [json.loads(line) for line in log.read_text().splitlines()], done.out


def filtered(bundle: Bundle, *entries: dict[str, Any], **fields: Any) -> None:
    bundle.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": list(entries),
        **fields,
    }


def profile_of(file: Path) -> dict[str, Any]:
    profile: dict[str, Any] = json.loads(file.read_text())
    return profile


def names_in(file: Path) -> set[str]:
    return {
        name
        for entry in profile_of(file)["syscalls"]
        if entry["action"] == "SCMP_ACT_ALLOW"
        for name in entry["names"]
    }


def names_of_all() -> set[str]:
    return set(call_names(native()).values())


def record(
    runtime: Runtime, bundle: Bundle, file: Path, *words: str, id: str = "test", **options: Any
) -> Any:
    return runtime(
        "seccomp", "record", "-o", str(file), "-b", str(bundle.save().path), *words, id, **options
    )
