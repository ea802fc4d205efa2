"""Beside the tools that people use: docker-registry, skopeo, podman, umoci."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from conformance.samples.images import Image, Layer, write_layout
from conformance.samples.trees import describe, differences
from tests.support.podman import Podman, merged
from tests.support.registries import PASSWORD, USER, Server, TokenRegistry, Warren, skopeo

pytestmark = pytest.mark.root


@pytest.fixture(scope="session")
def pushed(registry: str, odd: Path) -> str:
    """The odd image in the plain registry, put there by skopeo: tags gzip and zstd."""
    for kind in ("gzip", "zstd"):
        skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{odd}:{kind}",
               f"docker://{registry}/odd:{kind}")  # fmt: skip
    return f"{registry}/odd"


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_the_pulled_layers_equal_umocis_tree(
    kind: str, pushed: str, odd: Path, warren: Warren, tmp_path: Path
) -> None:
    assert "Downloaded newer image" in warren.ok("pull", f"{pushed}:{kind}")
    ours = merged(warren, f"{pushed}:{kind}", tmp_path / "m")
    subprocess.run(
        ["umoci", "unpack", "--image", f"{odd}:gzip", tmp_path / "u"],
        check=True, capture_output=True,
    )  # fmt: skip
    theirs = describe(tmp_path / "u" / "rootfs")
    found = [line for line in differences(ours, theirs) if ": mtime:" not in line]
    # overlayfs counts links and shows a file replaced in an upper layer as its own.
    assert [line for line in found if "links" not in line] == []


def test_podman_makes_the_same_tree(pushed: str, warren: Warren, tmp_path: Path) -> None:
    """Save for folders that no layer describes, and the root: podman's are its own."""
    warren.ok("pull", "-q", f"{pushed}:gzip")
    ours = merged(warren, f"{pushed}:gzip", tmp_path / "m")
    with Podman() as podman:
        podman("pull", "-q", "--tls-verify=false", f"{pushed}:gzip")
        point = podman("image", "mount", f"{pushed}:gzip").split()[-1]
        theirs = describe(Path(point))
        podman("image", "umount", f"{pushed}:gzip")
    described = {b"", b"opt", b"opt/odd", b"usr", b"bin"} | {
        n for n in ours if n.startswith(b"deep")
    }
    found = [
        line
        for line in differences(
            {n: f for n, f in ours.items() if n not in described},
            {n: f for n, f in theirs.items() if n not in described},
        )
        if "links" not in line
    ]
    assert found == []


def test_podman_pulls_what_we_pushed(
    registry: str, odd: Path, warren: Warren, tmp_path: Path
) -> None:
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    name = f"{registry}/ours/odd:v1"
    image = warren.ok("images", "-q", "--no-trunc").strip()
    assert "digest: sha256:" in warren.ok("push", image, name)
    with Podman() as podman:
        pulled = podman("pull", "-q", "--tls-verify=false", name).strip()
    assert image == f"sha256:{pulled}"


def test_skopeo_reads_the_store_as_a_layout(pushed: str, warren: Warren, tmp_path: Path) -> None:
    warren.ok("pull", "-q", f"{pushed}:gzip")
    store = f"oci:{warren.root}/images:{pushed}:gzip"
    skopeo("copy", "-q", store, f"dir:{tmp_path}/copy")
    digest = json.loads(warren.ok("inspect", f"{pushed}:gzip"))[0]["Digest"]
    assert json.loads(skopeo("inspect", store))["Digest"] == digest
    assert warren.ok("bundle", "-q", f"dir:{tmp_path}/copy", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "last").exists()


def test_push_and_pull_keep_the_image_byte_for_byte(
    pushed: str, registry: str, warren: Warren, another: Warren
) -> None:
    warren.ok("pull", "-q", f"{pushed}:zstd")
    warren.ok("push", "-q", f"{pushed}:zstd", f"{registry}/round/trip:1")
    another.ok("pull", "-q", f"{registry}/round/trip:1")
    one = json.loads(warren.ok("inspect", f"{pushed}:zstd"))[0]
    other = json.loads(another.ok("inspect", f"{registry}/round/trip:1"))[0]
    assert (one["Id"], one["Digest"]) == (other["Id"], other["Digest"])
    again = warren.run("push", f"{pushed}:zstd", f"{registry}/round/other:1")
    assert "Mounted" in again.stderr  # known to be in another repository there
    third = warren.run("push", f"{pushed}:zstd", f"{registry}/round/other:2")
    assert "Already exists" in third.stderr


