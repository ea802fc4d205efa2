"""config-linux.md: paths, the root's propagation, sysctls, labels, personality, memory policy."""

import os
from pathlib import Path

from conformance.suite import host
from conformance.suite.case import Case, expect, mounts, needs, same
from conformance.suite.documents import CONFIG, LINUX
from conformance.suite.table import MUST, SAYS

EROFS = 30


@LINUX.shown(SAYS, "masked files and directories cannot be read", 1067)
def masked(case: Case) -> None:
    (case.rootfs / "data" / "file").write_text("secret")
    (case.rootfs / "data" / "folder").mkdir()
    (case.rootfs / "data" / "folder" / "inner").write_text("secret")
    case.linux["maskedPaths"] = ["/data/file", "/data/folder", "/proc/kcore", "/nowhere"]
    file, folder = case.deeds("read:/data/file", "list:/data/folder")
    expect(file["errno"] or file["content"] == "", "the file can be read")
    expect(folder["errno"] or folder["names"] == [], "the directory can be read")


@LINUX.shown(MUST, "a masked path that is not absolute is an error", 1068)
def masked_relative(case: Case) -> None:
    case.linux["maskedPaths"] = ["data/file"]
    case.refused()


@LINUX.shown(SAYS, "read-only paths cannot be written to", 1080)
def readonly(case: Case) -> None:
    (case.rootfs / "data" / "file").write_text("kept")
    case.linux["readonlyPaths"] = ["/data", "/proc/sys"]
    for seen in case.deeds(
        "write:/data/file", "write:/data/new", "write:/proc/sys/vm/swappiness:1"
    ):
        same(seen["errno"], EROFS, f"{seen['deed']} (EROFS is {EROFS})")


@LINUX.shown(MUST, "a read-only path that is not absolute is an error", 1081)
def readonly_relative(case: Case) -> None:
    case.linux["readonlyPaths"] = ["data"]
    case.refused()


def propagation(case: Case, word: str) -> dict[str, object]:
    """The line of / in the mount table of a container whose root is on a mount with peers."""
    case.linux["rootfsPropagation"] = word
    case.config["root"]["path"] = str(case.rooted())
    return mounts(case.run())["/"]


@LINUX.shown(SAYS, "rootfsPropagation shared: the root is in a peer group", 1050)
def shared(case: Case) -> None:
    fields = propagation(case, "shared")["shared"]
    expect("shared:" in str(fields), f"it is {fields}")


@LINUX.shown(
    SAYS, "rootfsPropagation slave: mounts of the host below the root are visible inside", 1053
)
def slave(case: Case) -> None:
    fields = propagation(case, "slave")["shared"]
    expect("master:" in str(fields) and "shared:" not in str(fields), f"it is {fields}")


@LINUX.shown(SAYS, "rootfsPropagation private: the root has no peers", 1054)
def private(case: Case) -> None:
    same(propagation(case, "private")["shared"], [], "its peers")


@LINUX.shown(SAYS, "rootfsPropagation unbindable: the root cannot be bound", 1055)
def unbindable(case: Case) -> None:
    same(propagation(case, "unbindable")["shared"], ["unbindable"], "its propagation")


@LINUX.shown(SAYS, "an unknown rootfsPropagation is an error", 1045)
def unknown_propagation(case: Case) -> None:
    case.linux["rootfsPropagation"] = "rabbit"
    case.refused()


@LINUX.shown(SAYS, "sysctl sets parameters of the container's namespaces", 862)
def sysctl(case: Case) -> None:
    case.linux["sysctl"] = {"kernel.shmmax": "123456", "net.ipv4.ip_forward": "1"}
    paths = ("kernel/shmmax", "net/ipv4/ip_forward")
    seen = case.deeds(*(f"read:/proc/sys/{path}" for path in paths))
    same([s.get("content", "").strip() for s in seen], ["123456", "1"], "the parameters")


@LINUX.shown(SAYS, "with personality LINUX32 the kernel reports a 32-bit machine", 1105)
def personality(case: Case) -> None:
    needs(os.uname().machine == "x86_64", "no machine of 64 bits with a 32-bit one that it tells")
    case.linux["personality"] = {"domain": "LINUX32"}
    seen = case.run()
    same((seen["machine"], seen["personality"]), ("i686", 8), "machine and personality")


@LINUX.shown(MUST, "a personality without domain, or with an unknown one, is an error", 1108)
def personality_domain(case: Case) -> None:
    for value in ({}, {"domain": "RABBIT"}):
        case.linux["personality"] = value
        case.refused()


@LINUX.shown(SAYS, "mountLabel is the SELinux context of the container's mounts", 1093)
def mount_label(case: Case) -> None:
    needs(host.selinux(), "SELinux is not enabled")
    label = "system_u:object_r:container_file_t:s0:c1,c2"
    case.linux["mountLabel"] = label
    expect("container_file_t" in case.run()["mountinfo"], "no mount has the label")


@CONFIG.shown(SAYS, "selinuxLabel is the program's label", 338)
def selinux_label(case: Case) -> None:
    needs(host.selinux(), "SELinux is not enabled")
    label = "system_u:system_r:container_t:s0:c1,c2"
    case.process["selinuxLabel"] = label
    same(case.run()["label"].strip("\0\n"), label, "the label")


@CONFIG.shown(SAYS, "apparmorProfile is the program's profile", 284)
def apparmor_profile(case: Case) -> None:
    needs(host.apparmor(), "AppArmor is not enabled")
    case.process["apparmorProfile"] = "unconfined"
    same(case.run()["label"].strip("\0\n").split()[0], "unconfined", "the profile")


@CONFIG.shown(MUST, "an AppArmor profile or SELinux label that cannot be applied is an error", 759)
def missing_lsm(case: Case) -> None:
    case.process["apparmorProfile"] = "no-such-profile"
    case.refused(at_start=True)
    case.call("delete", "--force", case.id, check=False)
    del case.process["apparmorProfile"]
    if not host.selinux():
        case.process["selinuxLabel"] = "system_u:system_r:rabbit_t:s0"
        case.refused(at_start=True)


@LINUX.shown(SAYS, "memoryPolicy is the program's NUMA policy", 822)
def memory_policy(case: Case) -> None:
    needs(Path("/sys/devices/system/node/node0").exists(), "this kernel knows no NUMA nodes")
    case.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    seen = case.run()
    same((seen["memoryPolicy"], seen["memoryNodes"]), (2, 1), "policy and nodes")


@LINUX.shown(MUST, "a memoryPolicy without mode, or with an unknown one, is an error", 826)
def memory_policy_mode(case: Case) -> None:
    for value in ({"nodes": "0"}, {"mode": "MPOL_RABBIT", "nodes": "0"}):
        case.linux["memoryPolicy"] = value
        case.refused(at_start=True)
        case.call("delete", "--force", case.id, check=False)
