"""Images: names, registries, the store, layers, and making a bundle from an image.

The modules form levels, and a module imports only from its own level or from lower ones:

    pull, push, save, bundle, collect, check        what a user can do with images
    registry/, layout, archive                      where images come from and go to
    store, database                                 the stored blobs, unpacked layers, names
    layer: unpack, whiteout, tarstream, inflate     from a compressed blob to a tree of files
    manifest, reference, digest, limits             values, and the checks of these values

All data from outside (registry replies, manifests, tar streams) is treated as hostile until it was
checked. Nothing here prints: a ``progress.Reporter`` receives progress and warnings.
"""
