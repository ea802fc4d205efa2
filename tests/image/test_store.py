"""The store: sound after any death, shared by all who pull, never collected from under anybody."""

import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hutch.errors import KernelError
from hutch.image import catalog
from hutch.image.collect import collect
from hutch.image.errors import ImageError
from hutch.image.layout import LayoutSource
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.pull import Puller
from hutch.image.settings import Settings
from hutch.image.store import Store

from conformance.samples.images import Image, Layer
from conformance.samples.trees import describe
from tests.support.registries import Fetch, Gate, Warren, damage_layer, skopeo

pytestmark = pytest.mark.root
AMD64 = Platform("linux", "amd64")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def keep(store: Store, layout: Path, name: str, *names: str) -> None:
    Puller(store, Reporter()).pull(LayoutSource(layout, name), AMD64, list(names))


def layout_of(tmp_path: Path, layers: list[Layer], name: str = "image") -> Path:
    return Image([layer.tar() for layer in layers]).write(tmp_path / name)


def top_of(store: Store, name: str) -> list[Path]:
    record = store.database.named(name)
    assert record is not None
    return [store.layer_path(chain) for chain in store.database.chains_of(record.manifest)]


def test_s62_s77_cve_2025_47290_no_other_user_can_enter_the_store(store: Store) -> None:
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_a_store_that_cannot_be_made_is_one_clear_line() -> None:
    with pytest.raises(KernelError, match="open the store /proc/nothing"):
        Store(Path("/proc/nothing"))


