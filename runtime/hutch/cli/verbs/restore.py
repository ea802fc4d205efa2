"""hutch restore."""

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.cli.verbs.checkpoint import images_of
from hutch.cli.verbs.create import rootless
from hutch.container.container import Container
from hutch.container.signalfd import raise_on_signals
from hutch.errors import HutchError


def run(call: Call, log: Log) -> int:
    raise_on_signals()
    images = images_of(call)
    images.options["lsm_profile"] = call.text("lsm-profile")
    images.options["lsm_mount_context"] = call.text("lsm-mount-context")
    if call.has("no-pivot"):
        means = "--no-pivot means nothing to restore: CRIU changes the root in its own way"
        log.warning(HutchError(means))
    return Container.restore(
        call.arguments[0],
        call.text("bundle", "."),
        images,
        root=call.options.get("root"),
        detach=call.has("detach"),
        subreaper=not call.has("no-subreaper"),
        pid_file=call.text("pid-file"),
        console_socket=call.text("console-socket"),
        no_pivot=call.has("no-pivot"),
        systemd_cgroup=bool(call.options.get("systemd-cgroup")),
        rootless=rootless(call),
        warn=log.warning,
    )
