"""The extension built from native/json/json.c."""

from typing import Any

def decode(data: bytes, /) -> Any:
    """RFC 8259, strictly; raises ValueError(message, line, column)."""

def quote(text: str, /) -> str:
    """The text as a JSON string, with its quotes; what is printable stays as it is."""
