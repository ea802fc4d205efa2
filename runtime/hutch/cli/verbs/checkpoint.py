"""hutch checkpoint."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.checkpoint import CLONE_NEWNET, Images
from hutch.container.container import Container
from hutch.container.criu.messages import CGROUP_MODES
from hutch.container.store import absolute
from hutch.errors import UsageError

# Switches that are CRIU's options of the same name.
SWITCHES = (
    "auto-dedup",
    "ext-unix-sk",
    "file-locks",
    "lazy-pages",
    "leave-running",
    "link-remap",
    "shell-job",
    "tcp-established",
    "tcp-skip-in-flight",
)


def run(call: Call, log: Log) -> int:
    if not call.text("image-path", "checkpoint"):
        raise UsageError("--image-path is empty")
    images = images_of(call)
    images.options["parent_img"] = call.text("parent-path")
    if call.text("page-server"):
        images.options["ps"] = _page_server(call.text("page-server"))
    elif call.has("lazy-pages"):
        raise UsageError(
            "--lazy-pages needs --page-server", hint="where the pages can be had: ADDRESS:PORT"
        )
    if call.text("status-fd"):
        images.options["status_fd"] = _descriptor(call)
    container = Container(call.arguments[0], call.options.get("root"))
    container.checkpoint(images, pre_dump=call.has("pre-dump"), warn=log.warning)
    return 0


def images_of(call: Call) -> Images:
    """The directories and CRIU options from the flags that checkpoint and restore share. Raises
    UsageError."""
    path = absolute(call.text("image-path", "checkpoint"))
    work = call.text("work-path")
    switches = [name.replace("-", "_") for name in SWITCHES if call.has(name)]
    options: dict[str, object] = dict.fromkeys(switches, True)
    mode = call.text("manage-cgroups-mode", "soft")
    if mode not in CGROUP_MODES:
        raise UsageError("invalid manage-cgroups-mode: " + mode, hint=", ".join(CGROUP_MODES))
    options["manage_cgroups"] = mode != "ignore"
    options["manage_cgroups_mode"] = CGROUP_MODES[mode]
    for name in call.many("empty-ns"):
        if name != "network":
            raise UsageError("--empty-ns " + name + " is not supported", hint="network is")
        options["empty_ns"] = CLONE_NEWNET
    return Images(path, absolute(work) if work else path, options)


def _page_server(text: str) -> "dict[str, object]":
    address, colon, port = text.rpartition(":")
    digits = port.isascii() and port.isdigit() and len(port) < 6
    if not colon or not address or not (digits and 0 < int(port) < 1 << 16):
        raise UsageError("--page-server takes ADDRESS:PORT, not " + repr(text))
    return {"address": address.strip("[]"), "port": int(port)}


def _descriptor(call: Call) -> int:
    number = call.number("status-fd")
    try:
        posix.fstat(number)
    except (OSError, OverflowError):
        raise UsageError(f"--status-fd: {number} is not an open descriptor") from None
    return number
