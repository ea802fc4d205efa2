"""Makes an OCI bundle from an image: ``rootfs/``, and a ``config.json`` that runs its program.

The conversion follows image-spec, conversion.md, and starts from the default config of the runtime.
The image's volumes get no mounts: their files are part of the bundle's root file system.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hutch.errors import KernelError
from hutch.image import users
from hutch.image.digest import Digest
from hutch.image.documents import ANNOTATION, PATH
from hutch.image.errors import ImageError
from hutch.image.layer import unpack_layer, verified
from hutch.image.limits import Budget
from hutch.image.manifest import ImageConfig, Manifest
from hutch.image.ownership import Ownership
from hutch.image.progress import Reporter
from hutch.image.source import Source
from hutch.image.tree import READ_FOLDER, remove_tree
from hutch.image.unpack import Losses
from hutch.image.whiteout import Merged

if TYPE_CHECKING:
    from hutch.spec.config import Config

# A label becomes an annotation only if its namespace is descriptive and no runtime acts on it
# (S-43, CVE-2026-53488). There is no complete list of the annotations that runtimes act on:
# org.systemd.property.*, run.oci.*, module.wasm.*, io.katacontainers.*, hooks by any key ...
DESCRIBING = (ANNOTATION, "org.label-schema.")


def unpack_image(
    source: Source,
    manifest: Manifest,
    config: ImageConfig,
    root: int,
    budget: Budget,
    reporter: Reporter,
) -> Losses:
    """Merges all layers, the lowest first, into the folder open as ``root``, and verifies them."""
    ownership = Ownership.current()
    total = Losses()
    for layer, diff_id in zip(manifest.layers, config.diff_ids, strict=True):
        reporter.layer(layer.digest, layer.size, "Unpacking")

        blob = reported(verified(source.blob(layer), layer), layer.digest, reporter)
        _, result = unpack_layer(blob, layer, diff_id, root, Merged(), budget, ownership)
        total.owners += result.losses.owners
        total.devices += result.losses.devices
        total.xattrs += result.losses.xattrs
        reporter.done(layer.digest, "Unpacked")
    return total


def reported(chunks: Iterator[bytes], digest: Digest, reporter: Reporter) -> Iterator[bytes]:
    """The same chunks. The size of each is reported to ``reporter``."""
    for chunk in chunks:
        reporter.advance(digest, len(chunk))
        yield chunk


def make_bundle(
    source: Source,
    manifest: Manifest,
    config: ImageConfig,
    directory: Path,
    *,
    base: "Config",
    reporter: Reporter,
    budget: Budget | None = None,
) -> Losses:
    """Makes a bundle of the image in ``directory``, which must not exist or must be empty.

    ``base`` is the default config; it is changed as the image says. Only the owner can enter
    the bundle, so that other users cannot use the image's setuid programs and device nodes (S-77).
    If an error occurs, all that was made is removed. Raises ImageError, KernelError.
    """
    rootfs = directory / "rootfs"
    before = _private(directory)
    try:
        try:
            rootfs.mkdir(mode=0o755)
        except OSError as error:
            raise KernelError(f"make the bundle {directory}", "mkdir", error.errno) from None
        root = os.open(rootfs, READ_FOLDER)
        try:
            losses = unpack_image(source, manifest, config, root, budget or Budget(), reporter)
            document = runtime_config(base, config, manifest.digest, root)
        finally:
            os.close(root)
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        try:
            (directory / "config.json").write_text(text, encoding="utf-8")
        except OSError as error:
            raise KernelError(f"write {directory}/config.json", "write", error.errno) from None
    except BaseException:
        remove_tree(str(rootfs))
        (directory / "config.json").unlink(missing_ok=True)
        if before is None:
            directory.rmdir()
        else:
            directory.chmod(before)
        raise
    if before is not None and before & 0o077:
        reporter.warn(
            f"{directory} was open to other users (mode {before:04o}); its mode is 0700 now, so"
            " that they cannot use the image's setuid programs and devices"
        )
    return losses


def _private(directory: Path) -> int | None:
    """Makes an empty folder that only its owner can enter. Returns the mode that it had before;
    None if it did not exist.

    No other user can change it during unpacking (S-62) or use its files later (S-77). The folder of
    another user is refused, because its owner could change the mode back. Raises ImageError,
    KernelError; then nothing was changed.
    """
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise KernelError(f"make the bundle {directory}", "mkdir", error.errno) from None
    else:
        return None
    hint = "name a folder that does not exist yet"
    try:
        empty = not any(directory.iterdir())
        status = directory.stat()
    except OSError as error:
        raise KernelError(f"make the bundle {directory}", "open", error.errno) from None
    if not empty:
        raise ImageError(f"{directory} is not empty", hint=hint)
    if status.st_uid != os.geteuid():
        raise ImageError(
            f"{directory} belongs to the user {status.st_uid}, who could enter it and use the"
            " image's setuid programs and devices",
            hint=hint,
        )
    try:
        directory.chmod(0o700)
    except OSError as error:
        raise KernelError(f"make the bundle {directory}", "chmod", error.errno) from None
    return stat.S_IMODE(status.st_mode)


def runtime_config(
    document: "Config", config: ImageConfig, manifest: Digest, root: int
) -> "Config":
    """The config.json for the image: ``document``, changed as the image's config says."""
    apply_image(document, config, root)
    document["root"] = {"path": "rootfs", "readonly": False}
    document.setdefault("annotations", {})[ANNOTATION + "manifest.digest"] = str(manifest)
    return document


def apply_image(document: "Config", config: ImageConfig, root: int) -> None:
    """Sets the image's execution parameters in a runtime config (image-spec, conversion.md)."""
    execution = config.checked()
    process = document["process"]
    arguments = execution["Entrypoint"] + execution["Cmd"]
    process["args"] = arguments or ["sh"]
    environment = execution["Env"]
    if not any(line.startswith("PATH=") for line in environment):
        environment.insert(0, PATH)
    process["env"] = environment
    cwd = execution["WorkingDir"] or "/"
    process["cwd"] = cwd if cwd.startswith("/") else "/" + cwd
    uid, gid, more = users.resolve(root, execution["User"])
    process["user"] = {"uid": uid, "gid": gid, **({"additionalGids": more} if more else {})}
    process["terminal"] = False
    annotations = document.setdefault("annotations", {})
    for key, name in (("os", "os"), ("architecture", "architecture"), ("variant", "variant"),
                      ("author", "author"), ("created", "created")):  # fmt: skip
        value = config.document.get(key)
        if isinstance(value, str) and value:
            annotations[ANNOTATION + name] = value
    if stop := execution["StopSignal"]:
        annotations[ANNOTATION + "stopSignal"] = stop
    if ports := execution.get("ExposedPorts"):
        annotations[ANNOTATION + "exposedPorts"] = ",".join(sorted(ports))
    # conversion.md: labels take precedence over the implicit annotations.
    labels = execution.get("Labels", {})
    annotations.update({key: value for key, value in labels.items() if describes(key)})


def describes(label: str) -> bool:
    """Whether a label may become an annotation: it is descriptive, or has no namespace."""
    return label.startswith(DESCRIBING) or (label.isascii() and label.isalpha())
