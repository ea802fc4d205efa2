"""How much disk space the parts of a store use, and how much of it is not needed."""

import os
from dataclasses import dataclass

from hutch.image.store import Store


@dataclass(slots=True)
class Part:
    """One kind of thing in the store; sizes in bytes."""

    kind: str
    count: int = 0
    active: int = 0
    size: int = 0
    reclaimable: int = 0


def usage(store: Store) -> list[Part]:
    """Images (by what their layers hold unpacked), blobs, layers, unfinished downloads."""
    database = store.database
    needed = database.needed()
    images, layers = Part("Images"), Part("Layers")
    blobs, partial = Part("Blobs"), Part("Unfinished")
    used_chains = set()
    for record in database.images():
        images.count += 1
        if database.holders(record.manifest):
            images.active += 1
            used_chains.update(database.chains_of(record.manifest))
    for layer in database.layers():
        layers.count += 1
        layers.size += layer.size
        active = f"layer:{layer.chain}" in needed
        layers.active += active
        layers.reclaimable += 0 if active else layer.size
        images.size += layer.size
        images.reclaimable += 0 if layer.chain in used_chains else layer.size
    for folder, _, names in os.walk(store.layout_root / "blobs"):
        for name in names:
            size = os.stat(os.path.join(folder, name)).st_size
            active = f"{os.path.basename(folder)}:{name}" in needed
            blobs.count += 1
            blobs.active += active
            blobs.size += size
            blobs.reclaimable += 0 if active else size
    for name in os.listdir(store.partial):
        size = os.stat(store.partial / name).st_size
        active = name.replace("-", ":", 1) in needed
        partial.count += 1
        partial.active += active
        partial.size += size
        partial.reclaimable += 0 if active else size
    return [images, layers, blobs, partial]
