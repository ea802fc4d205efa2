"""The error of a text that is not JSON. Reading JSON loads this module only when it is needed."""

from hutch.errors import HutchError


class JsonError(HutchError):
    """A text that is not JSON: the name of its ``document``, and ``line`` and ``column`` of the
    error, counted from 1."""

    def __init__(self, document: str, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.document = document
        self.pointer = f"line {line} column {column}"
        self.line = line
        self.column = column
