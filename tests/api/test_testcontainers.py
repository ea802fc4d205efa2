"""testcontainers (PyPI): a server in a container for a test, ready, asked, gone."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api import serving
from tests.support.leftovers import CGROUPS
from tests.support.networks import NetworkEngine, in_namespace

pytestmark = pytest.mark.root

SESSION = """
import sys, urllib.request
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

image, cgroups = sys.argv[1:]
command = "sh -c 'echo begun; exec busybox httpd -f -p 80 -h /data'"
container = DockerContainer(image).with_command(command).with_exposed_ports(80)
container.with_kwargs(cgroup_parent=cgroups).with_env("A", "b")
with container.waiting_for(LogMessageWaitStrategy("begun")) as one:
    address = one.get_container_host_ip(), one.get_exposed_port(80)
    print(urllib.request.urlopen("http://%s:%s/kept" % address).read().decode(), end="")
    print(one.exec(["sh", "-c", "echo $A"]).output.decode(), end="")
"""


def test_a_server_for_a_test(network: NetworkEngine, tmp_path: Path) -> None:
    socket = str(tmp_path / "api.sock")
    with serving(network, socket):
        # Its reaper is an image of a registry; with this word it does without.
        environment = {"DOCKER_HOST": f"unix://{socket}", "TESTCONTAINERS_RYUK_DISABLED": "true"}
        done = subprocess.run(
            in_namespace(network.host.path, sys.executable, "-c", SESSION, network.image,
                         f"/{CGROUPS}"),
            env={**network.variables(), **environment}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "of the image\nb\n"), done.stderr
    assert network.ok("ps", "-aq") == ""
