"""config.md "Mounts": order, destinations, sources, and mappings of ids."""

from conformance.suite.case import Case, expect, mounts, needs, same
from conformance.suite.documents import CONFIG, LINUX
from conformance.suite.host import kernel
from conformance.suite.table import MUST, SHOULD

MAPPING = [{"containerID": 0, "hostID": 100000, "size": 1000}]


@CONFIG.shown(MUST, "mounts are made in the order in which they are listed", 66)
def order(case: Case) -> None:
    case.mount("/data", type="tmpfs", source="tmpfs", options=["size=64k"])
    case.mount("/data/inner", type="tmpfs", source="tmpfs", options=["size=64k"])
    case.mount("/tmp", type="tmpfs", source="tmpfs", options=["size=64k"])
    table = mounts(case.run())
    expect("/data/inner" in table, "a mount inside another is hidden by it")
    places = [table[name]["place"] for name in ("/data", "/data/inner", "/tmp")]
    same(places, sorted(places), "their places in the mount table")


@CONFIG.shown(MUST, "a mount without destination is an error", 70)
def no_destination(case: Case) -> None:
    case.config["mounts"].append({"type": "tmpfs", "source": "tmpfs"})
    case.refused()


@CONFIG.shown(SHOULD, "an absolute destination is a path inside the container", 71)
def absolute(case: Case) -> None:
    case.mount("/data/made/here", type="tmpfs", source="tmpfs")
    expect("/data/made/here" in mounts(case.run()), "it is not mounted there")


@CONFIG.shown(MUST, "a relative destination is relative to /", 72)
def relative(case: Case) -> None:
    case.mount("data", type="tmpfs", source="tmpfs")
    case.process["cwd"] = "/tmp"
    expect("/data" in mounts(case.run()), "it is not mounted at /data")


@CONFIG.shown(MUST, "with bind or rbind, and only then, a mount is a bind mount", 97, 120)
def bind(case: Case) -> None:
    (case.bundle / "source").mkdir()
    (case.bundle / "source" / "file").write_text("bound\n")
    # A bind ignores the type; a relative source is relative to the bundle.
    case.mount("/data", type="none", source="source", options=["bind"])
    same(case.deed("read:/data/file").get("content"), "bound\n", "what is in the bound directory")


def idmapped(case: Case, word: str) -> None:
    """Binds a tree that root owns with an id mapping, and returns the owners inside."""
    needs(kernel() >= (5, 12), "takes Linux 5.12")
    base = "rbind" if word == "ridmap" else "bind"
    case.mount(
        "/data",
        source=str(case.stage.mapped),
        options=[base, word],
        uidMappings=MAPPING,
        gidMappings=MAPPING,
    )
    paths = ["/data/file", "/data/inner/file"][: 2 if word == "ridmap" else 1]
    for deed in case.deeds(*(f"stat:{path}" for path in paths)):
        same((deed.get("uid"), deed.get("gid")), (100000, 100000), "the owner inside")


@CONFIG.shown(SHOULD, "with idmap the mount has its own mappings", 154, 189, 194)
def idmap(case: Case) -> None:
    idmapped(case, "idmap")


@CONFIG.shown(SHOULD, "with ridmap the mounts below it have its mappings too", 155)
def ridmap(case: Case) -> None:
    idmapped(case, "ridmap")


@CONFIG.shown(MUST, "idmap without mappings is an error if there is no user namespace", 154, 155)
def idmap_of_nothing(case: Case) -> None:
    for word in ("idmap", "ridmap"):
        case.config["mounts"] = [m for m in case.config["mounts"] if m["destination"] != "/data"]
        case.mount("/data", source=str(case.stage.mapped), options=["rbind", word])
        case.refused()


@CONFIG.shown(
    SHOULD,
    "mappings without idmap or ridmap are applied, or are an error; they are not ignored",
    190,
    195,
)
def mappings_alone(case: Case) -> None:
    needs(kernel() >= (5, 12), "takes Linux 5.12")
    case.mount(
        "/data",
        source=str(case.stage.mapped),
        options=["bind"],
        uidMappings=MAPPING,
        gidMappings=MAPPING,
    )
    if not case.create("stat:/data/file", check=False):
        return
    case.start()
    deed = case.seen()["deeds"][0]
    same((deed.get("uid"), deed.get("gid")), (100000, 100000), "the owner inside")


@CONFIG.shown(
    MUST,
    "uidMappings of a mount without gidMappings are an error, and the other way round",
    192,
    197,
)
def half_mapped(case: Case) -> None:
    for field in ("uidMappings", "gidMappings"):
        case.config["mounts"] = [m for m in case.config["mounts"] if m["destination"] != "/data"]
        fields = {field: MAPPING}
        case.mount("/data", source=str(case.stage.mapped), options=["bind", "idmap"], **fields)
        case.refused()


@LINUX.shown(
    SHOULD, "/proc, /sys, /dev/pts and /dev/shm can be mounted with their file systems", 11
)
def default_file_systems(case: Case) -> None:
    table = mounts(case.run())
    wanted = {"/proc": "proc", "/sys": "sysfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs"}
    for place, kind in wanted.items():
        expect(place in table, f"nothing is mounted at {place}")
        same(table[place]["type"], kind, f"what is mounted at {place}")
