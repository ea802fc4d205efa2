"""maskedPaths and readonlyPaths: existing paths are covered, in every spelling of the path."""

from collections.abc import Callable

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

Run = Callable[..., Outcome]

READ = "cat /etc/secret && echo reached"
WRITE = "echo x >> /etc/secret; echo reached"
LAYERS = "grep -c ' /etc/secret ' /proc/self/mountinfo"
SPELLINGS = (
    "/etc/secret/", "/etc/secret//", "/etc/secret/.", "/etc//secret", "/./etc/secret/./",
    "/etc/link", "/etc/link/", "/etc/folder/../secret",
)  # fmt: skip


@pytest.fixture
def image(bundle: Bundle) -> Bundle:
    """A bundle with a secret that its container may read and write, and with links to it."""
    etc = bundle.rootfs / "etc"
    (etc / "secret").write_text("secret\n")
    (etc / "folder").mkdir()
    (etc / "link").symlink_to("secret")
    (etc / "loop").symlink_to("loop")
    (etc / "dangling").symlink_to("nosuch")
    bundle.config["root"]["readonly"] = False
    bundle.config["linux"]["maskedPaths"] = []
    bundle.config["linux"]["readonlyPaths"] = []
    return bundle.save()


def covered(bundle: Bundle, field: str, *paths: str) -> None:
    bundle.config["linux"][field] = list(paths)
    bundle.save()


@pytest.mark.parametrize("path", SPELLINGS)
def test_s25_a_path_is_masked_however_it_is_written(run: Run, image: Bundle, path: str) -> None:
    assert run(READ).lines == ["secret", "reached"]
    covered(image, "maskedPaths", path)
    assert run(READ).lines == ["reached"]


@pytest.mark.parametrize("path", SPELLINGS)
def test_s25_a_path_is_read_only_however_it_is_written(run: Run, image: Bundle, path: str) -> None:
    assert run(WRITE).err == ""
    covered(image, "readonlyPaths", path)
    done = run(WRITE)
    assert done.out == "reached\n"
    assert "Read-only file system" in done.err


@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [("/etc/secret/below", "not a directory"), ("/etc/loop", "too many levels of symbolic links"),
     ("/etc/secret/..", "not a directory"), ("/etc/loop/x", "too many levels of symbolic links")],
)  # fmt: skip
def test_s25_a_path_that_cannot_be_checked_fails_the_container(
    run: Run, hutch: Runtime, image: Bundle, field: str, path: str, reason: str
) -> None:
    assert run(READ).lines[-1] == "reached"
    covered(image, field, path)
    error = hutch.refuses("run", "-b", str(image.path), "test")
    assert f"linux.{field}[0]" in error
    assert reason in error


@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("path", ["/nosuch", "/nosuch/below", "/etc/dangling"])
def test_a_missing_path_is_ignored(run: Run, image: Bundle, field: str, path: str) -> None:
    covered(image, field, path)
    assert run(READ).lines == ["secret", "reached"]


@pytest.mark.parametrize("path", ["/", "//", "/.", "/etc/..", "/top"])
def test_s25_the_root_can_be_made_read_only_but_not_be_masked(
    run: Run, hutch: Runtime, image: Bundle, path: str
) -> None:
    (image.rootfs / "top").symlink_to("/")
    assert run(WRITE).err == ""
    covered(image, "readonlyPaths", path)
    done = run(WRITE)
    assert done.out == "reached\n"
    assert "Read-only file system" in done.err
    covered(image, "readonlyPaths")
    covered(image, "maskedPaths", path)
    assert "the container's root cannot be hidden" in hutch.refuses(
        "run", "-b", str(image.path), "test"
    )


def test_a_mount_of_the_root_file_system_is_not_the_root(run: Run, image: Bundle) -> None:
    image.config["mounts"].append(
        {"destination": "/again", "source": str(image.rootfs), "options": ["bind"]}
    )
    covered(image, "maskedPaths", "/again")
    assert run("ls -A /again; cat /etc/secret").lines == ["secret"]


@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_a_path_that_is_listed_twice_is_covered_once(run: Run, image: Bundle, field: str) -> None:
    covered(image, field, "/etc/secret", "/etc/secret", "/etc//secret/")
    assert run(LAYERS).lines == ["1"]
