"""Every hostile case once more as a person meets it: the pull is refused, the store unchanged."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hutch.defaults.config import container_config
from hutch.image.bundle import make_bundle
from hutch.image.errors import ImageError
from hutch.image.layout import LayoutSource
from hutch.image.limits import Budget
from hutch.image.manifest import Descriptor
from hutch.image.platform import Platform
from hutch.image.progress import Reporter
from hutch.image.pull import Puller
from hutch.image.source import resolve
from hutch.image.store import Store

from conformance.samples.images import Image, Layer
from conformance.samples.trees import describe
from tests.support.layers import HOSTILE

pytestmark = pytest.mark.root
AMD64 = Platform("linux", "amd64")


def everything(store: Store) -> object:
    """The files of the store, without those of the database and without the times of folders."""
    files = {
        path: {fact: value for fact, value in facts.items() if fact != "mtime"}
        for path, facts in describe(store.root).items()
        if not path.startswith(b"store.db")
    }
    return files, store.database.names(), store.database.layers(), store.database.images()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with an image in it, whose lowest layer the hostile ones have too."""
    folder = tmp_path_factory.mktemp("hostile")
    store = Store(folder / "store")
    Image([Layer().file("good", b"good").tar()]).write(folder / "good")
    Puller(store, Reporter()).pull(LayoutSource(folder / "good"), AMD64, ["h.example/kept:1"])
    return store


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_layer_leaves_the_store_as_it_was(
    case: str, store: Store, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    make, words = HOSTILE[case]
    layers = [Layer().file("good", b"good").tar(), make(outside), Layer().file("above").tar()]
    Image(layers).write(tmp_path / "layout")
    before, untouched = everything(store), describe(outside)
    with pytest.raises(ImageError) as refusal:
        Puller(store, Reporter()).pull(LayoutSource(tmp_path / "layout"), AMD64, ["h.example/x:1"])
    assert words.replace("in the layer", "in the image") in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert everything(store) == before
    assert describe(outside) == untouched


class Watching(LayoutSource):
    """A source that checks who can reach the files while they are unpacked (S-62)."""

    modes: list[int]
    watched: list[Path]

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See ``Source``."""
        for chunk in super().blob(descriptor, offset):
            yield chunk
            self.modes += [stat.S_IMODE(path.stat().st_mode) for path in self.watched]


@pytest.mark.parametrize("existing", [True, False])
def test_s62_no_other_user_can_reach_a_layer_during_unpacking(
    existing: bool, tmp_path: Path
) -> None:
    tool = Layer().file("tool", b"#!/bin/sh\n" * 200_000, mode=0o4755).tar()
    Image([tool], "tar").write(tmp_path / "layout")
    store = Store(tmp_path / "store")
    source = Watching(tmp_path / "layout")
    source.modes, source.watched = [], [store.root, store.work, store.layers, store.partial]
    pulled = Puller(store, Reporter()).pull(source, AMD64, [])
    assert set(source.modes) == {0o700}
    source.modes, source.watched = [], [tmp_path / "b"]
    if existing:
        (tmp_path / "b").mkdir(mode=0o755)
    manifest, config, _ = resolve(source, AMD64)
    assert manifest.digest == pulled.manifest.digest
    bundle, base = tmp_path / "b", container_config()
    make_bundle(source, manifest, config, bundle, base=base, reporter=Reporter(), budget=Budget())
    assert set(source.modes) == {0o700}
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o700
