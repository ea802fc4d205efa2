"""Logins, pulls and pushes of Docker's clients at a registry that wants a password."""

import base64
import json
from pathlib import Path

import docker
import pytest

from tests.support.api import Api
from tests.support.registries import PASSWORD, USER

pytestmark = pytest.mark.root


def test_dockers_command_logs_in(api: Api, private_registry: str, tmp_path: Path) -> None:
    api.config = str(tmp_path / "docker")
    image = f"{private_registry}/team/box:1"
    login = ("login", "-u", USER, "--password-stdin", private_registry)
    refused = api.docker(*login, input=b"wrong", check=False)
    assert refused.returncode == 1
    assert "wrong user name or password" in refused.stderr
    api.docker("tag", api.engine.image, image)
    assert api.docker("push", image, check=False).returncode == 1
    assert "Login Succeeded" in api.said(*login, input=PASSWORD.encode())
    assert "digest: sha256:" in api.said("push", image)
    api.docker("rmi", image)
    assert image in api.said("pull", image)
    assert api.said("images", "--format", "{{.Repository}}:{{.Tag}}", image) == image
    api.docker("logout", private_registry)
    api.docker("rmi", image)
    assert api.docker("pull", image, check=False).returncode == 1
    # The credentials are the client's; the server has kept none.
    assert not list(api.engine.home.rglob("auth.json"))
    assert not (api.engine.home / ".docker").exists()


def test_docker_py_logs_in(api: Api, private_registry: str) -> None:
    client = docker.DockerClient(base_url=f"unix://{api.path}")
    with pytest.raises(docker.errors.APIError) as refused:
        client.login(USER, "wrong", registry=private_registry)
    assert refused.value.status_code == 401
    repository = f"{private_registry}/team/py"
    assert client.images.get(api.engine.image).tag(repository, "2")
    # These name no registry: they are for the one of the image.
    given = {"username": USER, "password": PASSWORD}
    pushed = client.images.push(repository, "2", auth_config=given, stream=True, decode=True)
    assert list(pushed)[-1]["aux"]["Tag"] == "2"
    client.images.remove(f"{repository}:2")
    with pytest.raises(docker.errors.APIError):
        client.images.pull(repository, "2")
    found = client.images.get_registry_data(f"{repository}:2", auth_config=given)
    assert found.has_platform("linux/amd64")
    assert found.id.startswith("sha256:")
    assert f"{repository}:2" in client.images.pull(repository, "2", auth_config=given).tags
    assert client.login(USER, PASSWORD, registry=private_registry)["Status"] == "Login Succeeded"
    client.close()


def test_headers_that_are_wrong(api: Api, private_registry: str) -> None:
    path = f"/images/create?fromImage={private_registry}/team/none&tag=1"
    for given in (b"[]", b"{", b"\xff", b'{"username":1}', b"[" * 100_000):
        header = base64.urlsafe_b64encode(given).decode()
        if len(header) > 60_000:
            header = header[:60_000]
        status, document = api.request("POST", path, headers={"X-Registry-Auth": header})
        assert status == 400, document
    other = json.dumps({"username": USER, "password": PASSWORD, "serveraddress": "elsewhere:1"})
    header = base64.urlsafe_b64encode(other.encode()).decode()
    status, document = api.request("POST", path, headers={"X-Registry-Auth": header})
    assert status == 404, document  # the registry has let us in; it does not have the image
