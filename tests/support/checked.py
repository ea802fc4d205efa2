"""Parts of a config, checked as the whole one is."""

from typing import Any

from hutch.spec.check import check


def checked_linux(**linux: Any) -> Any:
    """``linux`` of a config that has nothing else in it. Raises ConfigError."""
    config, _ = check({"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "linux": linux})
    return config["linux"]
