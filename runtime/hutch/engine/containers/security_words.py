"""The words of --security-opt, as people and the API write them."""

from collections.abc import Callable

from hutch.engine.containers.options import Options
from hutch.engine.containers.selinux import PROCESS
from hutch.engine.containers.words import TRUTH
from hutch.errors import UsageError, shown

LABEL_PARTS = ("user", "role", "type", "level")


def security_option(options: Options, text: str, profile: Callable[[str], str]) -> None:
    """One --security-opt; ``profile`` gives the text of the seccomp profile that is named.

    Raises UsageError, and what ``profile`` raises.
    """
    key, given, value = text.replace(":", "=", 1).partition("=") if "=" not in text else (
        text.partition("=")
    )  # fmt: skip
    if key == "no-new-privileges" and (not given or value in TRUTH):
        options.no_new_privileges = TRUTH.get(value, True)
    elif key == "seccomp" and value:
        options.seccomp = value if value == "unconfined" else profile(value)
    elif key == "apparmor" and value:
        options.apparmor = value
    elif key == "label" and value:
        options.selinux = selinux_label(options.selinux, value)
    elif key == "mask" and value:
        options.mask += value.split(":")
    elif key == "unmask" and value:
        options.unmask += value.split(":")
    elif key == "systempaths" and value == "unconfined":
        options.unmask.append("ALL")
    else:
        raise UsageError(
            f"invalid --security-opt {shown(text)}",
            hint="seccomp=, apparmor=, label=, no-new-privileges, mask=, unmask=",
        )


def selinux_label(label: str | None, word: str) -> str:
    """The label with one more --security-opt label=: disable, a part of a label, or all of it.

    If it ends in a colon, its level is that of the container.
    """
    if word == "disable":
        return ""
    part, given, value = word.partition(":")
    parts = (label or PROCESS).split(":", 3)
    if given and part in LABEL_PARTS:
        parts[LABEL_PARTS.index(part)] = value
        return ":".join(parts)
    if word.count(":") < 3:
        raise UsageError(
            f"--security-opt label={shown(word)}",
            hint="disable, user:U, role:R, type:T, level:L, or a whole label",
        )
    return word
