"""The id of a container: it becomes the name of a directory, of cgroups and of a systemd unit."""

from hutch.errors import UsageError

CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-")

# A file name has at most 255 bytes (NAME_MAX); the prefix and suffix of unit names must fit too.
MAX_LENGTH = 240


def check_identifier(identifier: str) -> None:
    """Raises UsageError for an id that is not valid: such an id could name a file outside of its
    directory, or could be read as an option of the command line."""
    if not identifier:
        reason = "it is empty"
    elif not CHARACTERS.issuperset(identifier):
        reason = "it may have only ASCII letters, digits and _ + . -"
    elif identifier in (".", ".."):
        reason = "it is the name of a directory"
    elif identifier[0] == "-":
        reason = 'it begins with "-", like an option'
    elif len(identifier) > MAX_LENGTH:
        reason = f"it has {len(identifier)} characters, more than {MAX_LENGTH}"
        identifier = identifier[:32] + "..."
    else:
        return
    raise UsageError(f'invalid container ID format: "{identifier}": {reason}')
