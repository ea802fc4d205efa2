"""Images for Python programs: the store and its methods. The command warren calls this package.

    from hutch.images import Store

    with Store() as store:
        image = store.pull("docker.io/library/busybox:latest").image
        for layer in image.layers:
            print(layer.digest, layer.size)
        image.make_bundle("/bundles/busybox")

Sizes are in bytes. Names have the form ``NAME[:TAG][@DIGEST]``; the configuration says what a name
without a registry means. Data from a registry or an archive is verified before it is used. Errors
are those of ``hutch.errors`` and ``hutch.image.errors``:

    UsageError      a name, a platform or the configuration cannot be understood
    ImageNotFound   the store has no such image
    ImageError      an image, or the store, is malformed, hostile or damaged
    RegistryError   a registry refused, cannot be reached, or sent a wrong reply
    KernelError     the disk or the kernel refused
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.image.check import Checker, Finding
    from hutch.image.digest import Digest
    from hutch.image.errors import (
        ImageError,
        ImageNotFound,
        NotInRegistry,
        RegistryError,
        StoreDamaged,
    )
    from hutch.image.manifest import ImageConfig, Manifest
    from hutch.image.platform import Platform
    from hutch.image.progress import Reporter
    from hutch.image.settings import Settings
    from hutch.images.image import Image, Layer
    from hutch.images.registries import Access, connect
    from hutch.images.store import Pulled, Pushed, Store

__all__ = [
    "Access",
    "Checker",
    "Digest",
    "Finding",
    "Image",
    "ImageConfig",
    "ImageError",
    "ImageNotFound",
    "Layer",
    "Manifest",
    "NotInRegistry",
    "Platform",
    "Pulled",
    "Pushed",
    "RegistryError",
    "Reporter",
    "Settings",
    "Store",
    "StoreDamaged",
    "connect",
]

# Each name is imported when it is first used, because a command uses only a few of them.
_PLACES = {
    "Access": "hutch.images.registries",
    "Checker": "hutch.image.check",
    "Digest": "hutch.image.digest",
    "Finding": "hutch.image.check",
    "Image": "hutch.images.image",
    "ImageConfig": "hutch.image.manifest",
    "Layer": "hutch.images.image",
    "Manifest": "hutch.image.manifest",
    "Platform": "hutch.image.platform",
    "Pulled": "hutch.images.store",
    "Pushed": "hutch.images.store",
    "Reporter": "hutch.image.progress",
    "Settings": "hutch.image.settings",
    "Store": "hutch.images.store",
    "connect": "hutch.images.registries",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError("module 'hutch.images' has no attribute " + repr(name))
    module = __import__(_PLACES.get(name, "hutch.image.errors"), None, None, [name])
    return getattr(module, name)
