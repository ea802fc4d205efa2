"""securityContext of a pod and of a container: the rights of the container's program."""

import os
from pathlib import Path

from hutch.engine.containers.options import Options
from hutch.kube.node import Node

PROFILES = Path("/var/lib/kubelet/seccomp")  # where a kubelet looks for profiles, too


def secure(options: Options, pod: Node, own: Node, profiles: Path = PROFILES) -> None:
    """Lays the rights over a container's options. ``pod`` and ``own`` are the securityContexts;
    what the container says counts more. Raises KubeError."""

    def chosen(name: str) -> Node:
        return own[name] if own[name] else pod[name]

    _user(options, chosen("runAsUser"), chosen("runAsGroup"))
    options.group_add = [item.text() for item in pod["supplementalGroups"]]
    if pod["fsGroup"]:
        options.group_add.append(pod["fsGroup"].text())
    options.privileged = own["privileged"].flag()
    options.read_only = own["readOnlyRootFilesystem"].flag()
    options.no_new_privileges = not own["allowPrivilegeEscalation"].flag(True)
    if options.no_new_privileges and options.privileged:
        raise own["allowPrivilegeEscalation"].wrong("conflicts with privileged")
    options.cap_add, options.cap_drop = capabilities(own["capabilities"])
    if own["procMount"].text() == "Unmasked":
        options.unmask = ["ALL"]
    if not options.privileged:
        _seccomp(options, chosen("seccompProfile"), profiles)
    apparmor = chosen("appArmorProfile")
    if apparmor["type"].text() == "Unconfined":
        options.apparmor = "unconfined"
    elif apparmor["type"].text() == "Localhost":
        options.apparmor = needed(apparmor["localhostProfile"])
    if chosen("seLinuxOptions"):
        label = chosen("seLinuxOptions")
        words = [label[key].text(default) for key, default in (
            ("user", "system_u"), ("role", "system_r"), ("type", "container_t"), ("level", ""),
        )]  # fmt: skip
        options.selinux = ":".join(words)


def _user(options: Options, user: Node, group: Node) -> None:
    if user:
        options.user = user.text() + (f":{group.text()}" if group else "")
    elif group:
        raise group.wrong("runAsUser is missing: a group alone says not who the program is")


def needed(node: Node) -> str:
    """A field that another makes necessary. Raises KubeError."""
    if not node:
        raise node.wrong("this field is missing: the type is Localhost")
    return node.text()


def check_user(pod: Node, own: Node, user: str) -> None:
    """runAsNonRoot: raises KubeError if the user ("" for the image's, which has none) is root, or
    if that cannot be known."""
    wanted = own["runAsNonRoot"] if own["runAsNonRoot"] else pod["runAsNonRoot"]
    name = user.partition(":")[0]
    if not wanted.flag():
        return
    if name in ("", "0", "root") or (name.isdecimal() and int(name) == 0):
        raise wanted.wrong("the program would run as root", hint="give runAsUser")
    if not name.isdecimal():
        raise wanted.wrong(
            f"the image's user {name} is a name, which may stand for root", hint="give runAsUser"
        )


def capabilities(node: Node) -> tuple[list[str], list[str]]:
    """The capabilities to add and to drop. Raises KubeError for one that there is not."""
    from hutch.engine.containers.security import capability
    from hutch.errors import UsageError

    for item in (*node["add"], *node["drop"]):
        if item.text().upper() != "ALL":
            try:
                capability(item.text())
            except UsageError as error:
                raise item.wrong("this is not a capability", hint=error.hint) from None
    return node["add"].texts(), node["drop"].texts()


def _seccomp(options: Options, profile: Node, profiles: Path) -> None:
    kind = profile["type"].text()
    if kind == "Unconfined":
        options.seccomp = "unconfined"
    elif kind == "Localhost":
        name = needed(profile["localhostProfile"])
        path = Path(os.path.normpath(profiles / name))
        if name.startswith("/") or profiles not in path.parents:
            raise profile["localhostProfile"].wrong(f"the path must be one below {profiles}")
        try:
            options.seccomp = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise profile["localhostProfile"].wrong(f"read {path}: {reason}") from None
