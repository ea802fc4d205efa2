"""The JSON that columns of the store's tables have."""

from hutch._json import decode
from hutch.spec.json import encode

__all__ = ["encode", "parsed"]


def parsed(text: object) -> object:
    """The value of a column that ``encode`` wrote."""
    data = str(text).encode("utf-8", "surrogatepass")
    try:
        return decode(data)
    except ValueError:
        import json  # a word of a command line that is not UTF-8: decode() refuses surrogates

        found: object = json.loads(data.decode("utf-8", "surrogatepass"))
        return found