def test_pull_by_digest_and_tag(pushed: str, warren: Warren) -> None:
    digest = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{pushed}:gzip"))[
        "Digest"
    ]
    assert f"Digest: {digest}" in warren.ok("pull", f"{pushed}@{digest}")
    assert warren.ok("pull", "-q", f"{pushed}:other@{digest}").startswith("sha256:")
    assert warren.ok("images", "--format", "{{.Tag}}", pushed).split() == ["<none>"]
    wrong = "sha256:" + "0" * 64
    assert "404" in warren.fails("pull", "-q", f"{pushed}@{wrong}")
    assert warren.ok("pull", "-q", f"docker://{pushed}:gzip").startswith("sha256:")
    names = warren.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    assert sorted(names) == [f"{pushed}:<none>", f"{pushed}:gzip"]


def test_all_tags_and_search(pushed: str, registry: str, warren: Warren) -> None:
    warren.ok("pull", "--all-tags", pushed)
    tags = warren.ok("images", "--format", "{{.Tag}}", pushed).split()
    assert sorted(tags) == ["gzip", "zstd"]
    assert f"{registry}/odd" in warren.ok("search", f"{registry}/od").split()
    settings = warren.home / "two.toml"
    settings.write_text(f'search = ["127.0.0.1:1", "{registry}"]\n')
    done = warren.run("--config", settings, "search", "--no-trunc", "od")
    assert done.returncode == 1 and "connection refused" in done.stderr
    assert f"{registry}/odd" in done.stdout.split()  # one that fails does not hide the others
    assert "gzip" in warren.ok("search", "--list-tags", pushed)


def test_a_private_registry_wants_a_login(private_registry: str, odd: Path, warren: Warren) -> None:
    warren.ok("pull", "-q", f"oci:{odd}:tar")
    name = f"{private_registry}/team/odd:1"
    assert "warren login" in warren.fails("push", "-q", "odd:tar", name)
    wrong = warren.run("login", "-u", USER, "--password-stdin", private_registry, input=b"pa55")
    assert wrong.returncode == 1 and "401" in wrong.stderr and "pa55" not in wrong.stderr
    assert 'login as "ann": wrong user name or password' in wrong.stderr
    assert "warren login" not in wrong.stderr
    login = ["login", "-u", USER, "--password-stdin", private_registry]
    assert "Login Succeeded" in warren.ok(*login, input=PASSWORD.encode() + b"\n")
    kept = warren.home / ".docker" / "config.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert warren.ok("push", "-q", "odd:tar", name) == name + "\n"
    warren.ok("rmi", "odd:tar")
    warren.ok("pull", "-q", name)
    skopeo("inspect", "--tls-verify=false", "--authfile", kept, f"docker://{name}")
    assert "Removed" in warren.ok("logout", private_registry)
    assert "401" in warren.fails("pull", "-q", name)


def test_a_credential_helper_keeps_the_password(
    private_registry: str, odd: Path, warren: Warren, tmp_path: Path
) -> None:
    """A program docker-credential-kept, asked by its standard input alone."""
    helper = tmp_path / "docker-credential-kept"
    helper.write_text(
        f"""#!/bin/sh
        echo "$@" >>{tmp_path}/calls
        case $1 in
        store) cat >{tmp_path}/secret ;;
        get) cat {tmp_path}/secret 2>&1 || echo "credentials not found in native keychain" ;;
        erase) rm {tmp_path}/secret ;;
        esac
        test -e {tmp_path}/secret
        """
    )
    helper.chmod(0o755)
    warren.environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    settings = warren.home / ".docker" / "config.json"
    settings.parent.mkdir()
    settings.write_text('{"credsStore": "kept"}')
    warren.ok("pull", "-q", f"oci:{odd}:tar")
    name = f"{private_registry}/helped/odd:1"
    said = warren.run("login", "-u", USER, "--password-stdin", private_registry,
                      input=PASSWORD.encode())  # fmt: skip
    assert said.returncode == 0 and "docker-credential-kept" in said.stderr
    assert "auth" not in json.loads(settings.read_text())["auths"][private_registry]
    assert warren.ok("push", "-q", "odd:tar", name) == name + "\n"
    assert set((tmp_path / "calls").read_text().split()) == {"store", "get"}
    (tmp_path / "secret").unlink()
    assert "401" in warren.fails("pull", "-q", name)


