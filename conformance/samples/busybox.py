"""An image of busybox, with two users and a folder that a volume can take over."""

import hashlib
import json
from pathlib import Path

from conformance.samples.images import Image, Layer

APPLETS = """
sh cat echo sleep true false ls id env hostname mount stat touch mkdir rm df nproc kill ps grep
head tail wc test pwd dd tty stty cut sort awk sed ip seq date printf tr mknod chmod chown
dnsdomainname sysctl nc yes dmesg nslookup ping
"""


def busybox_layer() -> Layer:
    """The root file system, with the machine's own static busybox."""
    layer = Layer()
    for name in ("bin", "dev", "etc", "home", "home/guest", "proc", "root", "sys", "tmp", "data"):
        mode = 0o1777 if name == "tmp" else 0o755
        owner = {"uid": 1000, "gid": 1000} if name in ("home/guest", "data") else {}
        layer.folder(name, mode=mode, **owner)
    layer.file("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755)
    for applet in APPLETS.split():
        layer.symlink(f"bin/{applet}", "busybox")
    layer.file(
        "etc/passwd",
        b"root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/home/guest:/bin/sh\n",
    )
    layer.file("etc/group", b"root:x:0:\nguest:x:1000:\nstaff:x:50:guest\n")
    layer.file("data/kept", b"of the image\n", uid=1000, gid=1000)
    return layer


def make_image(folder: Path, name: str = "box", **execution: object) -> str:
    """An image of busybox in a layout: what warren calls it."""
    config = {"Cmd": ["sh"], "Env": ["FROM=image"], **execution}
    image = Image([busybox_layer().tar()], "gzip", config)
    image.write(folder, name)
    return f"oci:{folder}:{name}"


def write_docker_archive(folder: Path, name: str, **execution: object) -> tuple[Path, Path]:
    """The image as ``docker load`` reads it, and its root file system as a tar archive."""
    tree = busybox_layer().tar()
    image = Image([tree], "tar", {"Cmd": ["sh"], "Env": ["FROM=image"], **execution})
    config = image.blobs[image.manifest()["config"]["digest"]]
    file = hashlib.sha256(config).hexdigest() + ".json"
    tops = [{"Config": file, "RepoTags": [name], "Layers": ["layer.tar"]}]
    archive = Layer().file(file, config).file("layer.tar", tree)
    archive.file("manifest.json", json.dumps(tops).encode())
    paths = folder / "image.tar", folder / "tree.tar"
    paths[0].write_bytes(archive.tar())
    paths[1].write_bytes(tree)
    return paths
