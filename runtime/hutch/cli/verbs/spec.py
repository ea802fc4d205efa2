"""hutch spec."""

import posix

from hutch.cli.arguments import Call
from hutch.cli.log import Log
from hutch.container.store import absolute, write_file
from hutch.errors import StateError
from hutch.spec.default import default_config
from hutch.spec.json import pretty


def run(call: Call, log: Log) -> int:
    from hutch.cgroups.layout import read

    path = absolute(call.text("bundle", ".")) + "/config.json"
    try:
        posix.lstat(path)
    except OSError:
        pass
    else:
        raise StateError(
            "File " + path + " exists. Remove it first", hint="or give another --bundle"
        )
    config = default_config(
        rootless=call.has("rootless"),
        cgroup_v2=read().mode == "v2",
        uid=posix.geteuid(),
        gid=posix.getegid(),
    )
    write_file(path, (pretty(config, "\t") + "\n").encode(), 0o644)
    return 0
