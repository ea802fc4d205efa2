"""What is wrong with a template, and where in it."""

from hutch.errors import HutchError, shown


class TemplateError(HutchError):
    """A template that is none, or that cannot be filled in; ``at`` is the offset in ``text``."""

    def __init__(self, text: str, at: int, reason: str, *, hint: str = "") -> None:
        line = text.count("\n", 0, at) + 1
        column = at - (text.rfind("\n", 0, at) + 1) + 1
        place = f"line {line}, column {column}" if "\n" in text else f"column {column}"
        super().__init__(f"template {shown(text)}, {place}: {reason}", hint=hint)
        self.text = text
        self.at = at


class Problem(Exception):
    """What is wrong, told by what does not know where: a function, or a value as text."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
