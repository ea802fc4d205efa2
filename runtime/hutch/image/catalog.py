"""The names and ids of the images in a store: finds images by them, adds and removes names."""

from collections.abc import Callable
from typing import NamedTuple

from hutch.did_you_mean import nearest
from hutch.errors import UsageError, shown
from hutch.image.collect import collect
from hutch.image.database import ImageRecord
from hutch.image.digest import Digest
from hutch.image.errors import ImageError, ImageInUse, ImageNotFound
from hutch.image.reference import LOCAL, Reference, candidates
from hutch.image.settings import Settings
from hutch.image.store import Store


class Named(NamedTuple):
    """An image that was found. ``name`` is the name by which it was found; "" if by its id."""

    record: ImageRecord
    name: str


def parse_name(text: str) -> Reference:
    """Parses a new name of an image. A short name becomes ``localhost/NAME``. Raises UsageError."""
    reference = Reference.parse(text)
    if reference.digest:
        raise UsageError(f"{shown(text)}: a new name cannot have a digest")
    return (reference if reference.registry else reference.completed(LOCAL)).tagged()


def _possible(store: Store, settings: Settings, text: str) -> list[Named]:
    try:
        reference = Reference.parse(text)
    except UsageError:
        return []
    found = []
    options = candidates(reference, [LOCAL, *settings.search], settings.aliases)
    if not reference.registry and reference.path in settings.aliases:
        options.append(reference.completed(LOCAL))
    for option in options:
        if option.digest:
            # The digest may be of any image of this repository; the tag is not compared.
            same = {
                name: manifest
                for name, manifest, top in store.database.names()
                if Reference.parse(name).repository == option.repository
                and option.digest in (manifest, top)
            }
            exact = digest_name(option, str(option.digest)), str(option._replace(digest=None))
            name = next((name for name in exact if name in same), next(iter(same), ""))
            record = store.database.image(same[name]) if name else None
            if record is not None:
                found.append(Named(record, name))
            continue
        name = str(option.tagged())
        record = store.database.named(name)
        if record is not None:
            found.append(Named(record, name))
    return found


def find(store: Store, settings: Settings, text: str) -> Named:
    """The image that ``text`` means: a name, or at least the first two digits of an id.

    Raises ImageError if there is none, or if there are several.
    """
    found = _possible(store, settings, text)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise ImageError(f"{shown(text)} may mean {names}", hint="write the name in full")
    if found:
        return found[0]
    digits = text.removeprefix("sha256:")
    if len(digits) >= 2 and all(c in "0123456789abcdef" for c in digits):
        records = store.database.by_id(digits)
        if len({record.config for record in records}) > 1:
            raise ImageError(f"{shown(text)}: the ids of several images begin like this")
        if records:
            return Named(records[0], "")
    raise ImageNotFound(shown(text), hint=_near(store, text))


def _near(store: Store, text: str) -> str:
    """A hint for a name that no image has: the nearest one, with its tag."""
    known: dict[str, str] = {}
    for name, _, _ in store.database.names():
        reference = Reference.parse(name)
        bare = reference.familiar.removeprefix(LOCAL + "/")
        tagged = f"{bare}:{reference.tag}" if reference.tag else bare
        known[tagged] = tagged
        known.setdefault(bare, tagged)
    meant = nearest(text, known)
    return f"did you mean {known[meant]}?" if meant else "warren images lists all images"


def tag(store: Store, settings: Settings, old: str, new: str) -> str:
    """Gives an image another name and returns the complete name."""
    named = find(store, settings, old)
    name = str(parse_name(new))
    with store.naming():
        store.database.set_name(name, named.record.manifest)
    return name


def remove(store: Store, settings: Settings, text: str, *, force: bool = False) -> list[str]:
    """Removes a name, and the image if this was its last name. Returns the lines that Docker prints
    for what was removed.

    If the image is given by its id, all its names are removed; more than one name needs ``force``.
    Raises ImageError, also if a container uses the image.
    """
    named = find(store, settings, text)
    with store.using_reserve():
        return _removed(store, named, text, force=force)


def _removed(store: Store, named: Named, text: str, *, force: bool) -> list[str]:
    done = []
    with store.naming():
        # The id is the digest of the config, and several manifests may have the same config.
        records = [named.record] if named.name else store.database.by_id(named.record.id)
        names = {r.manifest: store.database.names_of(r.manifest) for r in records}
        leaving = [named.name] if named.name else [n for own in names.values() for n in own]
        if named.name and "@" in text and not text.endswith("@" + named.name.partition("@")[2]):
            # The user gave only a digest, so it is not clear which tag to remove.
            tagged = named.name == str(Reference.parse(text)._replace(digest=None))
            leaving = leaving if tagged else names[named.record.manifest]
        if len(leaving) > 1 and not force:
            raise ImageInUse(
                f"image {named.record.config.short} has several names: {', '.join(leaving)}",
                hint="name one of them, or use --force",
            )
        going = [r for r in records if set(leaving) >= set(names[r.manifest])]
        for record in going:
            if holders := store.database.holders(record.manifest):
                raise ImageInUse(f"image {text} is used by {', '.join(holders)}")
        for name in leaving:
            store.database.remove_name(name)
            done.append(f"Untagged: {name}")
        for record in going:
            store.database.remove_image(record.manifest)
        if going:
            done.append(f"Deleted: {named.record.config}")
    if going:
        done += [f"Deleted: {chain}" for chain in collect(store).layers]
    return done


def prune(
    store: Store,
    *,
    every: bool = False,
    meant: Callable[[ImageRecord], bool] = lambda _: True,
) -> tuple[list[Digest], int]:
    """Removes images without a name (with ``every``, all that no container uses), and garbage.

    Only images for which ``meant`` returns True are removed. Returns the ids of the removed images,
    and the number of bytes that are now free.
    """
    gone = []
    with store.using_reserve():
        with store.naming():
            for record in store.database.images():
                unnamed = every or not store.database.names_of(record.manifest)
                free = unnamed and not store.database.holders(record.manifest)
                if free and meant(record):
                    store.database.remove_image(record.manifest)
                    gone.append(record.config)
        return list(dict.fromkeys(gone)), collect(store).size


def digest_name(reference: Reference, digest: str) -> str:
    """``repository@digest``: the name of an image that was pulled by digest only."""
    return f"{reference._replace(tag='', digest=None)}@{digest}"
