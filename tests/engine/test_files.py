"""Files of containers: volumes, binds, copies, changes, images made of them."""

import json
import subprocess
from pathlib import Path

import pytest

from conformance.samples.images import Layer
from tests.support.engines import Engine, eventually, make_image, members

pytestmark = pytest.mark.root


def test_volumes_outlive_containers(engine: Engine) -> None:
    engine.run_ok("-v", "mine:/vol", engine.image, "sh", "-c", "echo kept > /vol/file")
    assert engine.run_ok("-v", "mine:/vol:ro", engine.image, "cat", "/vol/file") == "kept\n"
    assert engine.exits("-v", "mine:/vol:ro", engine.image, "touch", "/vol/x") != 0
    assert engine.ok("volume", "ls", "-q") == "mine\n"
    engine.start("--name", "one", "-v", "mine:/vol", engine.image, "sleep", "1000")
    assert "in use" in engine.fails("volume", "rm", "mine")
    assert "volume is in use" in engine.fails("volume", "rm", "-f", "mine")
    engine.ok("rm", "-f", "one")
    engine.ok("volume", "rm", "mine")
    assert "no such volume" in engine.fails("volume", "inspect", "mine").lower()
    assert engine.ok("volume", "create", "--label", "a=b", "named") == "named\n"
    (found,) = json.loads(engine.ok("volume", "inspect", "named"))
    assert found["Labels"] == {"a": "b"}
    assert Path(found["Mountpoint"]).is_dir()


