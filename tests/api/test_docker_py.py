"""docker-py (PyPI) against ``warren serve``: it uses the version that the server announces."""

import io
import tarfile

import docker
import pytest

from tests.support.api import Api
from tests.support.leftovers import CGROUPS

pytestmark = pytest.mark.root


@pytest.fixture
def client(api: Api) -> "docker.DockerClient":
    return docker.DockerClient(base_url=f"unix://{api.path}")


def test_a_session(api: Api, client: "docker.DockerClient") -> None:
    image = api.engine.image
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.55"
    options = {"network_mode": "none", "cgroup_parent": f"/{CGROUPS}"}
    said = client.containers.run(image, ["echo", "hello"], remove=True, **options)
    assert said == b"hello\n"
    with pytest.raises(docker.errors.ContainerError) as failed:
        client.containers.run(image, ["sh", "-c", "echo bad >&2; exit 3"], remove=True, **options)
    assert failed.value.exit_status == 3
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get("nothing")
    container = client.containers.run(
        image, ["sh", "-c", "echo one; echo two >&2; sleep 100"], name="py", detach=True,
        volumes={"pydata": {"bind": "/data", "mode": "rw"}}, labels={"a": "b=c"},
        environment={"X": "y"}, mem_limit="64m", **options,
    )  # fmt: skip
    container.reload()
    assert container.status == "running"
    assert container.labels["a"] == "b=c"
    assert [c.id for c in client.containers.list(filters={"label": ["a=b=c"]})] == [container.id]
    code, output = container.exec_run(["sh", "-c", "echo $X; echo e >&2; exit 4"], demux=True)
    assert (code, output) == (4, (b"y\n", b"e\n"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("given")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    assert container.put_archive("/tmp", archive.getvalue())
    chunks, found = container.get_archive("/tmp/given")
    assert (found["name"], found["size"]) == ("given", 3)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        member = tar.extractfile("given")
        assert member is not None
        assert member.read() == b"abc"
    statistics = container.stats(stream=False)
    assert statistics["memory_stats"]["limit"] == 64 << 20
    assert any("inactive_file" in name for name in statistics["memory_stats"]["stats"])
    assert statistics["memory_stats"]["usage"] > 0
    assert container.top()["Titles"]
    assert container.logs(stdout=True, stderr=False) == b"one\n"
    following = container.attach(logs=True, stream=True, stdout=False)
    assert next(following) == b"two\n"
    assert container.logs(stdout=False, stderr=True) == b"two\n"
    container.stop(timeout=0)
    assert container.wait()["StatusCode"] == 137
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        client.containers.get("py")
    volume = client.volumes.get("pydata")
    assert volume.attrs["Mountpoint"]
    volume.remove()
    assert client.images.list()
    assert client.df()["Images"]
