"""hutch.run: a program in a container of its own, which is gone when the call returns."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from hutch.engine.sandbox.box import Box
from hutch.engine.sandbox.files import write_files
from hutch.engine.sandbox.result import Result, Usage
from hutch.engine.sandbox.roots import root_of
from hutch.engine.sandbox.settings import (
    MAX_OUTPUT,
    Content,
    Options,
    Settings,
    Source,
    command,
    deadline,
    limit_of,
    settings,
)
from hutch.engine.sandbox.shared import shared_places
from hutch.engine.sandbox.streams import STDERR, STDOUT, Kept, Streams
from hutch.errors import UsageError

if TYPE_CHECKING:
    from hutch.container.ending import Ending

Output = Callable[[str, bytes], object]


def run_program(
    wanted: Settings,
    args: Sequence[str],
    *,
    input: bytes | str | None = None,
    files: Mapping[str, Content] | None = None,
    timeout: float | None = None,
    max_output: int = MAX_OUTPUT,
    on_output: Output | None = None,
    stop: int = -1,
) -> Result:
    """Runs ``args`` with the settings. When the descriptor ``stop`` can be read, the container is
    killed. See ``hutch.run`` for the rest."""
    words, seconds, kept = command(args), deadline(timeout), Kept(limit_of(max_output))
    if files and wanted.scratch == 0:
        raise UsageError("files: without a scratch layer (scratch=0) there is no place for them")
    places = shared_places(wanted.state_root)
    root = root_of(wanted)
    streams = Streams(encoded(input))
    began = time.monotonic()
    try:
        box = Box(wanted, root, places, words, stdio=streams.stdio)
        try:
            if files:
                write_files(box, files)
            box.start()
            streams.let_go()
            timed_out = not gather(streams.chunks(box.pidfd, stop, seconds), kept, on_output)
            if timed_out or streams.stopped:
                box.kill()
            status, usage = box.wait(began)
            ooms = box.oom_kills()
            end = box.end_of(status, began, sent=sent_by(timed_out, streams.stopped))
        finally:
            box.remove()
    finally:
        streams.close()
    return result_of(status, kept, usage, end, timed_out=timed_out, ooms=ooms)


def run(
    image: Source,
    args: Sequence[str],
    *,
    input: bytes | str | None = None,
    files: Mapping[str, Content] | None = None,
    timeout: float | None = None,
    max_output: int = MAX_OUTPUT,
    on_output: Output | None = None,
    **options: Unpack[Options],
) -> Result:
    """Runs a program in a new container and waits for its end; then nothing is left of it.

    ``image`` is the name of an image, or a directory with a root file system: a path that starts
    with "/" or ".", or an object of pathlib. Neither is changed. ``args`` is the program and its
    arguments; it is looked for in PATH.

    ``input`` is its standard input (default: empty). ``files`` maps paths in the container to
    contents: bytes, a text, or an object of pathlib, which names a file of the host. ``timeout`` is
    in seconds; then all processes of the container are killed. ``max_output`` is how many bytes
    are kept of each of stdout and stderr; the rest is read and dropped. ``on_output`` is called
    with "stdout" or "stderr" and each piece of the output as it comes. ``options`` are those of
    settings.Options.

    Raises UsageError for an argument, ImageError or RegistryError for the image, KernelError or
    HostError if the host cannot run it; KernelError or ConfigError, too, if the program does not
    exist. A program that fails is no error: see Result.
    """
    return run_program(
        settings(image, **options),
        args,
        input=input,
        files=files,
        timeout=timeout,
        max_output=max_output,
        on_output=on_output,
    )


def encoded(input: bytes | str | None) -> bytes | None:
    return input.encode() if isinstance(input, str) else input


def gather(chunks: Iterator[tuple[str, bytes]], kept: Kept, told: Output | None) -> bool:
    """Keeps all chunks, and passes them on to ``told``. Returns False if the time was over."""
    try:
        for name, data in chunks:
            kept.add(name, data)
            if told is not None:
                told(name, data)
    except TimeoutError:
        return False
    return True


def sent_by(timed_out: bool, stopped: bool) -> str:
    """Who has killed the program (container.ending.SENT); "" if we have not."""
    from hutch.container.ending import CALLER, TIMEOUT

    return TIMEOUT if timed_out else CALLER if stopped else ""


def result_of(
    status: int, kept: Kept, usage: Usage, end: "Ending", *, timed_out: bool, ooms: int
) -> Result:
    """The result of a wait status (waitpid(2))."""
    signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = 128 + signal if signal else os.WEXITSTATUS(status)
    return Result(
        code, kept.of(STDOUT), kept.of(STDERR), signal, timed_out, ooms > 0, kept.truncated, usage,
        end,
    )  # fmt: skip
