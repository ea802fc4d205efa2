"""A session as a user of Docker types it: push to a registry, run from it."""

import pytest

from tests.support.engines import Engine, eventually

pytestmark = pytest.mark.root


def test_run_pulls_what_is_missing(engine: Engine, registry: str) -> None:
    name = f"{registry}/team/box:1"
    engine.ok("tag", engine.image, name)
    engine.ok("push", name)
    engine.ok("rmi", "-f", name, engine.image)
    assert engine.ok("images", "-q") == ""
    assert "no such image" in engine.run("run", "--pull", "never", name).stderr
    done = engine.run("run", "--rm", *engine.create(name, "echo", "hello"))
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "Unable to find image" in done.stderr
    done = engine.run("run", "--rm", "-q", "--pull", "always", *engine.create(name, "echo", "x"))
    assert (done.returncode, done.stdout) == (0, "x\n")
    id = engine.start("--name", "web", "-v", "data:/data", name, "sh", "-c", "echo up; sleep 99")
    eventually(lambda: engine.ok("logs", "web") == "up\n")
    assert engine.ok("exec", "web", "cat", "/data/kept") == "of the image\n"
    assert id[:12] in engine.ok("ps")
    assert "used by container" in engine.fails("rmi", name)
    engine.ok("rm", "-f", "web")
    engine.ok("rmi", name)