def test_a_token_registry_gives_tokens(
    token_registry: TokenRegistry, odd: Path, warren: Warren, another: Warren
) -> None:
    host = token_registry.host
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    assert "warren login" in warren.fails("push", "-q", "odd:gzip", f"{host}/odd:1")
    wrong = warren.run("login", "-u", USER, "--password-stdin", host, input=b"pa55")
    assert wrong.returncode == 1 and "401" in wrong.stderr and "warren login" not in wrong.stderr
    assert 'login as "ann": wrong user name or password' in wrong.stderr
    warren.ok("login", "-u", USER, "--password-stdin", host, input=PASSWORD.encode())
    warren.ok("push", "-q", "odd:gzip", f"{host}/odd:1")
    warren.ok("push", "-q", "odd:gzip", f"{host}/second:1")
    assert any("pull%2Cpush" in asked for asked in token_registry.asked)
    token_registry.asked.clear()
    another.ok("pull", "-q", f"{host}/odd:1")  # without a login: anybody may pull
    assert len(token_registry.asked) == 1  # one token serves a whole pull


def test_tls_with_an_authority_of_its_own(
    tls_registry: Server, odd: Path, warren: Warren, tmp_path: Path
) -> None:
    name = f"{tls_registry.host}/odd:1"
    assert tls_registry.ca is not None
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    refused = warren.fails("push", "-q", "--tls-verify=true", "odd:gzip", name)
    assert "certificate not trusted" in refused
    warren.ok("push", "-q", "--cert-dir", tls_registry.ca.parent, "odd:gzip", name)
    assert "--cert-dir" in refused
    assert warren.run("pull", "-q", "--tls-verify=false", name).stderr == ""
    settings = tmp_path / "warren.toml"
    settings.write_text(f'[registry."{tls_registry.host}"]\nca = "{tls_registry.ca}"\n')
    warren.ok("rmi", name)
    warren.ok("--config", settings, "pull", "-q", name)
    assert "certificate not trusted" in warren.fails("pull", "-q", "--tls-verify", name)


def test_mirrors_are_asked_first(
    registry: str, pushed: str, warren: Warren, tmp_path: Path
) -> None:
    settings = tmp_path / "warren.toml"
    settings.write_text(
        'search = ["mirrored.invalid"]\n[registry."mirrored.invalid"]\n'
        f'mirrors = ["127.0.0.1:1", "{registry}"]\n'
    )
    done = warren.run("--config", settings, "pull", "odd:gzip")
    assert done.returncode == 0, done.stderr
    assert "mirror 127.0.0.1:1" in done.stderr
    assert "odd:gzip is mirrored.invalid/odd:gzip" in done.stderr
    assert "mirrored.invalid/odd" in warren.ok("images")


def test_archives_go_back_and_forth(
    odd: Path, warren: Warren, another: Warren, tmp_path: Path
) -> None:
    warren.ok("pull", "-q", f"oci:{odd}:gzip")
    warren.ok("tag", "odd:gzip", "docker.io/library/odd:two")
    saved = tmp_path / "saved.tar"
    warren.ok("save", "-o", saved, "odd:gzip", "docker.io/library/odd:two")
    # Ours is read by skopeo in both of its forms, and by podman.
    skopeo("copy", "-q", f"docker-archive:{saved}:odd:two", f"docker-archive:{tmp_path}/d.tar:x:1")
    skopeo(
        "copy", "-q", f"oci-archive:{saved}:localhost/odd:gzip", f"oci-archive:{tmp_path}/o.tar:x"
    )
    with Podman() as podman:
        assert "odd:two" in podman("load", "-q", "-i", str(saved))
    loaded = another.ok("load", "-q", "-i", saved).splitlines()
    assert len(loaded) == 2
    assert another.ok("images", "-q") == warren.ok("images", "-q")
    # What skopeo wrote is read by us: docker-archive has plain layers and no manifest.
    another.ok("load", "-q", "-i", tmp_path / "d.tar")
    another.ok("pull", "-q", f"oci-archive:{tmp_path}/o.tar:x")
    another.ok("pull", "-q", f"docker-archive:{tmp_path}/d.tar")
    subprocess.run(["gzip", "-1", tmp_path / "d.tar"], check=True)
    another.ok("load", "-q", input=(tmp_path / "d.tar.gz").read_bytes())
    ids = {i["Id"] for i in json.loads(another.ok("inspect", "odd:gzip", "docker.io/library/x:1"))}
    assert len(ids) == 1
    assert "all is well" in another.ok("system", "check")
    warren.ok("save", "--format", "oci-dir", "-o", tmp_path / "layout", "odd:gzip")
    skopeo("inspect", f"oci:{tmp_path}/layout:localhost/odd:gzip")


