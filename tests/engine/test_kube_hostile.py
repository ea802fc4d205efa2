"""Kube files whose volumes are hostile: nothing outside of them is touched or shown."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Engine

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  securityContext: {{{more}}}
  containers:
  - name: c
    image: box:box
    command: [sleep, "1000"]
    volumeMounts: [{{name: v, mountPath: /m{mount}}}]
  volumes: [{{name: v, {volume}}}]
"""
CLAIM = "persistentVolumeClaim: {claimName: claim}"


@pytest.fixture
def kube(engine: Engine) -> Iterator[Engine]:
    yield engine
    if engine.ok("pod", "ls", "-q"):
        engine.ok("pod", "rm", "-f", "-t", "0", "-a")
    if engine.ok("volume", "ls", "-q"):
        engine.ok("volume", "rm", "claim")


def played(
    engine: Engine, volume: str = CLAIM, more: str = "", mount: str = "", before: str = ""
) -> str:
    """What went wrong; the pod of an earlier play is replaced."""
    text = before + "---" + POD.format(volume=volume, more=more, mount=mount)
    words = ("kube", "play", "--replace", "--network", "none", "-")
    done = engine.run(*words, input=text.encode())
    assert "Traceback" not in done.stderr
    return done.stderr if done.returncode else ""


@pytest.fixture
def outside(kube: Engine, tmp_path: Path) -> Path:
    """A folder of the host with a file, to which links in the volume ``claim`` lead."""
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o700)
    (folder / "secret").write_text("secret\n")
    (folder / "secret").chmod(0o600)
    kube.ok("volume", "create", "claim")
    data = kube.root / "volumes" / "claim" / "_data"
    up = "../" * 20 + str(folder).lstrip("/")
    for name, target in (("absolute", str(folder)), ("relative", up), ("file", f"{folder}/secret"),
                         ("loop", "loop")):  # fmt: skip
        (data / name).symlink_to(target)
    (data / "own").mkdir()
    (data / "own" / "file").write_text("own\n")
    return folder


def tree(folder: Path) -> list[tuple[str, int, int, int]]:
    """All that is there: names, modes, owners, groups."""
    found = []
    for top, folders, files in os.walk(folder):
        for name in [".", *folders, *files]:
            status = os.lstat(os.path.join(top, name))
            found.append((name, status.st_mode, status.st_uid, status.st_gid))
    return sorted(found)


def test_a_subpath_leads_through_no_link_out_of_the_volume(kube: Engine, outside: Path) -> None:
    assert played(kube, mount=", subPath: own") == ""
    assert kube.ok("exec", "p-c", "cat", "/m/file") == "own\n"  # the control
    assert played(kube, mount=", subPath: own/new/deep") == ""
    kube.ok("exec", "p-c", "touch", "/m/made")
    before = tree(outside)
    for path in ("absolute", "file", "loop", "absolute/made", "relative/made"):
        kind = "subPathExpr" if path == "absolute/made" else "subPath"
        wrong = played(kube, mount=f", {kind}: {path}")
        assert tree(outside) == before, path
        if not wrong:
            assert "secret" not in kube.ok("exec", "p-c", "ls", "-R", "/m")
            kube.run("exec", "p-c", "touch", "/m/more")
            assert tree(outside) == before, path
    for path in ("..", "own/../../..", "/etc"):
        assert "a path without .." in played(kube, mount=f", subPath: {path}")


def test_fs_group_follows_no_link(kube: Engine, outside: Path) -> None:
    data = kube.root / "volumes" / "claim" / "_data"
    os.mkfifo(data / "pipe")
    before = tree(outside)
    assert played(kube, more="fsGroup: 2000") == ""
    assert tree(outside) == before
    assert (data / "own" / "file").stat().st_gid == 2000  # the control
    assert (data / "own" / "file").stat().st_mode & 0o777 == 0o664
    assert (data / "own").stat().st_mode & 0o7777 == 0o2775
    for name in ("file", "loop", "pipe"):
        assert os.lstat(data / name).st_gid == 2000


def test_keys_and_paths_that_lead_out(kube: Engine, tmp_path: Path) -> None:
    """Each is refused, with its place, and nothing is left."""
    conf = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata: {{'{}': x}}\n"
    for key in ("..", ".", "../x", "a/../../x", "/etc/passwd", "a/b", "", "a\\0b"):
        assert "a key has letters" in played(kube, "configMap: {name: conf}",
                                             before=conf.format(key))  # fmt: skip
        secret = conf.format(key).replace("ConfigMap", "Secret").replace("\ndata", "\nstringData")
        assert "a key has letters" in played(kube, "secret: {secretName: conf}", before=secret)
    assert (
        played(kube, "configMap: {name: conf}", before=conf.format("..data")) == ""
    )  # the control
    assert kube.ok("exec", "p-c", "cat", "/m/..data") == "x"
    for path in ("..", "../x", "a/../../x", "/etc/x", ""):
        items = f"configMap: {{name: conf, items: [{{key: k, path: '{path}'}}]}}"
        assert "a path without .." in played(kube, items, before=conf.format("k"))
    items = "items: [{key: k, path: a}, {key: k, path: a/b}]"
    assert played(kube, f"configMap: {{name: conf, {items}}}", before=conf.format("k"))
    pods = list((kube.root / "pods").iterdir())
    assert len(pods) <= 1 and not list((kube.root / "pods").rglob("*passwd*"))


def test_the_modes_of_secrets(kube: Engine) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: one, b: two}\n"
    volume = "secret: {secretName: s, defaultMode: 0400, items: [{key: a, path: x/a},"
    volume += " {key: b, path: b, mode: 0440}]}"
    assert played(kube, volume, before=secret) == ""
    listed = kube.ok("exec", "p-c", "stat", "-c", "%a %u %g %n", "/m/x/a", "/m/b")
    assert listed == "400 0 0 /m/x/a\n440 0 0 /m/b\n"
    assert kube.run("exec", "--user", "guest", "p-c", "cat", "/m/x/a").returncode
    assert "Read-only" in kube.run("exec", "p-c", "sh", "-c", "echo x > /m/b").stderr
    # On the host nobody else can come to them, whatever the mode of the file.
    assert played(kube, "secret: {secretName: s, defaultMode: 0777}", before=secret) == ""
    (file,) = (kube.root / "pods").glob("*/volumes/v/a")
    read = ["setpriv", "--reuid", "nobody", "--clear-groups", "cat", str(file)]
    assert kube.root.joinpath("pods").exists() and os.spawnvp(os.P_WAIT, "setpriv", read)
    for mode in ("01777", "04755", "-1", "1000"):
        assert played(kube, f"secret: {{secretName: s, defaultMode: {mode}}}", before=secret)
