"""The errors of images and registries; hutch.errors has the tree they are part of."""

import errno

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
