"""Checks parts of a config in the same way as a complete config."""

from typing import Any

from hutch.spec.check import check


def checked_linux(**linux: Any) -> Any:
    """Checks a config that has only ``linux``, and returns this part. Raises ConfigError."""
    config, _ = check({"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "linux": linux})
    return config["linux"]
