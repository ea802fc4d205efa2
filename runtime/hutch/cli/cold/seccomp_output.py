"""The output of hutch seccomp show and diff."""

import textwrap

from hutch.container.cold.seccomp.profiles import Change, View, in_one_line
from hutch.spec.cold.seccomp_rules import architecture_name, in_words


def view_json(view: View, names: list[str]) -> dict[str, object]:
    """What the profile does to calls, as JSON."""
    return {
        "architecture": architecture_name(view.token),
        "architectures": view.architectures,
        "default": in_words(view.profile.default),
        "calls": {
            name: {
                "number": view.names[name],
                "answers": [row.to_json() for row in view.rows(name)],
            }
            for name in names
        },
        "unknown": view.unknown(),
    }


def view_text(view: View, name: str = "") -> str:
    """What the profile does to one call, or to all."""
    return _one(view, name) if name else _all(view)


def _one(view: View, name: str) -> str:
    lines = [f"{name} ({view.names[name]} on {architecture_name(view.token)})"]
    rows = view.rows(name)
    for row in rows:
        when = f"if {row.condition}" if row.condition else "otherwise" if len(rows) > 1 else ""
        answer = in_words(row.answer)
        lines.append(f"    {when + ': ' if when else ''}{answer}  [{row.pointer}]")
    return "\n".join(lines) + "\n"


def _all(view: View) -> str:
    simple: dict[str, list[str]] = {}
    conditional = []
    for name in sorted(view.names):
        rows = view.rows(name)
        if len(rows) > 1:
            conditional.append(f"    {name}: {in_one_line(rows)}")
        else:
            simple.setdefault(str(rows[0]), []).append(name)
    lines = [
        "architectures: " + ", ".join(view.architectures),
        "calls that the profile does not name: " + in_words(view.profile.default),
    ]
    for answer in sorted(simple, key=lambda answer: (answer != "allowed", answer)):
        names = simple[answer]
        lines.append(f"{answer} ({len(names)}):")
        words = " ".join(names)
        lines += textwrap.wrap(words, 96, initial_indent="    ", subsequent_indent="    ")
    if conditional:
        lines += [f"by their arguments ({len(conditional)}):", *conditional]
    if unknown := view.unknown():
        lines.append("no calls of this architecture: " + " ".join(unknown))
    return "\n".join(lines) + "\n"


def changes_text(changes: list[Change]) -> str:
    """One line for each difference."""
    return "".join(
        f"{change.field or change.call}: {change.before or 'none'} -> {change.after or 'none'}\n"
        for change in changes
    )
