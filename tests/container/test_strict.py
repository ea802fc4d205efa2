"""--strict: hutch follows the specification where it otherwise follows runc."""

from pathlib import Path

import pytest

from tests.support.containers import Bundle, Runtime, eventually

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]


def test_with_strict_a_created_container_is_not_deleted(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("sleep", "1000")
    hutch("create", "--bundle", str(bundle.path), "test")
    before = hutch.state("test")
    assert "not stopped: created" in hutch.refuses("--strict", "delete", "test")
    assert hutch.state("test") == before
    hutch("start", "test")
    assert hutch.state("test")["status"] == "running"


def test_with_strict_a_stopped_container_is_deleted(hutch: Runtime, bundle: Bundle) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    hutch("kill", "test", "KILL")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    hutch("--strict", "delete", "test")
    assert hutch.ids() == []


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_with_strict_hooks_of_create_read_the_status_created(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, kind: str
) -> None:
    seen = tmp_path / "seen"
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat > {seen}"]}
    bundle.change(lambda config: config.update(hooks={kind: [hook]}))
    for flags, status in ((["--strict"], "created"), ([], "creating")):
        hutch(*flags, "create", "--bundle", str(bundle.path), "test")
        assert f'"status":"{status}"' in seen.read_text().replace(" ", "")
        hutch("delete", "test")


def test_with_strict_a_container_without_a_process_is_created_but_not_started(
    hutch: Runtime, bundle: Bundle
) -> None:
    bundle.change(lambda config: config.pop("process"))
    assert "process: is missing" in hutch.refuses("create", "--bundle", str(bundle.path), "test")
    hutch("--strict", "create", "--bundle", str(bundle.path), "test")
    assert "process: is missing" in hutch.refuses("start", "test")
    assert hutch.state("test")["status"] == "created"


@pytest.mark.parametrize(("version", "ends"), [("1.2.1", False), ("1.3.0", True)])
def test_with_strict_the_configs_version_decides_about_a_failing_poststart_hook(
    hutch: Runtime, bundle: Bundle, tmp_path: Path, version: str, ends: bool
) -> None:
    second = tmp_path / "second"
    bundle.args("sleep", "1000")
    hooks = [{"path": "/bin/false"}, {"path": "/bin/touch", "args": ["touch", str(second)]}]
    bundle.change(lambda config: config.update(ociVersion=version, hooks={"poststart": hooks}))
    hutch("--strict", "create", "--bundle", str(bundle.path), "test")
    done = hutch("start", "test", check=False)
    assert (done.code, "hooks.poststart[0]" in done.err) == (int(ends), True)
    assert second.exists() != ends
    assert ("test" in hutch.ids()) != ends


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev"])
def test_before_1_1_an_unknown_capability_is_an_error(
    hutch: Runtime, bundle: Bundle, version: str
) -> None:
    def change(config: dict) -> None:  # type: ignore[type-arg]
        config["ociVersion"] = version
        config["process"]["capabilities"]["permitted"].append("CAP_RABBIT")

    bundle.change(change)
    error = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "process.capabilities.permitted[" in error
    assert "CAP_RABBIT" in error


def test_with_strict_the_default_umask_is_the_callers(hutch: Runtime, bundle: Bundle) -> None:
    """config.md "umask": "If unspecified, the umask should not be changed"."""
    bundle.args("sh", "-c", "umask")
    words = ["run", "--bundle", str(bundle.path), "test"]
    assert hutch("--strict", *words, umask=0o027).out == "0027\n"
    assert hutch(*words, umask=0o027).out == "0022\n"
