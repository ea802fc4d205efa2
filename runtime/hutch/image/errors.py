"""The errors of images and registries; hutch.errors has the tree they are part of."""

from hutch.errors import HutchError


class ImageError(HutchError):
    """An image, layer or store that is malformed, hostile or unknown."""


class RegistryError(HutchError):
    """A registry that refused, or that answered something it should not."""
