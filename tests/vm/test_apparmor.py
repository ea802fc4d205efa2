"""AppArmor profiles in force: at create and at exec, enforcing and complaining."""

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.containers import Bundle, Outcome, Runtime

pytestmark = [pytest.mark.root, pytest.mark.vm]

PROFILE = """
profile hutch-test-{name} flags=({flags}) {{
  file,
  capability,
  signal,
  deny /etc/secret r,
}}
"""
CURRENT = "cat /proc/self/attr/current"


def load(text: str, option: str = "--replace") -> None:
    subprocess.run(["apparmor_parser", "--skip-cache", option], input=text, text=True, check=True)


@pytest.fixture(scope="module", autouse=True)
def profiles() -> Iterator[None]:
    """hutch-test-enforce and hutch-test-complain, which deny /etc/secret."""
    base = "attach_disconnected,mediate_deleted"
    texts = [
        PROFILE.format(name="enforce", flags=base),
        # What is denied explicitly is denied in complain mode too.
        PROFILE.format(name="complain", flags=base + ",complain")
        .replace("  file,\n", "")
        .replace("  deny /etc/secret r,\n", ""),
    ]
    for text in texts:
        load(text)
    yield
    for text in texts:
        load(text, "--remove")


@pytest.fixture
def secret(bundle: Bundle) -> Bundle:
    (bundle.rootfs / "etc" / "secret").write_text("the secret\n")
    return bundle


def confined(bundle: Bundle, profile: str) -> None:
    def change(config: dict[str, Any]) -> None:
        config["process"]["apparmorProfile"] = profile

    bundle.change(change)


def test_a_profile_is_enforced(secret: Bundle, run: Callable[..., Outcome]) -> None:
    confined(secret, "hutch-test-enforce")
    outcome = run(f"{CURRENT}; cat /etc/secret", check=False)
    assert outcome.lines == ["hutch-test-enforce (enforce)"]
    assert "can't open '/etc/secret': Permission denied" in outcome.err
    assert outcome.code == 1


def test_a_complaining_profile_only_complains(secret: Bundle, run: Callable[..., Outcome]) -> None:
    confined(secret, "hutch-test-complain")
    assert run(f"{CURRENT}; cat /etc/secret").lines == [
        "hutch-test-complain (complain)",
        "the secret",
    ]


def test_without_a_profile_nothing_is_confined(run: Callable[..., Outcome]) -> None:
    assert run(CURRENT).lines == ["unconfined"]


def test_a_profile_that_is_not_loaded_is_an_error_that_says_so(
    hutch: Runtime, bundle: Bundle, no_traces: None
) -> None:
    confined(bundle, "hutch-test-absent")
    message = hutch.refuses("run", "--bundle", str(bundle.path), "test")
    assert "process.apparmorProfile" in message
    assert "hutch-test-absent" in message
    assert "apparmor_parser" in message
    assert hutch.ids() == []


def test_exec_takes_the_containers_profile_or_its_own(hutch: Runtime, secret: Bundle) -> None:
    confined(secret.args("sleep", "1000"), "hutch-test-enforce")
    hutch("run", "--detach", "--bundle", str(secret.path), "test")
    words = ("sh", "-c", f"{CURRENT}; cat /etc/secret")
    usual = hutch("exec", "test", *words, check=False)
    assert usual.out == "hutch-test-enforce (enforce)\n"
    assert "Permission denied" in usual.err
    other = hutch("exec", "--apparmor", "hutch-test-complain", "test", *words)
    assert other.out == "hutch-test-complain (complain)\nthe secret\n"
    message = hutch.refuses("exec", "--apparmor", "hutch-test-absent", "test", "true", code=255)
    assert "hutch-test-absent" in message
    assert "apparmor_parser" in message


def test_s20_a_proc_that_is_none_swallows_no_profile(
    secret: Bundle, run: Callable[..., Outcome]
) -> None:
    """CVE-2019-16884, CVE-2023-28642: an image's own /proc must not take the label."""
    confined(secret, "hutch-test-enforce")
    attributes = secret.rootfs / "fake" / "self" / "attr"
    attributes.mkdir(parents=True)
    (attributes / "exec").write_text("")

    def change(config: dict[str, Any]) -> None:
        for mount in config["mounts"]:
            if mount["destination"] == "/proc":
                mount.update(type="bind", source=str(secret.rootfs / "fake"), options=["bind"])

    secret.change(change)
    outcome = run("cat /proc/self/attr/exec /etc/secret", check=False)
    assert outcome.out == ""
    assert "can't open '/etc/secret': Permission denied" in outcome.err
