"""Images at local places, named by a transport and a path: ``oci:PATH:NAME`` and others."""

from pathlib import Path

from hutch.errors import UsageError, shown
from hutch.image.errors import ImageError
from hutch.image.source import TRANSPORTS, Source


def is_local(text: str) -> bool:
    """Whether ``text`` means a local place, and not an image of a registry or of the store."""
    transport, colon, rest = text.partition(":")
    return bool(colon and rest) and transport in TRANSPORTS


def split_place(text: str) -> tuple[str, Path, str]:
    """Transport, path and name. If the complete text is an existing path, it contains no name."""
    transport, _, rest = text.partition(":")
    if Path(rest).exists():
        return transport, Path(rest), ""
    path, colon, name = rest.partition(":")
    if not path:
        raise UsageError(f"{shown(text)}: a path must follow {transport}:")
    return transport, Path(path), name if colon else ""


def open_local(text: str) -> Source:
    """Opens the image at a local place. Raises ImageError if there is none."""
    transport, path, name = split_place(text)
    if not path.exists():
        raise ImageError(f"{shown(str(path))}: no such file or directory")
    if transport == "oci":
        from hutch.image.layout import LayoutSource

        return LayoutSource(path, name)
    if transport == "dir":
        from hutch.image.dir_layout import DirSource

        return DirSource(path)
    if transport == "oci-archive":
        from hutch.image.archive import OciArchiveSource

        return OciArchiveSource(path, name)
    from hutch.image.archive import DockerArchiveSource

    return DockerArchiveSource(path, name)


def image_names(text: str, source: Source) -> list[str]:
    """The complete names that an image at a local place gets in the store: its own names, or the
    name of its file or folder."""
    from hutch.image.catalog import parse_name

    own = getattr(source, "names", None)
    if own is not None:
        return [str(parse_name(name)) for name in own]
    _, path, name = split_place(text)
    name = name or getattr(source, "name", "")
    if name and not set(name) & set("/:."):
        name = f"{path.name.lower()}:{name}"  # only a tag, as umoci and skopeo write it
    try:
        return [str(parse_name(name or path.name.lower()))]
    except UsageError:
        return []
