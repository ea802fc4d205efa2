"""A template filled in."""

import re
from collections.abc import Iterable

from hutch.cli.warren.go_template import fmt
from hutch.cli.warren.go_template.errors import Problem, TemplateError
from hutch.cli.warren.go_template.fmt import Value
from hutch.cli.warren.go_template.functions import FUNCTIONS, named
from hutch.cli.warren.go_template.parse import (
    Action,
    Block,
    Chain,
    Command,
    Constant,
    Dot,
    Function,
    Leave,
    Node,
    Pipe,
    Text,
    Variable,
    parse,
)

EXPORTED = re.compile(r"[A-Z]\w*")


class Template:
    """A template, parsed. Raises TemplateError for one that is none.

    With ``escapes`` ``\\t`` and ``\\n`` in its text stand for a tab and a line break.
    """

    def __init__(self, text: str, *, escapes: bool = False) -> None:
        self.text = text
        self.nodes = parse(text, escapes=escapes)

    def execute(self, data: Value) -> str:
        """The template filled in from ``data``. Raises TemplateError."""
        run = _Run(self.text, data)
        run.walk(self.nodes, data)
        return "".join(run.out)

    def fields(self) -> list[str]:
        """The names of the fields that it asks for, the last of each chain, in order."""
        found: list[str] = []
        _collect(self.nodes, found)
        return found


def _collect(value: Value, found: list[str]) -> None:
    if isinstance(value, Chain):
        _collect(value.of, found)
        found.append(value.fields[-1][0])
    elif isinstance(value, Node):
        for slot in type(value).__slots__:
            _collect(getattr(value, slot), found)
    elif isinstance(value, list):
        for part in value:
            _collect(part, found)


_NOTHING = object()  # is piped to a command: no argument, not even None


class _Run:
    """One filling in: what has been written, and the variables, the innermost last."""

    def __init__(self, text: str, data: Value) -> None:
        self.text = text
        self.out: list[str] = []
        self.variables: list[tuple[str, Value]] = [("$", data)]

    def wrong(self, at: int, reason: str, hint: str = "") -> TemplateError:
        return TemplateError(self.text, at, reason, hint=hint)

    def walk(self, nodes: "Iterable[Node]", dot: Value) -> str:
        """Writes the nodes; "break" or "continue" where one of them leaves the round of a range."""
        for node in nodes:
            if isinstance(node, Text):
                self.out.append(node.text)
            elif isinstance(node, Action):
                value = self.pipe(node.pipe, dot)
                if not node.pipe.variables:
                    self.out.append(fmt.NO_VALUE if value is None else fmt.text(value))
            elif isinstance(node, Leave):
                return node.kind
            elif isinstance(node, Block):
                known = len(self.variables)
                left = self.range(node, dot) if node.kind == "range" else self.choose(node, dot)
                del self.variables[known:]
                if left:
                    return left
        return ""

    def choose(self, node: Block, dot: Value) -> str:
        """if and with."""
        value = self.pipe(node.pipe, dot)
        if value:
            return self.walk(node.body, value if node.kind == "with" else dot)
        return self.walk(node.otherwise, dot)

    def range(self, node: Block, dot: Value) -> str:
        variables = node.pipe.variables
        bare = Pipe(node.pipe.at, [], False, node.pipe.commands)
        value = self.pipe(bare, dot)
        rounds: Iterable[tuple[Value, Value]]
        if isinstance(value, dict):
            rounds = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list) or (not value and not isinstance(value, int | float)):
            rounds = list(enumerate(value or []))
        elif type(value) is int and len(variables) < 2:
            rounds = ((number, number) for number in range(value))
        else:
            raise self.wrong(node.pipe.at, f"range goes through no {named(value).split()[-1]}")
        known = len(self.variables)
        ran = False
        for key, element in rounds:
            ran = True
            values = [element] if len(variables) == 1 else [key, element]
            for name, each in zip(variables, values, strict=False):
                self.put(name, each, node.pipe.declares)
            left = self.walk(node.body, element)
            del self.variables[known:]
            if left == "break":
                break
        return "" if ran else self.walk(node.otherwise, dot)

    def put(self, name: str, value: Value, declares: bool) -> None:
        """A variable's value: of a new one, or of the innermost of that name."""
        if declares:
            self.variables.append((name, value))
            return
        for at in range(len(self.variables) - 1, -1, -1):
            if self.variables[at][0] == name:
                self.variables[at] = (name, value)
                return

    def pipe(self, pipe: Pipe, dot: Value) -> Value:
        value: Value = _NOTHING
        for command in pipe.commands:
            value = self.command(command, dot, value)
        for name in pipe.variables:
            self.put(name, value, pipe.declares)
        return value

    def command(self, command: Command, dot: Value, piped: Value) -> Value:
        first = command.words[0]
        if isinstance(first, Function):
            return self.call(first, command.words[1:], dot, piped)
        return self.value(first, dot)

    def value(self, node: Node, dot: Value) -> Value:
        """An operand's value."""
        if isinstance(node, Dot):
            return dot
        if isinstance(node, Constant):
            return node.value
        if isinstance(node, Variable):
            return next(value for name, value in reversed(self.variables) if name == node.name)
        if isinstance(node, Function):
            return self.call(node, [], dot, _NOTHING)
        if isinstance(node, Pipe):
            return self.pipe(node, dot)
        assert isinstance(node, Chain)
        value = self.value(node.of, dot)
        for name, at in node.fields:
            value = self.field(value, name, at)
        return value

    def field(self, value: Value, name: str, at: int) -> Value:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(at, f"{named(value)} has no field .{name}")
        if name in value:
            return value[name]
        if value and all(EXPORTED.fullmatch(str(known)) for known in value):
            from hutch.did_you_mean import nearest

            same = [known for known in value if known.lower() == name.lower()]
            near = same[0] if same else nearest(name, value)
            hint = f"did you mean .{near}?" if near else "there are " + ", ".join(map(str, value))
            raise self.wrong(at, f"there is no field .{name}", hint)
        return None

    def call(self, function: Function, words: list[Node], dot: Value, piped: Value) -> Value:
        name = function.name
        known = FUNCTIONS[name]
        count = len(words) + (piped is not _NOTHING)
        if count < known.fewest or (known.most is not None and count > known.most):
            raise self.wrong(function.at, f"{name} takes {wanted(known)}, not {count}")
        if name in ("and", "or"):
            return self.logic(name, words, dot, piped)
        values = [self.value(word, dot) for word in words]
        if piped is not _NOTHING:
            values.append(piped)
        try:
            return known.call(*values)
        except Problem as problem:
            raise self.wrong(function.at, f"{name}: {problem.reason}", problem.hint) from None

    def logic(self, name: str, words: list[Node], dot: Value, piped: Value) -> Value:
        """The first argument that decides, or the last one; those behind it are not evaluated."""
        value: Value = None
        for word in words:
            value = self.value(word, dot)
            if bool(value) == (name == "or"):
                return value
        return value if piped is _NOTHING else piped


def wanted(function: Value) -> str:
    """How many arguments, in words."""
    fewest, most = function.fewest, function.most
    if most is None:
        return f"{fewest} argument{'s' * (fewest != 1)} or more"
    if fewest != most:
        return f"{fewest} to {most} arguments"
    return f"{fewest} argument{'s' * (fewest != 1)}"