def test_ext4_puts_each_layer_in_another_place(store: Store, tmp_path: Path) -> None:
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", store.root], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    if kind.strip() != "ext2/ext3":  # as stat(1) calls ext4
        pytest.skip("the temporary folder is not on ext4")
    keep(store, layout_of(tmp_path, [Layer().file("f")]), "", "h.example/y:1")
    listed = subprocess.run(
        ["lsattr", "-d", store.work], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    assert "T" in listed.split()[0]


def test_s64_a_hard_link_into_a_lower_layer_is_copied_up(store: Store, tmp_path: Path) -> None:
    lower = Layer().file("d/target", b"data", uid=9, mode=0o640)
    keep(store, layout_of(tmp_path, [lower, Layer().link("link", "d/target")]), "", "h.example/y:1")
    upper = top_of(store, "h.example/y:1")[1]
    assert (upper / "link").read_bytes() == b"data"
    assert (upper / "link").stat().st_ino == (upper / "d/target").stat().st_ino
    assert (upper / "link").stat().st_uid == 9


def test_s64_a_hard_link_to_what_was_whited_out_is_refused(store: Store, tmp_path: Path) -> None:
    layers = [Layer().file("a"), Layer().whiteout("a"), Layer().link("l", "a")]
    with pytest.raises(ImageError, match="not in the image"):
        keep(store, layout_of(tmp_path, layers), "", "h.example/y:1")


def test_s65_an_opaque_root_hides_all_below(store: Store, tmp_path: Path) -> None:
    lower = Layer().file("a").folder("d").file("d/old")
    upper = Layer().file(".wh..wh..opq").file("b").folder("d").file("d/new")
    keep(store, layout_of(tmp_path, [lower, upper]), "", "h.example/y:1")
    layers = ":".join(str(path) for path in reversed(top_of(store, "h.example/y:1")))
    point = tmp_path / "m"
    point.mkdir()
    options = f"ro,lowerdir={layers}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, point], check=True)
    try:
        found = sorted(str(path.relative_to(point)) for path in point.rglob("*"))
    finally:
        subprocess.run(["umount", point], check=True)
    assert found == ["b", "d", "d/new"]


def test_folders_that_no_layer_describes_are_the_lower_layers(store: Store, tmp_path: Path) -> None:
    lower = Layer().folder("d", mode=0o711, uid=5, gid=6, xattrs={"user.x": b"y"})
    keep(store, layout_of(tmp_path, [lower, Layer().file("d/f")]), "", "h.example/y:1")
    first, second = (describe(path)[b"d"] for path in top_of(store, "h.example/y:1"))
    assert first == second


def test_a_root_that_a_layer_does_not_describe_is_the_lower_layers(
    store: Store, tmp_path: Path
) -> None:
    lower = Layer().folder(".", mode=0o711, uid=5, gid=6, xattrs={"user.x": b"y"})
    keep(store, layout_of(tmp_path, [lower, Layer().file("f"), Layer().file("g")]), "", "h.e/y:1")
    roots = [describe(path)[b""] for path in top_of(store, "h.e/y:1")]
    assert roots[0] == roots[1] == roots[2]


def test_images_share_layers_and_go_one_by_one(store: Store, tmp_path: Path) -> None:
    base = Layer().file("base", b"b" * 1000).tar()
    for number in (1, 2):
        own = Layer().file(f"own{number}").tar()
        Image([base, own]).write(tmp_path / f"i{number}")
        keep(store, tmp_path / f"i{number}", "", f"h.example/i{number}:1")
    assert len(store.database.layers()) == 3
    catalog.remove(store, Settings(), "h.example/i1:1")
    assert len(store.database.layers()) == 2
    assert all(path.is_dir() for path in top_of(store, "h.example/i2:1"))
    catalog.remove(store, Settings(), "h.example/i2:1")
    assert os.listdir(store.layers) == [] == os.listdir(store.layout_root / "blobs" / "sha256")


def test_an_image_in_use_stays(store: Store, odd: Path) -> None:
    keep(store, odd, "gzip", "h.example/y:1")
    record = store.database.named("h.example/y:1")
    assert record is not None
    store.database.hold("container", record.manifest)
    with pytest.raises(ImageError, match="used by container"):
        catalog.remove(store, Settings(), "h.example/y:1")
    assert catalog.prune(store, every=True)[0] == []
    store.database.release("container")
    assert len(catalog.prune(store, every=True)[0]) == 1


def test_nothing_of_a_running_pull_is_collected(store: Store, odd: Path) -> None:
    """A source that collects garbage between its chunks: as if another process did."""

    class Collecting(LayoutSource):
        def blob(self, descriptor, offset=0):  # type: ignore[no-untyped-def]
            collect(other)
            for chunk in super().blob(descriptor, offset):
                yield chunk
                collect(other)

    other = Store(store.root)
    Puller(store, Reporter()).pull(Collecting(odd, "gzip"), AMD64, ["h.example/y:1"])
    collect(other)
    assert all(path.is_dir() for path in top_of(store, "h.example/y:1"))
    assert len(top_of(store, "h.example/y:1")) == 4


def test_what_a_dead_pull_left_is_collected(store: Store) -> None:
    store.database.lease("lease-1-dead", ["sha256:" + "0" * 64])
    (store.work / "lease-1-dead.00").mkdir()
    (store.partial / ("sha256-" + "0" * 64)).write_bytes(b"x")
    collect(store)
    assert os.listdir(store.work) == [] == os.listdir(store.partial)
    assert store.database.leases() == {}


@pytest.fixture
def large(registry: str, tmp_path: Path) -> str:
    """An image of four layers in the plain registry, each of more than three mebibytes."""
    generator = random.Random(7)
    layers = []
    for number in range(4):
        layer = Layer()
        for file in range(40):
            layer.file(f"l{number}/d{file % 7}/f{file}", generator.randbytes(80_000))
        layers.append(layer)
    layout = layout_of(tmp_path, layers, "large")
    target = f"{registry}/large:1"
    skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:latest", f"docker://{target}")
    return target


def test_two_pulls_at_once_share_the_work(
    large: str, warren: Warren, fetches: Callable[[int], list[Fetch]]
) -> None:
    """Six processes, one image: every layer comes in exactly once, and is fetched once."""
    warren.ok("images")
    pulls = [
        subprocess.Popen(
            warren.command("pull", large), env=warren.variables(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    told = [pull.communicate(timeout=120) for pull in pulls]
    assert [pull.returncode for pull in pulls] == [0] * 6, told
    complete = sum(errors.count("Pull complete") for _, errors in told)
    assert complete == 4, told
    layers = {layer["digest"] for layer in json.loads(warren.ok("inspect", large))[0]["Layers"]}
    fetched = [fetch.digest for fetch in fetches(4 + 6) if fetch.digest in layers]
    assert sorted(fetched) == sorted(layers)
    assert "all is well" in warren.ok("system", "check")


def test_a_killed_pull_is_resumed_where_it_stopped(
    large: str, registry: str, warren: Warren, fetches: Callable[[int], list[Fetch]]
) -> None:
    """Killed when three mebibytes of the replies had come; the registry's log tells the rest.

    That is less than any layer is long, so all that came is in parts.
    """
    gate = Gate(registry, 3 << 20)
    pull = subprocess.Popen(
        warren.command("pull", "-q", large.replace(registry, gate.host)), env=warren.variables()
    )
    partial = warren.root / "partial"
    until = time.monotonic() + 60
    while sum(sizes_in(partial).values()) < 1_000_000:
        assert pull.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    pull.kill()
    pull.wait()
    gate.close()
    came = {name.replace("-", ":"): size for name, size in sizes_in(partial).items()}
    fetches(1 + len(came))
    warren.ok("pull", "-q", large)
    sizes = {b["digest"]: b["size"] for b in json.loads(warren.ok("inspect", large))[0]["Layers"]}
    missing = {digest: size for digest, size in sizes.items() if came.get(digest) != size}
    fetched = [fetch for fetch in fetches(1 + len(missing)) if fetch.digest in sizes]
    assert {f.digest: (f.status, f.size) for f in fetched} == {
        digest: (206 if came.get(digest) else 200, size - came.get(digest, 0))
        for digest, size in missing.items()
    }
    assert sum(came.values()) >= 1_000_000
    assert "all is well" in warren.ok("system", "check")
    assert list(partial.iterdir()) == []


def sizes_in(folder: Path) -> dict[str, int]:
    """{name: bytes} of the files in a folder that a pull is at work in, if it is there yet."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            found[path.name] = path.stat().st_size
    return found


def test_kill_9_fifty_times_leaves_a_sound_store(large: str, warren: Warren) -> None:
    """Pulls are killed at moments spread over their whole length; then one may finish."""
    started = time.monotonic()
    warren.ok("pull", "-q", large)
    whole = time.monotonic() - started
    warren.ok("rmi", large)
    killed = 0
    while killed < 50:
        pull = subprocess.Popen(
            warren.command("pull", "-q", large), env=warren.variables(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(whole * (0.25 + 0.75 * killed / 50))
        pull.send_signal(signal.SIGKILL)
        if pull.wait() == -signal.SIGKILL:
            killed += 1
        else:
            whole *= 0.95  # it was quicker than that
        assert_sound(warren)
    warren.ok("pull", "-q", large)
    assert "1 images, 4 layers, 6 blobs: all is well" in warren.ok("system", "check")
    warren.ok("system", "prune", "-f")
    assert os.listdir(warren.root / "work") == [] == os.listdir(warren.root / "partial")


def assert_sound(warren: Warren) -> None:
    """Whatever is visible is whole; an image that did come in goes, so that there is work again."""
    store = Store(warren.root)
    assert store.database.sound() == "ok"
    for path in (store.layout_root / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    for layer in store.database.layers():
        assert store.layer_path(layer.chain).is_dir()
    if store.database.images():
        assert warren.run("system", "check").returncode == 0
        catalog.prune(store, every=True)
    store.close()


def damaged(warren: Warren) -> Path:
    record = json.loads(warren.ok("inspect", "odd:gzip"))[0]
    return Path(record["GraphDriver"]["Data"]["LowerDir"].split(":")[-1])


@pytest.fixture
def kept(warren: Warren, odd: Path) -> Warren:
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    return warren


def test_check_finds_a_changed_file_and_mends_the_layer(kept: Warren) -> None:
    file = damaged(kept) / "bin" / "tool"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"sh", b"xx", 1))
    done = kept.run("system", "check")
    assert done.returncode == 1 and '"bin/tool"' in done.stderr
    done = kept.run("system", "check", "--repair")
    assert done.returncode == 0 and "unpacked again" in done.stderr
    assert file.read_bytes() == before
    assert "all is well" in kept.ok("system", "check")


def test_check_finds_a_missing_layer_and_mends_it(kept: Warren) -> None:
    layer = damaged(kept).parent
    layer.rename(kept.home / "away")
    assert kept.run("system", "check").returncode == 1
    assert kept.run("system", "check", "-r").returncode == 0
    assert (layer / "diff" / "bin" / "tool").exists()


def test_check_finds_a_damaged_blob_which_a_pull_brings_again(kept: Warren, odd: Path) -> None:
    blob = damage_layer(kept, "odd:gzip")
    done = kept.run("system", "check", "--repair")
    assert "pull the image again" in done.stderr and not blob.exists()
    kept.ok("pull", "-q", f"oci:{odd}:gzip")
    assert "all is well" in kept.ok("system", "check")


def test_check_makes_a_new_database_from_the_layout(kept: Warren) -> None:
    before = kept.ok("images", "--no-trunc", "--digests")
    (kept.root / "store.db-wal").unlink(missing_ok=True)
    (kept.root / "store.db").write_bytes(b"not a database" * 1000)
    assert "--repair" in kept.fails("images")
    done = kept.run("system", "check", "--repair")
    assert done.returncode == 0, done.stderr
    assert kept.ok("images", "--no-trunc", "--digests") == before


@pytest.mark.parametrize(
    "now", ['{"schemaVersion":2,"manifests":[]}', "garbage"], ids=["lost", "unreadable"]
)
def test_check_writes_an_index_anew(kept: Warren, now: str) -> None:
    index = kept.root / "images" / "index.json"
    before = index.read_bytes()
    index.write_text(now)
    assert kept.run("system", "check").returncode == 1
    assert kept.run("system", "check", "-r").returncode == 0
    assert index.read_bytes() == before


def test_a_damaged_config_is_found_and_a_pull_brings_it_again(kept: Warren, odd: Path) -> None:
    config = (
        kept.root
        / "images/blobs"
        / json.loads(kept.ok("inspect", "odd:gzip"))[0]["Id"].replace(":", "/")
    )
    config.write_bytes(config.read_bytes().replace(b"linux", b"Linux"))
    assert "check --repair" in kept.fails("history", "odd:gzip")
    done = kept.run("system", "check")
    assert done.returncode == 1 and config.name in done.stderr
    kept.ok("pull", "-q", f"oci:{odd}:gzip")
    assert "all is well" in kept.ok("system", "check")


def test_a_newer_store_is_left_alone(kept: Warren) -> None:
    with sqlite3.connect(kept.root / "store.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    assert "newer warren" in kept.fails("images")


def test_the_same_layer_several_times_comes_in_once(store: Store, tmp_path: Path) -> None:
    layer = Layer().file("a").tar()
    Image([layer, layer, layer]).write(tmp_path / "image")
    keep(store, tmp_path / "image", "", "h.example/y:1")
    assert len(store.database.layers()) == 3  # three chain IDs,
    assert len(os.listdir(store.layout_root / "blobs" / "sha256")) == 3  # one blob of theirs


def test_ctrl_c_ends_at_once_and_the_next_pull_resumes(
    large: str, registry: str, warren: Warren
) -> None:
    """At once: it is waiting for bytes that do not come."""
    gate = Gate(registry, 2 << 20)
    pull = subprocess.Popen(
        warren.command("pull", "-q", large.replace(registry, gate.host)),
        env=warren.variables(), stderr=subprocess.PIPE,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not sum(sizes_in(warren.root / "partial").values()):
        assert pull.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    pull.send_signal(signal.SIGINT)
    _, said = pull.communicate(timeout=60)
    gate.close()
    assert (pull.returncode, said) == (130, b"warren: interrupted\n")
    warren.ok("pull", "-q", large)
    assert "all is well" in warren.ok("system", "check")


def test_a_damaged_blob_in_the_store_is_fetched_again(kept: Warren, odd: Path) -> None:
    record = json.loads(kept.ok("inspect", "odd:gzip"))[0]
    blob = kept.root / "images" / "blobs" / record["Layers"][0]["digest"].replace(":", "/")
    kept.ok("tag", "odd:gzip", "keeps:blobs")
    good = blob.read_bytes()
    blob.write_bytes(good[:-100])
    layer = damaged(kept).parent
    layer.rename(kept.home / "away")
    kept.ok("pull", "-q", f"oci:{odd}:gzip")
    assert blob.read_bytes() == good
    assert "all is well" in kept.ok("system", "check")
