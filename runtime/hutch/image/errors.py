"""The errors of images and registries; hutch.errors has the tree they are part of."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from hutch.errors import HutchError, KernelError

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS)


class ImageError(HutchError):
    """An image, layer or store that is malformed, hostile or unknown."""


class RegistryError(HutchError):
    """A registry that refused, or that answered something it should not."""


def storage_error(
    operation: str, number: "int | None", *, elsewhere: str = "--root"
) -> KernelError:
    """A file of ours that could not be written; ``elsewhere`` is what names another place."""
    hint = f"make room there, or name another place with {elsewhere}"
    if number not in FULL:
        hint = f"name another place with {elsewhere}" if number in REFUSED else ""
    return KernelError(operation, "write", number, hint=hint)


@contextmanager
def told_of_a_full_disk(place: str, *, elsewhere: str = "--root") -> Iterator[None]:
    """Says which disk is full, and what to do; a bare errno could mean any. Raises KernelError."""
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
