"""The output of list, ps, spec, features, explain, --version and --help, and the log."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from hutch.cli.table import GLOBAL, VERBS

from tests.support.containers import Bundle, Runtime, eventually, reachable
from tests.support.leftovers import CGROUPS
from tests.support.ordinary_user import as_user

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("no_traces")]

NOBODY = 65534
KEYS = ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"]


def test_list_of_nothing_is_a_header_or_null(hutch: Runtime) -> None:
    hutch.root.mkdir()
    assert hutch("list").out.split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    assert hutch("list", "--format", "json").out == "null\n"
    assert hutch("list", "--quiet").out == ""


def test_list_refuses_a_root_that_is_given_and_missing_but_not_the_default(
    hutch: Runtime, tmp_path: Path
) -> None:
    assert f"list {hutch.root}: open: no such file" in hutch.refuses("list")
    assert not hutch.root.exists()
    done = subprocess.run(
        as_user([hutch.command, "list", "-f", "json"], NOBODY, NOBODY, tmp_path),
        env={"XDG_RUNTIME_DIR": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "null\n"), done.stderr


def test_list_shows_the_containers_sorted_in_aligned_columns(
    hutch: Runtime, bundle: Bundle
) -> None:
    for id in ("second", "first"):
        hutch("create", "--bundle", str(bundle.for_id(id).path), id)
    lines = hutch("list", "-f", "table").out.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "first", "second"]
    assert [line.split()[2] for line in lines[1:]] == ["created", "created"]
    place = lines[0].index("BUNDLE")
    assert all(line[place:].startswith(str(bundle.path)) for line in lines[1:])
    assert lines[1].split()[-1] == "root"
    assert hutch("list", "-q").out == "first\nsecond\n"


def test_list_as_json_is_one_compact_line_of_states_with_the_owners_name(
    hutch: Runtime, bundle: Bundle
) -> None:
    for id in ("b", "a"):
        hutch("create", "--bundle", str(bundle.for_id(id).path), id)
    text = hutch("list", "--format", "json").out
    assert text.count("\n") == 1
    assert ": " not in text
    listed = json.loads(text)
    assert [entry["id"] for entry in listed] == ["a", "b"]
    assert all(list(entry) == KEYS for entry in listed)
    assert {entry["owner"] for entry in listed} == {"root"}
    for entry in listed:
        assert {**entry, "owner": ""} == hutch.state(entry["id"])


def test_list_tells_of_a_damaged_container_and_shows_the_others(
    hutch: Runtime, bundle: Bundle
) -> None:
    hutch("create", "--bundle", str(bundle.path), "good")
    (hutch.root / "bad").mkdir()
    done = hutch("list", "-q")
    assert done.out == "good\n"
    assert done.err.startswith("load container bad: ")


def test_ps_as_json_is_a_compact_array_of_host_pids(hutch: Runtime, sleeper: str) -> None:
    pid = hutch.state(sleeper)["pid"]
    assert hutch("ps", "--format", "json", sleeper).out == f"[{pid}]\n"
    hutch("exec", "-d", sleeper, "sleep", "999")
    assert len(json.loads(hutch("ps", "-f", "json", sleeper).out)) == 2


def test_ps_as_a_table_keeps_the_header_and_the_containers_lines(
    hutch: Runtime, sleeper: str
) -> None:
    header, line = hutch("ps", sleeper).out.splitlines()
    assert header.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert line.split()[:2] == ["root", str(hutch.state(sleeper)["pid"])]
    assert line.endswith("sleep 1000")


def test_ps_hands_options_to_ps(hutch: Runtime, sleeper: str) -> None:
    header, line = hutch("ps", sleeper, "-e", "-o", "pid,args").out.splitlines()
    assert header.split() == ["PID", "COMMAND"]
    assert line.split()[1:] == ["sleep", "1000"]
    assert "PID" in hutch.refuses("ps", sleeper, "-e", "-o", "args")


def test_ps_of_a_stopped_container_is_empty_and_no_error(hutch: Runtime, bundle: Bundle) -> None:
    hutch("run", "-d", "-b", str(bundle.path), "test")
    eventually(lambda: hutch.state("test")["status"] == "stopped")
    assert len(hutch("ps", "test").out.splitlines()) == 1
    assert hutch("ps", "-f", "json", "test").out in ("[]\n", "null\n")


def test_unknown_formats_are_refused(hutch: Runtime, sleeper: str, bundle: Bundle) -> None:
    for words in (["list"], ["ps", sleeper], ["explain", str(bundle.path)]):
        error = hutch.refuses(words[0], "--format", "xml", *words[1:])
        assert "xml" in error
        assert "table or json" in error


def test_spec_writes_a_config_that_runs_and_never_overwrites(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    path = bundle.path / "config.json"
    path.unlink()
    hutch("spec", "--bundle", str(bundle.path))
    config = json.loads(path.read_text())
    assert config["process"]["terminal"] is True
    assert config["process"]["args"] == ["sh"]
    assert "exists" in hutch.refuses("spec", "-b", str(bundle.path))
    assert json.loads(path.read_text()) == config
    bundle.config = config
    bundle.change(lambda config: config["process"].update(terminal=False)).sh("echo ran")
    # Without a cgroupsPath, the cgroup has the container's name.
    assert hutch("run", "-b", str(bundle.path), f"{CGROUPS}-spec").out == "ran\n"


def test_spec_writes_to_the_current_directory(hutch: Runtime, tmp_path: Path) -> None:
    hutch("spec", cwd=tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["ociVersion"]


def test_spec_rootless_has_a_user_namespace(hutch: Runtime, tmp_path: Path) -> None:
    hutch("spec", "--rootless", "--bundle", str(tmp_path))
    linux = json.loads((tmp_path / "config.json").read_text())["linux"]
    assert {"type": "user"} in linux["namespaces"]
    assert linux["uidMappings"][0]["hostID"] == os.geteuid()


def test_features_name_what_the_spec_asks_for(hutch: Runtime) -> None:
    features = json.loads(hutch("features").out)
    assert list(features)[:4] == ["ociVersionMin", "ociVersionMax", "hooks", "mountOptions"]
    assert len(features["hooks"]) == 6
    assert {"ro", "rbind", "rslave", "nosuid"} <= set(features["mountOptions"])
    linux = features["linux"]
    assert set(linux["namespaces"]) >= {"pid", "network", "mount", "ipc", "uts", "user", "cgroup"}
    assert "CAP_SYS_ADMIN" in linux["capabilities"]
    assert linux["cgroup"]["v1"]
    assert linux["cgroup"]["v2"]
    assert linux["seccomp"]["enabled"]


def test_features_say_whether_there_are_checkpoints(hutch: Runtime, tmp_path: Path) -> None:
    key = "org.opencontainers.runc.checkpoint.enabled"
    for words in ([], ["criu"]):
        for name in words:
            (tmp_path / name).touch()
        features = json.loads(hutch("features", env={"PATH": str(tmp_path)}).out)
        assert features["annotations"][key] == ("true" if words else "false")
    # podman looks for this before it makes a checkpoint.
    assert "--file-locks" in hutch("checkpoint", "--help").out


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_the_version_is_in_three_lines_and_its_parts_follow(hutch: Runtime, flag: str) -> None:
    lines = hutch(flag).out.splitlines()
    assert re.fullmatch(r"hutch version \d+\.\d+\.\d+", lines[0])
    assert lines[1].startswith("commit: ")
    assert re.fullmatch(r"spec: \d+\.\d+\.\d+", lines[2])
    parts = dict(line.split(": ", 1) for line in lines[3:])
    assert list(parts) == ["front", "python", "init"]
    assert Path(parts["init"]).stat().st_mode & 0o111
    annotations = json.loads(hutch("features").out)["annotations"]
    assert {name: annotations[f"hutch.{name}"] for name in parts} == parts
    assert not hutch.root.exists()


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_the_help_lists_every_verb_and_global_flag(hutch: Runtime, words: tuple[str, ...]) -> None:
    text = hutch(*words).out
    assert text.startswith("NAME:\n   hutch - Open Container Initiative runtime\n")
    for name in VERBS:
        assert f"\n   {name} " in text
    for flag in GLOBAL:
        assert "--" + flag[0] in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help_that_names_its_flags_and_does_nothing(
    hutch: Runtime, verb: str
) -> None:
    for words in ((verb, "--help"), (verb, "-h"), ("help", verb), (verb, "x", "-h")):
        if words in (("exec", "x", "-h"), ("ps", "x", "-h")):
            continue  # what follows the id there is the command's, or ps's
        text = hutch(*words).out
        assert text.splitlines()[0] == "NAME:"
        assert text.splitlines()[1].strip().startswith(f"hutch {verb} - ")
        for flag in VERBS[verb][4]:
            assert "--" + flag[0] in text
    assert not hutch.root.exists()


def test_an_unknown_verb_ends_with_3_and_an_unknown_flag_with_1(hutch: Runtime) -> None:
    assert "No help topic for 'foo'" in hutch.refuses("foo", code=3)
    assert "flag provided but not defined: --foo" in hutch.refuses("list", "--foo")
    assert "flag provided but not defined: -z" in hutch.refuses("-z", "list")
    assert '"state" requires exactly 1 argument(s)' in hutch.refuses("state")
    assert '"run" requires exactly 1 argument(s)' in hutch.refuses("run", "a", "b")
    assert "flag needs an argument: --bundle" in hutch.refuses("run", "--bundle")


def test_the_systemd_driver_is_a_clear_error(hutch: Runtime, bundle: Bundle) -> None:
    error = hutch.refuses("--systemd-cgroup", "run", "-b", str(bundle.path), "test")
    assert "systemd" in error


# the log


def test_an_error_is_one_line_on_stderr(hutch: Runtime) -> None:
    assert hutch.refuses("state", "none") == "hutch: container does not exist: none"


def test_the_log_gets_the_error_in_runcs_form_and_stderr_the_message(
    hutch: Runtime, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    error = hutch.refuses("--log", str(log), "state", "none")
    assert error == "hutch: container does not exist: none"
    line = log.read_text()
    assert re.fullmatch(
        r'time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" level=error '
        r'msg="container does not exist: none"\n',
        line,
    )
    hutch.refuses("--log", str(log), "state", "other")
    assert len(log.read_text().splitlines()) == 2


def test_the_log_as_json_has_sorted_keys(hutch: Runtime, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    for words in (["--log-format", "json"], ["--log-format=json"]):
        hutch.refuses("--log", str(log), *words, "state", "none")
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        assert list(entry) == ["level", "msg", "time"]
        assert entry["level"] == "error"
        assert entry["msg"] == "container does not exist: none"


def test_a_wrong_command_line_is_told_in_the_log_as_well(hutch: Runtime, tmp_path: Path) -> None:
    log = tmp_path / "log.json"
    hutch.refuses("--log", str(log), "--log-format", "json", "state", "--nosuch", "x")
    assert "nosuch" in json.loads(log.read_text())["msg"]


def test_warnings_and_debug_go_to_the_log_and_not_to_stderr(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    bundle.config["process"]["capabilities"]["bounding"].append("CAP_NOSUCH")
    bundle.save()
    done = hutch("--debug", "--log", str(log), "run", "-b", str(bundle.path), "test")
    assert done.err == ""
    text = log.read_text()
    assert "level=warning" in text
    assert "CAP_NOSUCH" in text
    assert "level=debug" in text


def test_an_unwritable_log_and_an_unknown_format_are_errors(hutch: Runtime) -> None:
    assert "/nowhere/log" in hutch.refuses("--log", "/nowhere/log", "list")
    assert "invalid log-format: xml" in hutch.refuses("--log-format", "xml", "list")


def test_s85_control_characters_of_a_message_are_escaped(hutch: Runtime, bundle: Bundle) -> None:
    bundle.args("/bin/\x1b[31mred\n")
    error = hutch.refuses("run", "-b", str(bundle.path), "test")
    assert "\x1b" not in error


def test_the_command_needs_no_environment_and_no_standard_streams(
    hutch: Runtime, bundle: Bundle, tmp_path: Path
) -> None:
    words = [hutch.command, "--root", str(hutch.root), "run", "-b", str(bundle.path), "test"]
    bundle.sh("ls -l /proc/self/fd")
    script = 'exec "$@" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", script, "sh", *words], env={}, check=True, timeout=60)
    assert hutch("list", env={"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"}).out


# explain


def test_explain_prints_every_step_and_touches_nothing(hutch: Runtime, bundle: Bundle) -> None:
    done = hutch("explain", str(bundle.path))
    header, *lines = done.out.splitlines()
    assert header.split() == ["STEP", "LANE", "FROM", "DOES", "CALL"]
    assert [line.split()[0] for line in lines] == [str(n) for n in range(1, len(lines) + 1)]
    assert any(" hostname " in line and "set the hostname to hutch" in line for line in lines)
    assert not hutch.root.exists()
    assert hutch("explain", cwd=bundle.path).out == done.out


def test_explain_as_json_names_lane_call_and_field(hutch: Runtime, bundle: Bundle) -> None:
    rows = json.loads(hutch("explain", "-f", "json", "--id", "abc", str(bundle.path)).out)
    assert all(set(row) == {"lane", "call", "does", "from"} for row in rows)
    assert any("abc" in row["does"] for row in rows)
    assert rows[-1]["from"] == "process.args"
    assert rows[-1]["does"] == "execute true"


def test_explain_needs_no_privileges(hutch: Runtime, bundle: Bundle, tmp_path: Path) -> None:
    reachable(bundle.path)
    done = subprocess.run(
        as_user([hutch.command, "explain", str(bundle.path)], NOBODY, NOBODY, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "execute true" in done.stdout


def test_hints_name_the_root_in_force(hutch: Runtime, bundle: Bundle) -> None:
    hutch("create", "--bundle", str(bundle.path), "test")
    error = hutch.refuses("create", "--bundle", str(bundle.path), "test")
    assert error.endswith(f"remove it with: hutch --root {hutch.root} delete test)")


def test_unknown_verbs_and_flags_suggest_the_nearest(hutch: Runtime) -> None:
    assert "(hint: did you mean delete?)" in hutch.refuses("delte", "x", code=3)
    assert "(hint: see hutch --help)" in hutch.refuses("frobnicate", code=3)
    assert "(hint: did you mean --force?)" in hutch.refuses("delete", "--forse", "x")
    assert hutch.refuses("delete", "--xyzzy", "x").endswith("not defined: --xyzzy")


def test_the_help_says_where_state_is_kept(hutch: Runtime) -> None:
    shown = hutch("--help").out
    assert "/run/hutch" in shown
    assert "$XDG_RUNTIME_DIR/hutch" in shown


def test_the_usage_has_the_name_that_the_command_was_called_by(
    hutch: Runtime, tmp_path: Path
) -> None:
    link = tmp_path / "runc"
    link.symlink_to(hutch.command)
    named = Runtime(str(link), hutch.root)
    for words in (["--help"], ["create", "--help"]):
        assert "\n   runc " in named(*words).out
        assert "\n   hutch " not in named(*words).out
        assert "\n   hutch " in hutch(*words).out