def test_a_volume_of_a_folder_of_the_host(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, how in (("both", "bind"), ("reads", "bind,ro")):
        options = ("-o", "type=none", "-o", f"o={how}", "-o", f"device={folder}")
        engine.ok("volume", "create", *options, name)
    engine.run_ok("-v", "both:/vol", engine.image, "sh", "-c", "echo kept > /vol/file")
    assert (folder / "file").read_text() == "kept\n"
    assert engine.run_ok("-v", "reads:/vol", engine.image, "cat", "/vol/file") == "kept\n"
    assert engine.exits("-v", "reads:/vol", engine.image, "touch", "/vol/x") != 0
    engine.ok("volume", "rm", "both", "reads")
    assert (folder / "file").exists()
    for words in (("-o", "type=nfs"), ("-o", "o=bind"), ("-o", "o=bind", "-o", "device=x")):
        assert "volume option" in engine.fails("volume", "create", *words, status=125)


def test_a_new_volume_takes_over_what_the_image_has(engine: Engine) -> None:
    script = "cat /data/kept; stat -c %u:%g /data /data/kept"
    assert engine.run_ok("-v", "fresh:/data", engine.image, "sh", "-c", script) == (
        "of the image\n1000:1000\n1000:1000\n"
    )
    assert (
        engine.run_ok(
            "--mount",
            "type=volume,source=bare,target=/data,volume-nocopy",
            engine.image,
            "ls",
            "/data",
        )
        == ""
    )


def test_anonymous_volumes_go_with_rm_v(engine: Engine) -> None:
    place = make_image(engine.home / "vol", "v", Volumes={"/data": {}})
    engine.ok("pull", "-q", place)
    engine.ok("run", "--name", "one", *engine.create("vol:v", "true"))
    engine.ok("run", "--name", "two", *engine.create("-v", "/other", engine.image, "true"))
    assert len(engine.ok("volume", "ls", "-q").split()) == 2
    engine.ok("rm", "-v", "one")
    assert len(engine.ok("volume", "ls", "-q").split()) == 1
    engine.ok("rm", "two")
    assert len(engine.ok("volume", "ls", "-q").split()) == 1
    engine.ok("volume", "prune", "-f")
    assert engine.ok("volume", "ls", "-q") == ""
    engine.run_ok("-v", "/other", engine.image, "true")  # --rm takes them, too
    assert engine.ok("volume", "ls", "-q") == ""


def test_binds(engine: Engine) -> None:
    host = engine.home / "host"
    engine.run_ok("-v", f"{host}:/h", engine.image, "sh", "-c", "echo x > /h/file")
    assert (host / "file").read_text() == "x\n"
    assert engine.exits("-v", f"{host}:/h:ro", engine.image, "touch", "/h/y") != 0
    assert "does not exist" in engine.fails(
        "run", "--mount", f"type=bind,source={host}/no,target=/h", engine.image, status=125
    )
    assert "shared" in engine.sh("grep ' /h ' /proc/self/mountinfo", "-v", f"{host}:/h:rshared")


def test_volumes_from(engine: Engine) -> None:
    engine.start(
        "--name", "one", "-v", "mine:/vol", engine.image, "sh", "-c", "echo x > /vol/f; sleep 100"
    )
    assert (
        engine.run_ok(
            "--volumes-from", "one:ro", engine.image, "sh", "-c", "ls /vol; touch /vol/y || echo no"
        )
        == "f\nno\n"
    )


def test_tmpfs_and_read_only(engine: Engine) -> None:
    line = engine.sh("grep ' /t ' /proc/self/mounts", "--tmpfs", "/t:size=1m,mode=700")
    assert "size=1024k" in line and "noexec" in line and "mode=700" in line
    line = engine.sh(
        "grep ' /t ' /proc/self/mounts", "--mount", "type=tmpfs,target=/t,tmpfs-size=2m"
    )
    assert "size=2048k" in line
    assert (
        engine.sh(
            "touch /x 2>/dev/null || echo no; touch /tmp/y && echo yes",
            "--read-only",
            "--tmpfs",
            "/tmp",
        )
        == "no\nyes\n"
    )


def test_copies_out_and_in(engine: Engine) -> None:
    engine.start(
        "--name",
        "one",
        engine.image,
        "sh",
        "-c",
        "mkdir /d; echo a > /d/a; ln -s a /d/l; sleep 1000",
    )
    home = engine.home
    engine.ok("cp", "one:/d", home / "out")
    assert (home / "out" / "a").read_text() == "a\n"
    assert (home / "out" / "l").is_symlink()
    (home / "into").mkdir()
    engine.ok("cp", "one:/d", home / "into")
    assert (home / "into" / "d" / "a").exists()
    engine.ok("cp", "one:/d/.", home / "flat")
    assert (home / "flat" / "a").exists()
    (home / "file").write_text("mine\n")
    engine.ok("cp", home / "file", "one:/d")
    assert engine.ok("exec", "one", "cat", "/d/file") == "mine\n"
    engine.ok("cp", home / "file", "one:/d/other")
    assert engine.ok("exec", "one", "cat", "/d/other") == "mine\n"
    engine.ok("cp", home / "out", "one:/new")
    assert engine.ok("exec", "one", "cat", "/new/a") == "a\n"
    done = subprocess.run(
        engine.command("cp", "one:/d", "-"), env=engine.variables(), capture_output=True
    )
    assert {"d", "d/a", "d/l"} <= set(members(done.stdout))
    subprocess.run(
        engine.command("cp", "-", "one:/tmp"), env=engine.variables(), input=done.stdout, check=True
    )
    assert engine.ok("exec", "one", "cat", "/tmp/d/a") == "a\n"
    engine.ok("stop", "-t", "0", "one")
    engine.ok("cp", home / "file", "one:/stopped")
    engine.ok("cp", "one:/stopped", home / "back")
    assert (home / "back").read_text() == "mine\n"
    assert "could not find" in engine.fails("cp", "one:/nothing", str(home))


def test_s60_a_copy_stays_in_the_container(engine: Engine) -> None:
    """A link in the container that leads to the host leads nowhere else than in the container."""
    outside = engine.home / "outside"
    outside.mkdir()
    script = f"mkdir -p {outside} /w; ln -s {outside} /w/d; ln -s ../../../etc /up; sleep 1000"
    engine.start("--name", "one", engine.image, "sh", "-c", script)
    eventually(lambda: engine.run("exec", "one", "test", "-L", "/up").returncode == 0)
    (engine.home / "file").write_text("x")
    engine.ok("cp", engine.home / "file", "one:/up/placed")
    assert not Path("/etc/placed").exists()
    assert engine.ok("exec", "one", "cat", "/etc/placed") == "x"
    archive = Layer().file("d/placed", b"y").tar()
    engine.ok("cp", "-", "one:/w", input=archive)
    assert list(outside.iterdir()) == []
    assert engine.ok("exec", "one", "cat", f"{outside}/placed") == "y"


def test_diff_commit_export(engine: Engine) -> None:
    script = "echo n > /new; rm /data/kept; echo x >> /etc/group; mkdir /etc/d"
    engine.ok(
        "run", "--name", "one", "-v", "vol:/vol", *engine.create(engine.image, "sh", "-c", script)
    )
    lines = engine.ok("diff", "one").splitlines()
    assert set(lines) == {"A /new", "C /data", "D /data/kept", "C /etc", "C /etc/group", "A /etc/d"}
    id = engine.ok("commit", "-c", 'CMD ["cat", "/new"]', "-m", "why", "one", "made:1").strip()
    assert id.startswith("sha256:")
    assert engine.run_ok("made:1") == "n\n"
    assert engine.run_ok("made:1", "ls", "/data") == ""
    assert "why" in engine.ok("history", "made:1")
    done = subprocess.run(
        engine.command("export", "one"), env=engine.variables(), capture_output=True
    )
    names = set(members(done.stdout))
    assert {"./new", "./bin/busybox"} <= names
    assert "./data/kept" not in names


def test_what_is_used_stays(engine: Engine) -> None:
    engine.ok("create", *engine.create("--name", "one", "-v", "mine:/m", engine.image))
    assert "used by container" in engine.fails("rmi", "-f", engine.image)
    engine.ok("system", "prune", "-af", "--filter", "until=1h")
    assert engine.ok("ps", "-aq") != ""
    rows = engine.ok("system", "df").splitlines()
    assert [row.split()[0] for row in rows[1:]] == [
        "Images",
        "Layers",
        "Blobs",
        "Unfinished",
        "Containers",
        "Local",
    ]
    engine.ok("system", "prune", "-af")
    assert engine.ok("ps", "-aq") == ""
    assert engine.ok("images", "-q") == ""
    assert engine.ok("volume", "ls", "-q") == "mine\n"
