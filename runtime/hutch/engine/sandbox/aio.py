"""The same for asyncio: hutch.run_async and hutch.AsyncSandbox.

A call runs in a thread of its own, since it makes system calls that wait. If its task is cancelled,
the container is killed, and the task goes on when nothing is left of it.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TypeVar, Unpack

from hutch.engine.sandbox.process import Process
from hutch.engine.sandbox.result import Result
from hutch.engine.sandbox.run import Output, run_program
from hutch.engine.sandbox.sandbox import Sandbox, Snapshot
from hutch.engine.sandbox.settings import MAX_OUTPUT, Content, Options, Source, settings
from hutch.errors import StateError

T = TypeVar("T")


async def in_thread(
    call: Callable[[], T],
    *,
    stop: Callable[[], object] | None = None,
    undo: Callable[[T], object] | None = None,
) -> T:
    """The result of a call in a thread of its own: a thread of asyncio's pool would not be free for
    others while a program runs.

    If the task is cancelled, ``stop`` is called, so that the call ends soon. It is waited for; what
    it has made is given to ``undo``.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(future.set_result, call())
        except BaseException as error:
            settle = partial(future.set_exception, error)
        loop.call_soon_threadsafe(settle)

    threading.Thread(target=work, daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        while not future.done():
            with suppress(asyncio.CancelledError):  # cancelled once more
                await asyncio.wait([future])
        if future.exception() is None and undo is not None:
            await in_thread(partial(undo, future.result()))
        raise


class _Stop:
    """A descriptor that can be read once ``set`` was called."""

    def __enter__(self) -> "_Stop":
        self.fd = os.eventfd(0, os.EFD_CLOEXEC)
        return self

    def set(self) -> None:
        os.eventfd_write(self.fd, 1)

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def _in_loop(told: Output | None) -> Output | None:
    """``on_output`` is called in the thread of the event loop."""
    if told is None:
        return None
    loop = asyncio.get_running_loop()
    return lambda name, data: loop.call_soon_threadsafe(told, name, data)


async def run_async(
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
    """``hutch.run`` for asyncio, with the same arguments and errors. If the task is cancelled, the
    container is killed, and nothing is left of it when CancelledError is raised. ``on_output`` is
    called by the event loop."""
    wanted = settings(image, **options)
    told = _in_loop(on_output)
    with _Stop() as stop:
        call = partial(
            run_program,
            wanted,
            args,
            input=input,
            files=files,
            timeout=timeout,
            max_output=max_output,
            on_output=told,
            stop=stop.fd,
        )
        return await in_thread(call, stop=stop.set)


class AsyncSandbox:
    """``hutch.Sandbox`` for asyncio.

        async with hutch.AsyncSandbox("debian:12") as box:
            results = await asyncio.gather(*(box.run(["sh", "-c", line]) for line in lines))

    The methods are those of ``Sandbox``. If a task is cancelled while ``run`` or ``stream`` waits
    for a program, that program is killed; the others go on.
    """

    def __init__(self, image: Source, **options: Unpack[Options]) -> None:
        """Nothing is started before ``async with`` or ``open``. Raises UsageError."""
        settings(image, **options)
        self._make = partial(Sandbox, image, **options)
        self._sandbox: Sandbox | None = None

    async def open(self) -> "AsyncSandbox":
        """Starts the container. Raises what ``hutch.run`` raises."""
        self._sandbox = await in_thread(self._make, undo=Sandbox.close)
        return self

    async def __aenter__(self) -> "AsyncSandbox":
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all processes and removes the container and its files."""
        if self._sandbox is not None:
            await in_thread(self._sandbox.close)

    def _opened(self) -> Sandbox:
        if self._sandbox is None:
            raise StateError("the sandbox was not opened", hint="use it in `async with`")
        return self._sandbox

    async def run(
        self,
        args: Sequence[str],
        *,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        max_output: int = MAX_OUTPUT,
        on_output: Output | None = None,
    ) -> Result:
        """``Sandbox.run``. ``on_output`` is called by the event loop."""
        sandbox, told = self._opened(), _in_loop(on_output)
        with _Stop() as stop:

            def call() -> Result:
                process = sandbox.start(
                    args, input=input, env=env, user=user, workdir=workdir, max_output=max_output,
                    stop=stop.fd,
                )  # fmt: skip
                return process.wait(timeout, on_output=told)

            return await in_thread(call, stop=stop.set)

    async def stream(
        self,
        args: Sequence[str],
        *,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | int | None = None,
        workdir: str | None = None,
    ) -> AsyncGenerator[tuple[str, bytes], None]:
        """Runs a program and gives ("stdout" or "stderr", bytes) as they come. The program is
        killed if the iteration ends before it."""
        start = partial(
            self._opened().start, args, input=input, env=env, user=user, workdir=workdir,
            max_output=0,
        )  # fmt: skip
        with _Stop() as stop:
            process = await in_thread(partial(start, stop=stop.fd), undo=Process.close)
            pieces = iter(process)
            try:
                step = partial(next, pieces, None)
                while (piece := await in_thread(step, stop=stop.set)) is not None:
                    yield piece
            finally:
                await in_thread(process.close)

    async def put(self, files: Mapping[str, Content]) -> None:
        """``Sandbox.put``."""
        await in_thread(partial(self._opened().put, files))

    async def get(self, path: str, *, limit: int = MAX_OUTPUT) -> bytes:
        """``Sandbox.get``."""
        return await in_thread(partial(self._opened().get, path, limit=limit))

    async def snapshot(self) -> Snapshot:
        """``Sandbox.snapshot``."""
        return await in_thread(self._opened().snapshot)

    async def restore(self, snapshot: Snapshot) -> None:
        """``Sandbox.restore``."""
        await in_thread(partial(self._opened().restore, snapshot))
