"""Writes the page for a bundle, or for what a container was made with, to a file."""

import os
from typing import TYPE_CHECKING

from hutch.cli.cold.explain_html.page import page
from hutch.cli.cold.explain_html.times import read_times
from hutch.container.explain import planned
from hutch.container.store import open_for_writing
from hutch.plan.steps import steps
from hutch.spec.json import decode
from hutch.spec.load import read_bundle

if TYPE_CHECKING:
    from hutch.container.request import Request


def write_page(asked: "Request", path: str, trace: str) -> None:
    """Writes the page of a request to the file ``path`` ("-": standard output). ``trace`` is the
    file of a trace ("": none). Raises HutchError; then the file is as it was."""
    content = asked.config[1] if asked.config else read_bundle(asked.bundle)
    times = read_times(trace) if trace else None
    plan = planned(asked)
    rows = steps(plan, pid_file=asked.pid_file, pidfd_socket=asked.pidfd_socket)
    text = page(asked.bundle, decode(content, "config.json"), plan, rows, times)
    fd = 1 if path == "-" else open_for_writing(path, os.O_TRUNC, "the page")
    with os.fdopen(fd, "wb", closefd=fd != 1) as file:
        file.write(text.encode())
