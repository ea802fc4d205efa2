"""Images: references, registries, the store, layers, and the way from an image to a bundle.

The strata, an import goes down only:

    pull, push, archives, bundle, collect, check    the acts a person asks for
    registry/, layout, dockerarchive                where images come from and go to
    store, database                                 what is kept: blobs, unpacked layers, names
    layer: unpack, whiteout, tarstream, inflate     from a compressed blob to a tree of files
    manifest, reference, digest, limits             values, and the checks on them

Everything that comes from outside (registry replies, manifests, tar streams) is hostile until it is
checked. Nothing here prints: what happens is told to a ``progress.Reporter``.
"""
