"""The extension built from native/json/json.c."""

def decode(data: bytes, /) -> object:
    """RFC 8259, strictly; raises ValueError(message, line, column)."""

def quote(text: str, /) -> str:
    """The text as a JSON string, with its quotes; what is printable stays as it is."""