def test_import_makes_an_image_that_runs_what_it_says(warren: Warren, tmp_path: Path) -> None:
    tar = Layer().folder("etc").file("etc/passwd", b"me:x:7:8::/:/bin/sh\n").tar()
    warren.ok("import", "-c", 'CMD ["/bin/x", "-y"]', "-c", "USER me", "-c", "ENV A=b C=d", "-c",
              "WORKDIR /etc", "-", "made:1", input=tar)  # fmt: skip
    warren.ok("bundle", "-q", "made:1", tmp_path / "b")
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    process = config["process"]
    assert process["args"] == ["/bin/x", "-y"]
    assert (process["user"]["uid"], process["user"]["gid"], process["cwd"]) == (7, 8, "/etc")
    assert {"A=b", "C=d"} <= set(process["env"])
    assert config["root"]["path"] == "rootfs"


def test_a_platform_is_chosen_from_an_index(warren: Warren, tmp_path: Path) -> None:
    blobs, entries = {}, []
    for architecture in ("amd64", "arm64"):
        image = Image([Layer().file(architecture).tar()], architecture=architecture)
        raw = json.dumps(image.manifest()).encode()
        top = image.descriptor(raw, "application/vnd.oci.image.manifest.v1+json")
        entries.append({**top, "platform": {"os": "linux", "architecture": architecture}})
        blobs.update(image.blobs)
    raw = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    holder = Image([])
    top = holder.descriptor(raw, "application/vnd.oci.image.index.v1+json")
    top["annotations"] = {"org.opencontainers.image.ref.name": "multi"}
    write_layout(tmp_path / "l", {**blobs, **holder.blobs}, [top])
    warren.ok("bundle", "-q", "--platform", "linux/arm64", f"oci:{tmp_path}/l", tmp_path / "b")
    assert os.listdir(tmp_path / "b" / "rootfs") == ["arm64"]
    warren.ok("pull", "-q", f"oci:{tmp_path}/l")
    assert json.loads(warren.ok("inspect", "l:multi"))[0]["Architecture"] == "amd64"
    line = warren.fails("pull", "-q", "--platform", "s390x", f"oci:{tmp_path}/l")
    assert "linux/amd64, linux/arm64" in line


def test_busybox_from_a_bundle_of_umoci(warren: Warren, tmp_path: Path) -> None:
    """A real program in a real image, made by umoci, unpacked by us."""
    layout = tmp_path / "bb"

    def umoci(*words: object) -> None:
        subprocess.run(["umoci", *map(str, words)], check=True, capture_output=True)

    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:1")
    umoci("unpack", "--image", f"{layout}:1", tmp_path / "work")
    binary = tmp_path / "work" / "rootfs" / "bin"
    binary.mkdir()
    (binary / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (binary / "busybox").chmod(0o755)
    (binary / "sh").symlink_to("busybox")
    umoci("repack", "--image", f"{layout}:1", tmp_path / "work")
    umoci("config", "--image", f"{layout}:1", "--config.cmd", "/bin/sh")
    warren.ok("bundle", "-q", f"oci:{layout}:1", tmp_path / "b")
    root = tmp_path / "b" / "rootfs"
    said = subprocess.check_output(["chroot", root, "/bin/sh", "-c", "echo $((6*7))"], text=True)
    assert said == "42\n"


def test_dockers_own_formats_are_read(registry: str, odd: Path, warren: Warren) -> None:
    """Schema 2, as Docker pushes it, with its media types and gzip."""
    target = f"{registry}/docker/odd:1"
    skopeo("copy", "-q", "--dest-tls-verify=false", "--format", "v2s2", f"oci:{odd}:gzip",
           f"docker://{target}")  # fmt: skip
    warren.ok("pull", "-q", target)
    (document,) = json.loads(warren.ok("inspect", target))
    assert document["ManifestType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert document["Layers"][0]["mediaType"].endswith("diff.tar.gzip")
    warren.ok("push", "-q", target, f"{registry}/docker/again:1")
    info = json.loads(
        skopeo("inspect", "--tls-verify=false", f"docker://{registry}/docker/again:1")
    )
    assert info["Digest"] == document["Digest"]


def test_a_bundle_pulls_what_is_missing(pushed: str, warren: Warren, tmp_path: Path) -> None:
    assert "no such image" in warren.fails(
        "bundle", "--pull", "never", f"{pushed}:zstd", tmp_path / "b"
    )
    warren.ok("bundle", "-q", f"{pushed}:zstd", tmp_path / "b")
    assert (tmp_path / "b" / "rootfs" / "last").exists()
    assert f"{pushed}" in warren.ok("images")
    config = json.loads((tmp_path / "b" / "config.json").read_text())
    assert config["process"]["args"] == ["/bin/sh"]
    assert config["annotations"]["org.opencontainers.image.architecture"] == "amd64"
    again = warren.run("bundle", "-q", "--pull", "always", f"{pushed}:zstd", tmp_path / "c")
    assert again.returncode == 0, again.stderr
