"""hutch.run_async and hutch.AsyncSandbox."""

import asyncio

import hutch
import pytest

from tests.support.sandboxes import Sandboxes

pytestmark = pytest.mark.root


def test_run_async(sandbox: Sandboxes) -> None:
    async def work() -> None:
        pieces: list[tuple[str, bytes]] = []

        async def one(number: int) -> str:
            script = f"cat; sleep 0.2; cat /f; echo {number}"
            result = await hutch.run_async(
                sandbox.rootfs, ["sh", "-c", script], input="in ", files={"/f": "file "},
                on_output=lambda name, data: pieces.append((name, data)), **sandbox.options(),
            )  # fmt: skip
            return result.text

        assert await asyncio.gather(*map(one, range(4))) == [f"in file {n}\n" for n in range(4)]
        assert b"".join(data for _, data in pieces).count(b"in ") == 4
        short = await hutch.run_async(
            sandbox.rootfs, ["sleep", "1000"], timeout=0.2, max_output=5, **sandbox.options()
        )
        assert short.timed_out
        with pytest.raises(hutch.UsageError, match="memory"):
            await hutch.run_async(sandbox.rootfs, ["true"], memory="lots")
        with pytest.raises(hutch.HutchError, match="nosuch"):
            await hutch.run_async(sandbox.rootfs, ["nosuch"], **sandbox.options())

    asyncio.run(work())


def test_cancellation_kills_the_container(sandbox: Sandboxes) -> None:
    """When the task has ended, nothing is left."""

    async def work() -> None:
        up = asyncio.Event()
        task = asyncio.create_task(
            hutch.run_async(
                sandbox.rootfs,
                ["sh", "-c", "trap '' TERM; echo up; sleep 1000"],
                on_output=lambda *_: up.set(),
                **sandbox.options(),
            )
        )
        await up.wait()
        assert len(sandbox.left()) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sandbox.left() == []

    asyncio.run(work())


def test_async_sandbox(sandbox: Sandboxes) -> None:
    async def work() -> None:
        with pytest.raises(hutch.StateError, match="opened"):
            await hutch.AsyncSandbox(sandbox.rootfs, **sandbox.options()).run(["true"])
        async with hutch.AsyncSandbox(sandbox.rootfs, **sandbox.options()) as box:
            results = await asyncio.gather(*(box.run(["cat"], input=str(n)) for n in range(4)))
            assert [result.text for result in results] == list("0123")
            await box.put({"/tmp/file": "one"})
            assert await box.get("/tmp/file") == b"one"
            snapshot = await box.snapshot()
            told: list[bytes] = []
            script = "echo $A; id -u; pwd"
            result = await box.run(
                ["sh", "-c", script], env={"A": "b"}, user="guest", workdir="/var", max_output=2,
                on_output=lambda _, data: told.append(data),
            )  # fmt: skip
            assert (result.stdout, result.truncated) == (b"b\n", True)
            assert b"".join(told).split() == [b"b", b"1000", b"/var"]
            await box.run(["rm", "/tmp/file"])
            await box.restore(snapshot)
            assert await box.get("/tmp/file") == b"one"
            seen = [piece async for piece in box.stream(["sh", "-c", "cat; echo e >&2"], input="a")]
            assert sorted(seen) == [("stderr", b"e\n"), ("stdout", b"a")]
            assert (await box.run(["sleep", "1000"], timeout=0.2)).timed_out

    asyncio.run(work())


def test_cancellation_kills_the_program_only(sandbox: Sandboxes) -> None:
    async def work() -> None:
        async with hutch.AsyncSandbox(sandbox.rootfs, **sandbox.options()) as box:
            await box.run(["sh", "-c", "sleep 111 &"])
            up = asyncio.Event()
            program = ["sh", "-c", "echo up; sleep 222"]
            task = asyncio.create_task(box.run(program, on_output=lambda *_: up.set()))
            await up.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

            async def read() -> None:
                async for _ in box.stream(["sh", "-c", "echo up; sleep 333"]):
                    up.set()

            up.clear()
            reader = asyncio.create_task(read())
            await up.wait()
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            stream = box.stream(["sh", "-c", "echo up; sleep 444"])
            assert await anext(stream) == ("stdout", b"up\n")
            await stream.aclose()
            lines = (await box.run(["ps"])).text
            assert "sleep 111" in lines
            assert not [n for n in (222, 333, 444) if f"sleep {n}" in lines]

    asyncio.run(work())
