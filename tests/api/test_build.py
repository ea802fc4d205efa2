"""Builds by Docker's clients and by ``warren build``: buildah, with hutch, on our images."""

import io
import tarfile
from pathlib import Path

import docker
import pytest

from tests.support.api import Api, UnixConnection
from tests.support.engines import eventually
from tests.support.leftovers import CGROUPS
from tests.support.networks import NetworkEngine

pytestmark = pytest.mark.root
DOCKERFILE = """
ARG BASE=nothing
FROM ${{BASE}} AS one
ARG WHO
RUN echo hello $WHO > /hello; ls /sys/class/net > /links
FROM one
COPY file /file
LABEL from=dockerfile
CMD ["cat", "/hello", "/file"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE.format())
    (folder / "file").write_text("copied\n")
    return folder


def flags(image: str) -> list[str]:
    return ["--network", "none", "--build-arg", f"BASE={image}", "--build-arg", "WHO=you"]


def test_dockers_command_builds(api: Api, context: Path) -> None:
    image = api.engine.image
    words = ("build", "--cgroup-parent", f"/{CGROUPS}", *flags(image), "--label", "more=1", "-t",
             "made:1", "-t", "made:2", str(context))  # fmt: skip
    done = api.docker(*words)
    assert "STEP" in done.stdout
    assert "Successfully tagged made:2" in done.stdout
    run = ("run", "--rm", *api.engine.create())
    assert api.said(*run, "made:1") == "hello you\ncopied"
    assert api.said(*run, "made:2", "cat", "/links") == "lo"
    labels = api.said("inspect", "-f", "{{json .Config.Labels}}", "made:1")
    assert '"from":"dockerfile"' in labels
    assert '"more":"1"' in labels
    # Once it was built, nothing is run again.
    assert "Using cache" in api.docker(*words).stdout
    # OCI's images have no health checks: Docker's format is used then.
    (context / "Dockerfile").write_text(f"FROM {image}\nHEALTHCHECK --interval=5s CMD true\n")
    id = api.said(*words[:-1], "-q", words[-1])
    assert api.said("images", "-q", "--no-trunc", "made:1") == id
    check = api.said("inspect", "-f", "{{.Config.Healthcheck}}", "made:1")
    assert check.startswith("{[CMD-SHELL true] 5s")
    assert "Total reclaimed space" in api.said("builder", "prune", "-f")
    api.docker("system", "prune", "-f")


def test_clients_learn_that_there_is_no_buildkit(api: Api) -> None:
    """/_ping recommends the classic builder; who wants BuildKit is told what to do."""
    reply = UnixConnection(api.path)
    reply.request("HEAD", "/_ping")
    assert reply.getresponse().headers["Builder-Version"] == "1"
    reply.close()
    for path in ("/session", "/grpc"):
        status, said = api.request("POST", path)
        assert (status, "DOCKER_BUILDKIT=0" in said["message"]) == (501, True)  # type: ignore[index]


def test_docker_py_builds(api: Api, context: Path) -> None:
    client = docker.DockerClient(base_url=f"unix://{api.path}")
    args = {"BASE": api.engine.image, "WHO": "py"}
    built, lines = client.images.build(path=str(context), tag="py:1", buildargs=args,
                                       network_mode="none", target="one")  # fmt: skip
    assert "py:1" in built.tags
    assert any("STEP" in line.get("stream", "") for line in lines)
    failing = f"FROM {api.engine.image}\nRUN echo bad; exit 7\n".encode()
    with pytest.raises(docker.errors.BuildError, match="exit status 7") as failed:
        client.images.build(fileobj=io.BytesIO(failing), network_mode="none")
    assert any("bad\n" in line.get("stream", "") for line in failed.value.build_log)
    with pytest.raises(docker.errors.BuildError, match="localhost:1"):
        client.images.build(fileobj=io.BytesIO(b"FROM localhost:1/image\n"))
    client.close()


def test_contexts_that_are_hostile(api: Api, tmp_path: Path) -> None:
    """No entry leaves the context, and the Dockerfile is in it."""
    secret = tmp_path / "secret"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        for name in ("out/secret", f"../../../../../../../..{secret}", str(secret)):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    headers = {"Content-Type": "application/x-tar"}
    for query in ("", "?dockerfile=../x", "?dockerfile=/etc/passwd", "?buildargs=[", "?version=2",
                  "?remote=x", "?ulimits={}"):  # fmt: skip
        status, said = api.request("POST", f"/build{query}", archive.getvalue(), headers)
        assert 400 <= status <= 501, said
        assert not secret.exists()
    status, said = api.request("POST", "/build", b"no archive", headers)
    assert status >= 400, said
    work = api.engine.root / "work"
    eventually(lambda: not list(work.glob("build-*")))


def test_warren_builds_with_a_network(network: NetworkEngine, context: Path) -> None:
    """RUN steps have a network of their own unless they are to have none."""
    words = ["build", *flags(network.image)[2:], "-q", "-t", "net:1", str(context)]
    id = network.ok(*words).strip()
    assert id.startswith("sha256:")
    links = network.ok("run", "--rm", "--network", "none", "net:1", "cat", "/links")
    assert links.split() == ["eth0", "lo"]
    assert "Total reclaimed space" in network.ok("builder", "prune", "-f")
    network.host.run("nft", "flush", "ruleset")  # netavark leaves its chains
    no = network.fails("build", "--network", "mine", str(context), status=125)
    assert "no network of builds" in no
    assert "is no folder" in network.fails("build", str(context / "file"), status=125)
