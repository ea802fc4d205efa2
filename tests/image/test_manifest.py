"""Manifests, descriptors, digests, names: what is refused, and why."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hutch.errors import UsageError
from hutch.image.digest import Digest, chain_ids
from hutch.image.errors import ImageError
from hutch.image.manifest import (
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    Index,
    Manifest,
    check_runnable,
    parse,
    parse_config,
)
from hutch.image.platform import Platform
from hutch.image.reference import Reference, candidates, resolve_remote
from hutch.image.source import resolve
from hypothesis import given
from hypothesis import strategies as st

HEX = "a" * 64
SHA = "sha256:" + HEX


def descriptor(media_type: str = OCI_LAYER, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": SHA, "size": 7, **more}


def manifest(**more: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG),
        "layers": [descriptor()], **more,
    }  # fmt: skip


def read(document: Any, media_type: str = "") -> Manifest | Index:
    return parse(json.dumps(document).encode(), media_type)


@pytest.mark.parametrize(
    "text",
    ["", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, SHA + "\n",
     "sha256:../../etc/passwd", "sha256:" + "a" * 62 + "/.", "SHA256:" + HEX, None, 7, HEX],
)  # fmt: skip
def test_s70_only_a_complete_lower_case_digest_is_valid(text: object) -> None:
    with pytest.raises(ImageError, match="not a digest"):
        Digest.parse(text)


def test_s70_a_digest_is_a_safe_path() -> None:
    assert Digest.parse(SHA).path == f"sha256/{HEX}"
    assert Digest.parse("sha512:" + "0" * 128).path == "sha512/" + "0" * 128


def test_chain_ids_are_the_specs() -> None:
    one, two = Digest.of(b"1"), Digest.of(b"2")
    assert chain_ids([one, two]) == [one, Digest.of(f"{one} {two}".encode())]
    assert chain_ids([]) == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (manifest(manifests=[]), "both a manifest and an index"),
        (manifest(fsLayers=[]), "both schema 1 and schema 2"),
        (manifest(schemaVersion=1), "schema 1"),
        (manifest(schemaVersion=3), "schemaVersion"),
        (manifest(mediaType=7), "mediaType"),
        (manifest(mediaType="text/html"), "neither an image manifest nor an index"),
        (manifest(layers=None), "neither"),
        (manifest(config=None), "descriptor"),
        (manifest(layers=[descriptor(size=-1)]), "layers[0].size"),
        (manifest(layers=[descriptor(size=True)]), "layers[0].size"),
        (manifest(layers=[descriptor(size=1.5)]), "layers[0].size"),
        (manifest(layers=[descriptor(size=1 << 70)]), "layers[0].size"),
        (manifest(layers=[descriptor(digest="sha256:../x")]), "layers[0].digest"),
        (manifest(layers=[descriptor(data="!!")]), "layers[0].data"),
        (manifest(layers=[descriptor(data=base64.b64encode(b"7 bytes").decode())]), "agree"),
        (manifest(layers=[descriptor(OCI_EMPTY)]), "empty JSON"),
        (manifest(layers=[descriptor()] * 501), "501 layers"),
        (manifest(annotations={"a": 1}), "annotations"),
        ([], "object"),
        ({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [3]}, "manifests[0]"),
    ],
)  # fmt: skip
def test_s72_s73_malformed_manifests_are_refused(document: Any, words: str) -> None:
    with pytest.raises(ImageError) as refusal:
        read(document)
    assert words in str(refusal.value)


def test_s72_the_senders_media_type_must_agree() -> None:
    with pytest.raises(ImageError, match="the sender's type"):
        read(manifest(), DOCKER_MANIFEST)
    assert isinstance(read(manifest(), OCI_MANIFEST), Manifest)
    assert isinstance(read(manifest(), "application/octet-stream"), Manifest)


def test_s72_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ImageError, match="given twice"):
        parse(b'{"schemaVersion":2,"schemaVersion":2}')


def test_s69_a_manifest_that_is_too_long_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ImageError, match="limit"):
        parse(b"[" * (5 << 20))


def test_deep_json_is_an_error_not_a_crash() -> None:
    with pytest.raises(ImageError, match="nested"):
        parse(b'{"a":' * 100_000)


def test_an_artifact_is_no_image() -> None:
    parsed = read(manifest(config=descriptor("application/vnd.example.chart")))
    assert isinstance(parsed, Manifest)
    with pytest.raises(ImageError, match="artifact"):
        check_runnable(parsed)


def test_config_and_manifest_have_as_many_layers() -> None:
    parsed = read(manifest())
    assert isinstance(parsed, Manifest)
    rootfs = {"type": "layers", "diff_ids": [SHA, SHA]}
    with pytest.raises(ImageError, match="2 diff_ids"):
        parse_config(json.dumps({"os": "linux", "rootfs": rootfs}).encode(), parsed)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_parser(raw: bytes) -> None:
    with pytest.raises(ImageError):
        parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(
    st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests", "annotations"]),
    JSON | st.just(2) | st.just([descriptor()]) | st.just(descriptor()),
))  # fmt: skip
def test_no_document_crashes_the_parser(document: dict[str, Any]) -> None:
    try:
        parsed = read(document)
    except ImageError:
        return
    assert isinstance(parsed, Manifest | Index)


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag"),
    [
        ("busybox", "", "busybox", ""),
        ("busybox:1.36", "", "busybox", "1.36"),
        ("team/app", "", "team/app", ""),
        ("docker.io/busybox", "docker.io", "library/busybox", ""),
        ("index.docker.io/busybox", "docker.io", "library/busybox", ""),
        ("localhost/app:v1", "localhost", "app", "v1"),
        ("127.0.0.1:5000/a/b:t", "127.0.0.1:5000", "a/b", "t"),
        ("[::1]:5000/a", "[::1]:5000", "a", ""),
        ("Host/app", "Host", "app", ""),
    ],
)
def test_names_are_taken_apart(text: str, registry: str, path: str, tag: str) -> None:
    reference = Reference.parse(text)
    assert (reference.registry, reference.path, reference.tag) == (registry, path, tag)


def test_a_name_may_have_tag_and_digest() -> None:
    reference = Reference.parse(f"example.org/a:t@{SHA}")
    assert (reference.tag, str(reference.digest)) == ("t", SHA)
    assert reference.selector == SHA
    assert str(reference) == f"example.org/a:t@{SHA}"


@pytest.mark.parametrize(
    "text", ["", "A", "a b", "a:", "a:-x", "a@sha256:12", "-a", "a//b", "a/", "/a", "a:t:u",
             "a.b/../c", "h:99999999/x", "a:" + "t" * 129, "a\x1b[31m", "docker.io/", "a/_b"],
)  # fmt: skip
def test_malformed_names_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        Reference.parse(text)
    assert str(refusal.value).isprintable()


def test_a_short_name_is_never_guessed() -> None:
    with pytest.raises(UsageError, match="no registry is configured"):
        resolve_remote("app", [], {})
    with pytest.raises(UsageError, match=r"one.example/app:latest, two.example/app:latest"):
        resolve_remote("app", ["one.example", "two.example"], {})
    assert str(resolve_remote("app", ["one.example/team"], {})) == "one.example/team/app:latest"
    assert str(resolve_remote("app:1", ["one.example"], {"app": "x.y/z"})) == "x.y/z:1"
    assert candidates(Reference.parse("a.b/c"), ["one.example"], {}) == [Reference("a.b", "c")]


class Documents:
    """A source of documents by digest: images by platform, and indexes of what is in it."""

    def __init__(self) -> None:
        self.by_digest: dict[str, bytes] = {}
        self.asked = 0

    def add(self, document: dict[str, Any], media_type: str, platform: str = "") -> dict[str, Any]:
        raw = json.dumps(document).encode()
        digest = str(Digest.of(raw))
        self.by_digest[digest] = raw
        said = {"platform": Platform.parse(platform).json()} if platform else {}
        return {"mediaType": media_type, "digest": digest, "size": len(raw), **said}

    def image(self, platform: str, *, number: int = 0, said: bool = True) -> dict[str, Any]:
        made_for = Platform.parse(platform).json()
        config = {**made_for, "rootfs": {"type": "layers", "diff_ids": []}}
        described = self.add(config, OCI_CONFIG)
        document = manifest(config=described, layers=[], annotations={"number": str(number)})
        return self.add(document, OCI_MANIFEST, platform if said else "")

    def index(self, *entries: dict[str, Any]) -> dict[str, Any]:
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        return self.add(document, OCI_INDEX)

    def chosen(self, top: dict[str, Any], wanted: str) -> str:
        self.top_raw = self.by_digest[top["digest"]]
        return resolve(self, Platform.parse(wanted))[0].annotations["number"]

    def top(self) -> tuple[bytes, str]:
        return self.top_raw, OCI_INDEX

    def document(self, descriptor: Descriptor, limit: int) -> bytes:
        self.asked += 1
        return self.by_digest[str(descriptor.digest)]

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        yield self.by_digest[str(descriptor.digest)]

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        (["linux/arm64", "linux/amd64"], "linux/amd64", 1),
        (["linux/amd64", "linux/amd64"], "linux/amd64", 0),
        (["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v7", 1),
        (["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], "linux/arm/v7", 1),
        (["linux/arm64/v8"], "linux/arm64", 0),
        (["windows/amd64", "linux/386", "linux/amd64/v3", "linux/amd64"], "linux/amd64", 3),
    ],
)
def test_the_best_platform_is_chosen(offered: list[str], wanted: str, chosen: int) -> None:
    documents = Documents()
    images = [documents.image(text, number=n) for n, text in enumerate(offered)]
    assert documents.chosen(documents.index(*images), wanted) == str(chosen)


def test_a_missing_platform_is_named_with_what_there_is() -> None:
    documents = Documents()
    top = documents.index(documents.image("linux/arm64"), documents.image("linux/amd64"))
    with pytest.raises(ImageError, match=r"not made for linux/s390x .*linux/amd64, linux/arm64"):
        documents.chosen(top, "s390x")


def test_indexes_in_an_index_are_all_looked_into() -> None:
    documents = Documents()
    arm, amd = documents.image("arm64", number=1), documents.image("amd64", number=2)
    nested = documents.index(documents.index(arm), documents.index(documents.index(amd)))
    assert [documents.chosen(nested, wanted) for wanted in ("arm64", "amd64")] == ["1", "2"]
    with pytest.raises(ImageError, match=r"not made for linux/386 .*linux/amd64, linux/arm64"):
        documents.chosen(nested, "386")


def test_what_says_no_platform_is_known_by_its_config() -> None:
    documents = Documents()
    images = [documents.image(a, number=n, said=False) for n, a in enumerate(["arm64", "amd64"])]
    assert documents.chosen(documents.index(*images), "amd64") == "1"
    said = documents.image("amd64", number=5)
    assert documents.chosen(documents.index(*images, said), "amd64") == "5"
    assert documents.chosen(documents.index(images[1]), "amd64") == "1"


def test_s69_the_documents_fetched_for_an_index_are_limited() -> None:
    documents = Documents()
    wide = [documents.index(documents.image("arm64", number=n)) for n in range(100)]
    with pytest.raises(ImageError, match="more than 32"):
        documents.chosen(documents.index(*wide), "amd64")
    assert documents.asked == 32
    deep = documents.image("amd64")
    for _ in range(5):
        deep = documents.index(deep)
    with pytest.raises(ImageError, match="indexes, one in another"):
        documents.chosen(deep, "amd64")
