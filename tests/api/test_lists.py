"""Filters of lists and prunes, and what docker system shows, by Docker's clients."""

import io
import json
import tarfile
import time
from pathlib import Path

import docker
import pytest

from tests.support.api import Api
from tests.support.leftovers import CGROUPS

pytestmark = pytest.mark.root


@pytest.fixture
def client(api: Api) -> "docker.DockerClient":
    return docker.DockerClient(base_url=f"unix://{api.path}")


def test_filters_of_containers(api: Api, client: "docker.DockerClient") -> None:
    def make(name: str, **more: object) -> str:
        options = {"network_mode": "none", "cgroup_parent": f"/{CGROUPS}", **more}
        return str(client.containers.create(api.engine.image, ["true"], name=name, **options).id)

    def found(**filters: object) -> set[str]:
        return {one.name for one in client.containers.list(all=True, filters=filters)}

    make("aa", labels={"x": "1", "y": "1"}, ports={"80/tcp": None})
    make("bb", labels={"x": "2"}, ports={"8000/udp": None})
    assert found(expose="70-90") == {"aa"}
    assert found(expose="8000/udp") == {"bb"}
    assert found(label=["x", "y=1"]) == {"aa"}
    assert found(name=["aa", "bb"]) == {"aa", "bb"}
    assert found(**{"is-task": "true"}) == set()
    assert found(publish="80") == set()
    for wrong in ({"expose": "no port"}, {"nothing": "x"}, {"is-task": "x"}):
        with pytest.raises(docker.errors.APIError) as refused:
            found(**wrong)
        assert refused.value.status_code == 400
    started = time.time()
    events = api.said("events", "--since", "0", "--until", str(started), "--filter", "label=x=2",
                      "--filter", "container=bb", "--format", "{{.Action}}")  # fmt: skip
    assert events == "create"
    for kind in ("daemon=x", "plugin=x", "scope=swarm"):
        past = ("--since", "0", "--until", str(started))
        assert api.said("events", *past, "--filter", kind) == ""
    assert client.containers.prune({"label": "x=2", "until": "1h"})["ContainersDeleted"] is not None
    assert found() == {"aa", "bb"}
    assert client.containers.prune({"label": "x=2"})["ContainersDeleted"]
    assert found() == {"aa"}
    client.containers.prune({"label!": ["y"]})
    assert found() == {"aa"}
    client.containers.prune({"until": str(int(started) + 60)})
    assert found() == set()


def test_filters_of_all_else(api: Api, client: "docker.DockerClient") -> None:
    name = api.engine.image
    assert [i.tags for i in client.images.list(filters={"reference": "none*"})] == []
    assert client.images.get(name).tag("bo", "1")
    assert client.api.images(filters={"reference": "bo"})[0]["RepoTags"] == ["bo:1"]
    assert client.images.list(filters={"before": name}) == []
    assert client.images.list(filters={"until": "2000-01-01"}) == []
    assert client.images.prune({"dangling": False, "label": "none"})["ImagesDeleted"] == []
    one = api.request("GET", "/images/json?manifests=1")[1][0]  # type: ignore[index]
    assert one["Manifests"][0]["ID"] == one["Descriptor"]["digest"]
    assert api.request("GET", f"/images/{name}/json?platform=linux/s390x")[0] == 404
    here = json.dumps(one["Manifests"][0]["ImageData"]["Platform"]).replace(" ", "")
    assert api.request("GET", f"/images/{name}/json?platform={here}")[0] == 200
    wrong = {"Image": name}
    assert api.request("POST", "/containers/create?platform=linux/arm64", wrong)[0] == 404
    client.volumes.create("one", labels={"keep": "1"})
    client.volumes.create("two")
    assert [v.name for v in client.volumes.list(filters={"label": "keep"})] == ["one"]
    gone = client.volumes.prune({"label!": ["keep"], "all": True})
    assert gone["VolumesDeleted"] == ["two"]
    client.networks.create("inner", labels={"keep": "1"}, internal=True)
    assert client.networks.prune({"label!": ["keep"]})["NetworksDeleted"] == []
    inner = client.networks.get("inner").attrs
    assert next(iter(inner["Status"]["IPAM"]["Subnets"].values()))["IPsInUse"] == 3
    assert [n.name for n in client.networks.list(filters={"type": "custom"})] == ["inner"]
    assert client.networks.prune({"label": ["keep"]})["NetworksDeleted"] == ["inner"]


def test_dockers_system_verbs(api: Api) -> None:
    api.docker("volume", "create", "v")
    df = api.said("system", "df", "-v")
    assert "v  " in df
    assert api.said("system", "df", "--format", "{{.Type}} {{.TotalCount}}").splitlines() == [
        "Images 1", "Containers 0", "Local Volumes 1", "Build Cache 0",
    ]  # fmt: skip
    verbose = api.request("GET", "/system/df?verbose=1&type=volume")[1]
    assert isinstance(verbose, dict)
    assert list(verbose) == ["VolumeUsage"]
    assert verbose["VolumeUsage"]["Items"][0]["Name"] == "v"
    assert api.request("GET", "/system/df?type=nothing")[0] == 400
    assert "WARNING" not in api.docker("info").stderr
    # docker inspect looks for a name among all that there is, also plugins.
    unknown = api.docker("inspect", "no-such-thing", check=False)
    assert "No such object: no-such-thing" in unknown.stderr
    for kind, items in (("application/json-seq", b"\x1e{"), ("application/jsonl", b"{")):
        path = f"/events?since=0&until={time.time():.3f}"
        body = api.request("GET", path, headers={"Accept": kind})[1]
        assert isinstance(body, bytes)
        assert body.startswith(items)
        assert b'"status"' not in body


def test_names_without_a_registry(api: Api, client: "docker.DockerClient", tmp_path: Path) -> None:
    """To Docker's clients they are as they were given; in the store those that were made here are
    localhost/NAME. A name is one image's, as in Docker."""
    image = api.engine.image
    api.docker("tag", image, "app")
    assert client.images.get("app").tags == ["app:latest", image]
    assert client.images.get("localhost/app").tags == ["app:latest", image]
    assert api.said("images", "--format", "{{.Repository}}:{{.Tag}}", "app") == "app:latest"
    assert "localhost/app" in api.engine.ok("images")
    api.engine.ok("run", "--rm", *api.engine.create("app", "true"))
    assert api.said("run", "--rm", *api.engine.create("app", "echo", "x")) == "x"
    # What docker save of Docker's own makes is of Docker Hub; the name moves to it, and back.
    id = client.images.get("app").id
    api.said("import", "-", "other", input=packed("one"))
    saved = tmp_path / "saved.tar"
    api.engine.ok("tag", "other", "docker.io/library/app:latest")
    api.engine.ok("save", "-o", str(saved), "docker.io/library/app:latest")
    api.engine.ok("rmi", "docker.io/library/app:latest")
    assert "Loaded image: app:latest" in api.said("load", "-i", str(saved))
    moved = client.images.get("app")
    assert moved.id != id and moved.tags == ["app:latest", "other:latest"]
    api.docker("tag", image, "app")
    assert client.images.get("app").id == id
    assert client.images.get("other").tags == ["other:latest"]
    assert api.said("rmi", "app") == "Untagged: app:latest"


def packed(name: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    return archive.getvalue()
