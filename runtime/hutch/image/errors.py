"""The errors of images and registries. Their base classes are in hutch.errors."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from hutch.errors import HutchError, KernelError

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS)


class ImageError(HutchError):
    """An image, layer or store that is malformed, hostile or unknown. ``document`` is the file,
    blob or layer with the error; "" if ``reason`` names it."""

    def __init__(self, reason: str, *, document: str = "", hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.document = document


class ImageNotFound(ImageError):
    """There is no such image in the store."""

    def __init__(self, name: str, *, hint: str = "") -> None:
        super().__init__(f"{name}: no such image", hint=hint)
        self.name = name


class ImageInUse(ImageError):
    """The image cannot be removed: a container uses it, or it has more names than were meant."""


class StoreDamaged(ImageError):
    """The store's database cannot be read."""


class RegistryError(HutchError):
    """A registry refused a request or sent a wrong reply."""


class Refused(RegistryError):
    """The registry refused the request (4xx), so another try would fail too."""


class NotInRegistry(Refused):
    """404: the registry does not have it."""


class LoginRefused(Refused):
    """The registry does not accept the user name or the password."""


def storage_error(
    operation: str, number: "int | None", *, elsewhere: str = "--root"
) -> KernelError:
    """The error for a file that this program could not write. ``elsewhere`` is the option with
    which the user can choose another place."""
    hint = f"make room there, or name another place with {elsewhere}"
    if number not in FULL:
        hint = f"name another place with {elsewhere}" if number in REFUSED else ""
    return KernelError(operation, "write", number, hint=hint)


@contextmanager
def explaining_full_disk(place: str, *, elsewhere: str = "--root") -> Iterator[None]:
    """If the block fails because a disk is full, raises KernelError that names the place and says
    what to do. The errno alone does not show which disk is full."""
    try:
        yield
    except KernelError as error:
        if error.errno not in FULL or error.hint:
            raise
        operation = f"{error.operation} in {place}"
        raise storage_error(operation, error.errno, elsewhere=elsewhere) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise storage_error(f"write to {place}", error.errno, elsewhere=elsewhere) from None
