"""The words of Docker's options, as people and the API write them, parsed into Options' parts."""

import re
from pathlib import Path

from hutch.engine.containers.mounts import PROPAGATIONS
from hutch.engine.containers.options import DeviceOption, MountOption, Options, UlimitOption
from hutch.errors import HostError, KernelError, UsageError, shown
from hutch.spec.rlimits import RLIMITS

JOURNAL = "/run/systemd/journal/socket"
LOG_OPTIONS = {"k8s-file": ("max-size", "max-file"), "journald": ("tag",), "none": ()}
UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
SIZE = r"(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?"
DURATION = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)"
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
SUBPATHS = (("volume", "volume-subpath"), ("image", "image-subpath"))
TRUTH = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


def size(text: str, flag: str) -> int:
    """``64m``, ``1.5g``, ``4096`` in bytes; -1 is itself. Raises UsageError."""
    if text == "-1":
        return -1
    found = re.fullmatch(SIZE, text.strip(), re.IGNORECASE)
    if found is None:
        raise UsageError(f"{flag} {shown(text)} is no size", hint="as in 512m, 2g or 1048576")
    return int(float(found[1]) * UNITS[found[2].lower() or "b"])


def duration(text: str, flag: str) -> float:
    """``1m30s`` in seconds. Raises UsageError."""
    parts = re.findall(DURATION, text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        if text == "0":
            return 0.0
        raise UsageError(f"{flag} {shown(text)} is no duration", hint="as in 30s, 1m30s or 500ms")
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def absolute(target: str, flag: str) -> str:
    """A place in a container. Raises UsageError unless it is absolute and not the root."""
    clean = "/" + "/".join(part for part in target.split("/") if part not in ("", "."))
    if not target.startswith("/") or clean == "/" or ".." in clean.split("/"):
        raise UsageError(
            f"{flag}: {shown(target)} must be an absolute path in the container, and not its root"
        )
    return clean


def volume(text: str) -> MountOption:
    """``-v [SOURCE:]TARGET[:OPTIONS]``. Raises UsageError."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise UsageError(
            f"invalid volume specification: {shown(text)}", hint="[SOURCE:]TARGET[:ro]"
        )
    if len(parts) == 1:
        return {"kind": "volume", "source": "", "target": absolute(parts[0], "-v")}
    source, target = parts[0], absolute(parts[1], "-v")
    option: MountOption = {"kind": "volume", "source": source, "target": target}
    if source.startswith(("/", "./", "../", "~")) or source in (".", ".."):
        option = {"kind": "bind", "source": str(Path(source).absolute()), "target": target}
        option["create"] = True
    for word in parts[2].split(",") if len(parts) == 3 else []:
        volume_word(option, word, text)
    return option


def volume_word(option: MountOption, word: str, text: str) -> None:
    """One of the options after the second colon of -v."""
    if word in ("ro", "rw"):
        option["readonly"] = word == "ro"
    elif word in PROPAGATIONS and option["kind"] == "bind":
        option["propagation"] = word
    elif word == "nocopy" and option["kind"] == "volume":
        option["nocopy"] = True
    elif word == "U":
        option["chown"] = True
    elif word in ("z", "Z"):
        option["relabel"] = word
    else:
        raise UsageError(
            f"-v {shown(text)}: {shown(word)} is no option of a {option['kind']}",
            hint="ro, rw, z, Z, U; of a bind also a propagation; of a volume nocopy",
        )


def mount(text: str) -> MountOption:
    """``--mount type=bind|volume|tmpfs|image,source=…,target=…,…``. Raises UsageError."""
    option: MountOption = {"kind": "volume", "source": "", "target": ""}
    import csv

    pairs = [part.partition("=") for part in next(csv.reader([text]), [])]
    for key, _, value in pairs:
        if key == "type":
            option["kind"] = value
    if option["kind"] not in ("bind", "volume", "tmpfs", "image"):
        raise UsageError(f"--mount: there is no type {shown(option['kind'])}")
    for key, given, value in pairs:
        truth = TRUTH.get(value.lower()) if given else True
        if key == "type":
            continue
        if key in ("source", "src") and option["kind"] != "tmpfs":
            option["source"] = value
        elif key in ("target", "dst", "destination"):
            option["target"] = absolute(value, "--mount")
        elif key in ("readonly", "ro") and truth is not None:
            option["readonly"] = truth
        elif option["kind"] == "bind" and key == "bind-propagation":
            option["propagation"] = value
        elif option["kind"] == "bind" and key == "bind-recursive" and value in (
            "enabled", "disabled",
        ):  # fmt: skip
            option["recursive"] = value == "enabled"
        elif option["kind"] == "volume" and key == "volume-nocopy" and truth is not None:
            option["nocopy"] = truth
        elif (option["kind"], key) in SUBPATHS:
            option["subpath"] = value
        elif option["kind"] == "tmpfs" and key == "tmpfs-size":
            option["size"] = size(value, "tmpfs-size")
        elif option["kind"] == "tmpfs" and key == "tmpfs-mode" and re.fullmatch("[0-7]+", value):
            option["mode"] = int(value, 8)
        else:
            raise UsageError(f"--mount: {shown(key)} is nothing that a {option['kind']} mount has")
    if not option["target"]:
        raise UsageError("--mount: target is wanted")
    if option["kind"] == "image" and not option["source"]:
        raise UsageError("--mount: an image mount's source is the name of an image")
    if option["kind"] == "bind" and not option["source"].startswith("/"):
        raise UsageError("--mount: a bind mount's source is an absolute path of the host")
    return option


def tmpfs(text: str) -> MountOption:
    """``--tmpfs TARGET[:OPTIONS]``, as mount(8) has them."""
    target, _, words = text.partition(":")
    return {
        "kind": "tmpfs", "source": "", "target": absolute(target, "--tmpfs"),
        "options": [word for word in words.split(",") if word],
    }  # fmt: skip


def ulimit(text: str) -> UlimitOption:
    """``--ulimit NAME=SOFT[:HARD]``. Raises UsageError."""
    name, given, value = text.partition("=")
    soft, _, hard = value.partition(":")
    known = "RLIMIT_" + name.upper() in RLIMITS
    if not known or not given or not all(re.fullmatch(r"-1|\d+", n) for n in (soft, hard or soft)):
        raise UsageError(
            f"--ulimit {shown(text)}", hint="as in nofile=1024:2048, nproc=100, core=-1"
        )
    option: UlimitOption = {"name": name.lower(), "soft": int(soft), "hard": int(hard or soft)}
    if 0 <= option["hard"] < option["soft"] or (option["soft"] < 0 <= option["hard"]):
        raise UsageError(f"--ulimit {shown(text)}: the soft limit is above the hard one")
    return option


def device(text: str) -> DeviceOption:
    """``--device SOURCE[:TARGET][:rwm]``. Raises UsageError."""
    parts = text.split(":")
    source, target, access = parts[0], parts[0], "rwm"
    for part in parts[1:]:
        if part and not set(part) - set("rwm"):
            access = part
        else:
            target = part
    if len(parts) > 3 or not source.startswith("/") or not target.startswith("/"):
        raise UsageError(f"--device {shown(text)}", hint="as in /dev/fuse or /dev/sda:/dev/xvda:r")
    return {"source": source, "target": target, "access": access}


def restart(text: str) -> tuple[str, int]:
    """``--restart``: the policy, and of on-failure how often. Raises UsageError."""
    policy, given, limit = text.partition(":")
    if policy not in ("no", "on-failure", "always", "unless-stopped"):
        raise UsageError(
            f"invalid restart policy {shown(policy)}",
            hint="no, on-failure[:N], always, unless-stopped",
        )
    if given and (policy != "on-failure" or not limit.isdecimal()):
        raise UsageError(f"--restart {shown(text)}: only on-failure takes a number")
    return policy, int(limit or 0)


def pairs(words: list[str], flag: str) -> dict[str, str]:
    """``KEY=VALUE`` words; KEY alone has an empty value."""
    found = {}
    for word in words:
        key, _, value = word.partition("=")
        if not key:
            raise UsageError(f"{flag} {shown(word)}", hint="as in KEY=VALUE")
        found[key] = value
    return found


def lines_of(path: str, flag: str) -> list[str]:
    """The lines of an --env-file or --label-file, without comments. Raises KernelError."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise KernelError(f"{flag} {path}", "open", error.errno) from None
    except UnicodeDecodeError:
        raise UsageError(f"{flag} {path}: it is not in UTF-8") from None
    lines = [line.lstrip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def variables(words: list[str], own: dict[str, str], flag: str) -> list[str]:
    """Words of -e: ``NAME`` alone takes the caller's value, or is left out if it has none."""
    found = []
    for word in words:
        name, given, _ = word.partition("=")
        if not name or (flag == "--env-file" and any(c.isspace() for c in name)):
            raise UsageError(f"{flag} {shown(word)}: that is no name of a variable")
        if given:
            found.append(word)
        elif name in own:
            found.append(f"{name}={own[name]}")
        elif flag == "-e":
            found.append(name)
    return found


def logging(options: Options, driver: str, wanted: dict[str, str]) -> None:
    """``--log-driver`` ("": the usual one) and its ``--log-opt``s. Raises UsageError, HostError."""
    driver = driver or "k8s-file"
    if driver not in ("k8s-file", "json-file", "journald", "none"):
        raise UsageError(
            f"there is no log driver {shown(driver)}", hint="k8s-file, json-file, journald, none"
        )
    if driver == "journald" and not Path(JOURNAL).exists():
        raise HostError(
            f"--log-driver journald: there is no systemd-journald here ({JOURNAL} is missing)",
            hint="k8s-file, json-file, none",
        )
    options.log_driver = "k8s-file" if driver == "json-file" else driver
    for key, value in wanted.items():
        if key not in LOG_OPTIONS[options.log_driver]:
            raise UsageError(f"--log-opt {key}: the driver {driver} does not have it")
        if key == "max-size":
            options.log_size = size(value, "--log-opt max-size")
        elif key == "tag":
            options.log_tag = value
        elif value.isdecimal() and int(value):
            options.log_files = int(value)
        else:
            raise UsageError(f"--log-opt max-file={value}: a number from 1 on is wanted")
    if options.log_files > 1 and options.log_size <= 0:
        raise UsageError("--log-opt max-file: without max-size there is only one file")
