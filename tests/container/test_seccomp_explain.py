"""run --seccomp-explain, seccomp show and diff: what they say of profiles and of real calls."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import Bundle, Runtime, eventually
from tests.support.seccomp import explained, filtered, profile_of, record

pytestmark = pytest.mark.root

WARNED = "hutch: warning: config.json: "


def test_it_says_which_rule_refuses_which_call_of_which_process(
    hutch: Runtime, bundle: Bundle
) -> None:
    filtered(
        bundle,
        {"names": ["getcwd", "chmod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
        {
            "names": ["ioctl"],
            "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 1, "value": 0x5401, "op": "SCMP_CMP_EQ"}],
        },
    )
    bundle.sh("chmod 700 /tmp; chmod 700 /tmp; chmod 700 /tmp; stty size; exit 0")
    lines, _ = explained(hutch, bundle)
    chmod = [line for line in lines if line["syscall"] == "chmod"]
    assert [line["count"] for line in chmod] == [1, 2]
    first = chmod[0]
    assert first["pointer"] == "linux.seccomp.syscalls[0].names[1]"
    assert (first["comm"], first["refused_errno"]) == ("chmod", "EACCES")
    assert first["action"] == "SCMP_ACT_ERRNO"
    assert first["container_pid"] > 1 and first["pid"] > first["container_pid"]
    assert first["args"][1] == 0o700
    ioctl = next(line for line in lines if line["syscall"] == "ioctl")
    assert ioctl["pointer"] == "linux.seccomp.syscalls[1]"
    assert "argument 1 == 0x5401, and argument 1 is 0x5401" in ioctl["msg"]


def test_the_default_action_is_named_and_the_rule_that_allows_other_arguments(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.sh("stty size; ls /bin/sh; exit 0")
    record(hutch, bundle, tmp_path / "profile.json")
    # stty asks for the terminal's settings, ls for its size: the size is made another request.
    text = (tmp_path / "profile.json").read_text().replace(f" {0x5413},", " 1,")
    (tmp_path / "profile.json").write_text(text)
    bundle.config["linux"]["seccomp"] = profile_of(tmp_path / "profile.json")
    bundle.sh("ls /bin/sh; mkdir /tmp/x; echo end")
    lines, _ = explained(hutch, bundle)
    ioctl = next(line for line in lines if line["syscall"] == "ioctl")
    assert ioctl["pointer"] == "linux.seccomp.defaultAction"
    assert "argument 1 is 0x5413" in ioctl["msg"] and "allow others" in ioctl["msg"]
    mkdir = next(line for line in lines if line["syscall"] == "mkdir")
    assert mkdir["pointer"] == "linux.seccomp.defaultAction"
    assert "mkdir fails with EPERM" in mkdir["msg"] and "no rule names it" in mkdir["msg"]
    read = hutch("run", "--seccomp-explain", "-b", str(bundle.path), "test")
    assert WARNED + "linux.seccomp.defaultAction: mkdir fails with EPERM in process" in read.err
    assert "mkdir: can't create directory '/tmp/x': Operation not permitted" in read.err
    # The control: without the flag the calls fail in the same way, and nothing is said.
    control = hutch("run", "-b", str(bundle.path), "test")
    assert "Operation not permitted" in control.err and WARNED not in control.err


def test_a_call_that_kills_is_explained_and_kills(hutch: Runtime, bundle: Bundle) -> None:
    filtered(bundle, {"names": ["chmod"], "action": "SCMP_ACT_KILL_PROCESS"})
    bundle.sh("chmod 700 /tmp; echo ended with $?")
    lines, output = explained(hutch, bundle)
    assert output == "ended with 137\n"
    assert lines[0]["pointer"] == "linux.seccomp.syscalls[0].names[0]"
    assert lines[0]["action"] == "SCMP_ACT_KILL_PROCESS"
    assert "kills process" in lines[0]["msg"]


def test_processes_of_exec_are_explained_too(hutch: Runtime, bundle: Bundle) -> None:
    filtered(bundle, {"names": ["chmod"], "action": "SCMP_ACT_ERRNO"})
    bundle.args("sleep", "100").save()
    log = bundle.path / "log"
    hutch("--log", str(log), "--log-format", "json", "run", "--seccomp-explain", "--detach",
          "--bundle", str(bundle.path), "test")  # fmt: skip
    assert log.read_text() == ""
    assert hutch("exec", "test", "chmod", "700", "/tmp", check=False).code == 1
    eventually(log.read_text)
    line = json.loads(log.read_text().splitlines()[0])
    assert line["pointer"] == "linux.seccomp.syscalls[0].names[0]"
    hutch("delete", "--force", "test")


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (None, "linux.seccomp: is missing"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}, "does not always allow read"),
        (
            {
                "defaultAction": "SCMP_ACT_ALLOW",
                "listenerPath": "/nobody",
                "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_NOTIFY"}],
            },
            "SCMP_ACT_NOTIFY",
        ),
    ],
)
def test_what_cannot_be_explained_is_an_error_before_anything_is_made(
    hutch: Runtime, bundle: Bundle, profile: dict[str, Any] | None, said: str
) -> None:
    bundle.config["linux"]["seccomp"] = profile
    if profile is None:
        del bundle.config["linux"]["seccomp"]
    refused = hutch.refuses("run", "--seccomp-explain", "-b", str(bundle.save().path), "test")
    assert said in refused
    assert hutch.ids() in ([], [".filters"])


# seccomp show and diff


def test_the_exit_codes_of_diff_are_those_of_diff_1(hutch: Runtime, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}
    one.write_text(json.dumps(profile))
    profile["syscalls"] = [{"names": ["mkdir"], "action": "SCMP_ACT_ALLOW"}]
    other.write_text(json.dumps(profile))
    assert hutch("seccomp", "diff", str(one), str(one)).out == ""
    done = hutch("seccomp", "diff", str(one), str(other), check=False)
    assert (done.code, done.out) == (1, "mkdir: fails with EPERM -> allowed\n")
    done = hutch("seccomp", "diff", "--format", "json", str(one), str(other), check=False)
    assert json.loads(done.out)[0]["after"] == [
        {"action": "SCMP_ACT_ALLOW", "pointer": "syscalls[0].names[0]"}
    ]
    assert "no such file" in hutch.refuses("seccomp", "diff", str(one), "/nothing", code=2)
    shown = hutch("seccomp", "show", str(other), "mkdir").out
    assert "    allowed  [syscalls[0].names[0]]\n" in shown
    assert json.loads(hutch("seccomp", "show", "-f", "json", str(other), "mkdir").out)["calls"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("learn", "x"), "seccomp takes record, show or diff"),
        (("show", "--bundle", "b", "file"), "seccomp show has no --bundle"),
        (("diff", "one"), "seccomp diff takes 2 argument(s), not 1"),
        (("record", "test"), "needs the file to write"),
        (("record", "--check", "--detach", "-o", "x", "test"), "--check waits for the end"),
    ],
)
def test_a_wrong_command_line_is_an_error(
    hutch: Runtime, words: tuple[str, ...], said: str
) -> None:
    assert said in hutch.refuses("seccomp", *words)
