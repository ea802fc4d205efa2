"""hutch.images from a Python program: what warren does, as calls."""

import json
import re
import subprocess
import sys
from pathlib import Path

import hutch
import pytest
from hutch.images import (
    Access,
    Digest,
    ImageNotFound,
    NotInRegistry,
    RegistryError,
    Reporter,
    Store,
    StoreDamaged,
    connect,
)

from conformance.samples.images import Image, Layer
from tests.support.registries import Server

pytestmark = pytest.mark.root

README = Path(__file__).parents[2] / "runtime" / "hutch" / "images" / "README.md"
PLAIN = Access(verify=False)


class Told(Reporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.blobs: set[Digest] = set()

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def done(self, digest: Digest, what: str) -> None:
        self.blobs.add(digest)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    """An image of two layers in an OCI layout."""
    lower = Layer().folder("etc").file("etc/name", b"lower")
    upper = Layer().file("etc/name", b"upper")
    config = {"Cmd": ["/bin/sh"], "Labels": {"team": "a"}}
    image = Image([lower.tar(), upper.tar()], config=config)
    return f"oci:{image.write(tmp_path / 'layout')}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", access=PLAIN)


def test_the_program_of_the_documentation_runs(
    registry: str, layout: str, store: Store, tmp_path: Path
) -> None:
    store.push(store.pull(layout).image.id, f"{registry}/team/app:1.0")
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    program = program.replace("registry.example:5000", registry).replace("/srv", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.stderr == ""
    first, lower, upper, tags, missing = done.stdout.splitlines()
    assert first.startswith("sha256:") and " linux/amd64 " in first
    for line in (lower, upper):
        digest, size, directory = line.split()
        assert Digest.parse(digest) and int(size) > 0 and Path(directory).is_dir()
    assert sorted(re.findall(r"'(.*?)'", tags)) == ["1.0", "tested"]
    assert missing.startswith('"app:tested": no such image')
    assert (tmp_path / "bundle" / "rootfs" / "etc" / "name").read_bytes() == b"upper"
    assert json.loads((tmp_path / "bundle" / "config.json").read_text())["process"]["args"]
    (again,) = store.load(tmp_path / "app.tar")
    assert again.names == ["localhost/app:tested"]


def test_an_image_tells_what_it_is(layout: str, store: Store) -> None:
    told = store.reporter = Told()
    pulled = store.pull(layout)
    image = pulled.image
    assert pulled.fresh and not store.pull(layout).fresh
    assert [one.id for one in store.images()] == [image.id] == [store.find(image.id).id]
    assert (image.digest, pulled.digest) == (image.manifest.digest, image.manifest.digest)
    lower, upper = image.layers
    assert lower.chain_id == lower.diff_id != upper.chain_id
    assert (upper.directory / "etc" / "name").read_bytes() == b"upper"
    assert {lower.digest, upper.digest} <= told.blobs
    assert image.has_label("team=a") and not image.has_label("team=b")
    assert image.config.platform == image.platform
    assert image.inspect()["Id"] == image.id
    assert [step["CreatedBy"] for step in image.history()] == ["layer 1", "layer 0"]


def test_what_is_missing_and_what_is_damaged_are_types(
    registry: str, layout: str, store: Store
) -> None:
    with pytest.raises(ImageNotFound) as missing:
        store.find("nosuch")
    assert isinstance(missing.value, hutch.ImageError)
    with pytest.raises(NotInRegistry) as refused:
        store.pull(f"{registry}/nosuch/image")
    assert isinstance(refused.value, RegistryError) and isinstance(refused.value, hutch.HutchError)
    store.pull(layout)
    store.close()
    (store.root / "store.db").write_bytes(b"no database" * 100)
    broken = Store(store.root, reporter=(told := Told()))
    with pytest.raises(StoreDamaged):
        broken.images()
    broken.rebuild()
    assert len(broken.images()) == 1
    assert len(told.warnings) == 1
    assert broken.check().findings == []


def test_names_and_what_nothing_needs(layout: str, store: Store) -> None:
    image = store.pull(layout).image
    (name,) = image.names
    assert store.tag(name, "other") == "localhost/other:latest"
    assert store.find("other").is_named("other:latest")
    assert store.remove(name) == [f"Untagged: {name}"]
    assert store.prune(every=True, meant=lambda one: one.has_label("team=b")) == ([], 0)
    gone, size = store.prune(every=True)
    assert [str(one) for one in gone] == [image.id] and size > 0
    assert store.images() == []
    assert {part.kind: part.count for part in store.usage()}["Layers"] == 0


def test_credentials_and_certificates_are_the_callers(
    tls_registry: Server, layout: str, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError, match="certificate not trusted"):
        connect(tls_registry.host).catalogue()
    assert tls_registry.ca is not None
    access = Access(certificates=str(tls_registry.ca.parent))
    with Store(tmp_path / "trusting", access=access) as store:
        store.pull(layout)
        pushed = store.push(store.images()[0].name, f"{tls_registry.host}/lib/app:1")
        assert store.tags(f"{tls_registry.host}/lib/app") == ["1"]
        assert pushed.digest == store.images()[0].digest
        assert [one.name for one in store.pull_tags(f"{tls_registry.host}/lib/app")] == [
            f"{tls_registry.host}/lib/app:1"
        ]


def test_hutch_itself_does_not_import_it() -> None:
    program = "import sys, hutch; hutch.Container; print([m for m in sys.modules if 'image' in m])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"[]\n"
