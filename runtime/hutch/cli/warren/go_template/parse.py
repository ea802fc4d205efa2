"""A template's tokens as a tree."""

from dataclasses import dataclass, field

from hutch.cli.warren.go_template.errors import TemplateError
from hutch.cli.warren.go_template.fmt import Value
from hutch.cli.warren.go_template.functions import FUNCTIONS
from hutch.cli.warren.go_template.lex import Token, tokens
from hutch.did_you_mean import nearest

BLOCKS = ("if", "range", "with")
NO_TEMPLATES = ("block", "define", "template")
KEYWORDS = {*BLOCKS, *NO_TEMPLATES, "else", "end", "break", "continue", "nil"}
DEEPEST = 100


@dataclass(slots=True)
class Node:
    """``at`` is where it stands in the template."""

    at: int


@dataclass(slots=True)
class Text(Node):
    text: str


@dataclass(slots=True)
class Constant(Node):
    value: Value


@dataclass(slots=True)
class Dot(Node):
    pass


@dataclass(slots=True)
class Variable(Node):
    name: str


@dataclass(slots=True)
class Function(Node):
    name: str


@dataclass(slots=True)
class Chain(Node):
    """Fields of a value, one after another, each with its own place."""

    of: Node
    fields: list[tuple[str, int]]


@dataclass(slots=True)
class Command(Node):
    """A value, or a function and its arguments."""

    words: list[Node]


@dataclass(slots=True)
class Pipe(Node):
    """Commands, the result of each being the last argument of the next, and the variables that
    take the result of the last."""

    variables: list[str] = field(default_factory=list)
    declares: bool = False
    commands: list[Command] = field(default_factory=list)


@dataclass(slots=True)
class Action(Node):
    pipe: Pipe


@dataclass(slots=True)
class Block(Node):
    """if, range or with."""

    kind: str
    pipe: Pipe
    body: list[Node]
    otherwise: list[Node]


@dataclass(slots=True)
class Leave(Node):
    """break or continue."""

    kind: str


def parse(text: str, *, escapes: bool = False) -> list[Node]:
    """The tree of a template. Raises TemplateError."""
    return _Parser(text, escapes).all()


class _Parser:
    def __init__(self, text: str, escapes: bool) -> None:
        self.text = text
        self.tokens = list(tokens(text, escapes=escapes))
        self.next = 0
        self.variables = ["$"]
        self.ranges = 0
        self.depth = 0

    def wrong(self, at: int, reason: str, hint: str = "") -> TemplateError:
        return TemplateError(self.text, at, reason, hint=hint)

    def peek(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def deeper(self, at: int) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(at, f"more than {DEEPEST} parts in each other")

    def all(self) -> list[Node]:
        nodes, ended = self.nodes(None)
        if ended is not None:
            word = "{{" + ended.value + "}}"
            raise self.wrong(ended.at, f"{word} ends nothing", "{{if ...}} or the like is missing")
        return nodes

    def nodes(self, within: "tuple[str, int] | None") -> tuple[list[Node], Token | None]:
        """What stands up to {{else}} or {{end}}, and that word; None at the template's end."""
        found: list[Node] = []
        while self.next < len(self.tokens):
            token = self.take()
            if token.kind == "text":
                found.append(Text(token.at, token.value))
                continue
            word = self.peek()
            if word.kind == "name" and word.value in ("else", "end"):
                return found, self.take()
            found.append(self.action(word))
        if within is not None:
            kind, at = within
            raise self.wrong(at, f"{{{{{kind}}}}} has no {{{{end}}}}")
        return found, None

    def action(self, word: Token) -> Node:
        if word.kind == "name" and word.value in KEYWORDS and word.value != "nil":
            self.take()
            if word.value in BLOCKS:
                return self.block(word)
            if word.value in NO_TEMPLATES:
                raise self.wrong(word.at, f"{word.value} is not supported")
            if not self.ranges:
                raise self.wrong(word.at, f"{{{{{word.value}}}}} outside of {{{{range}}}}")
            self.close(word.value)
            return Leave(word.at, word.value)
        if word.kind == "close":
            raise self.wrong(word.at, "the action is empty")
        pipe = self.pipe("close", at_most=1)
        self.close("the action")
        return Action(word.at, pipe)

    def close(self, after: str) -> None:
        token = self.take()
        if token.kind != "close":
            raise self.wrong(token.at, f"unexpected {described(token)} after {after}")

    def block(self, word: Token) -> Block:
        """if, range or with, up to its {{end}}."""
        self.deeper(word.at)
        known = len(self.variables)
        kind: str = word.value
        pipe = self.pipe("close", at_most=2 if kind == "range" else 1)
        self.close(kind)
        self.ranges += kind == "range"
        inner = len(self.variables)
        body, ended = self.nodes((kind, word.at))
        self.ranges -= kind == "range"
        del self.variables[inner:]
        assert ended is not None
        otherwise: list[Node] = []
        if ended.value == "else":
            again = self.peek()
            if again.kind == "name" and again.value in ("if", "with"):
                # {{else if}} and {{else with}} share the {{end}}.
                if again.value != kind:
                    raise self.wrong(again.at, f"{{{{else {again.value}}}}} within {{{{{kind}}}}}")
                otherwise = [self.block(self.take())]
                del self.variables[known:]
                self.depth -= 1
                return Block(word.at, kind, pipe, body, otherwise)
            self.close("else")
            otherwise, ended = self.nodes((kind, word.at))
            assert ended is not None
            if ended.value == "else":
                raise self.wrong(ended.at, f"a second {{{{else}}}} of one {{{{{kind}}}}}")
        self.close("end")
        del self.variables[known:]
        self.depth -= 1
        return Block(word.at, kind, pipe, body, otherwise)

    def pipe(self, end: str, *, at_most: int) -> Pipe:
        """A pipeline and what it is assigned to, up to a token of the kind ``end``."""
        pipe = Pipe(self.peek().at)
        self.assigned(pipe, at_most)
        while True:
            if self.peek().kind in (end, "|", "close"):
                token = self.peek()
                what = "a value is missing" if not pipe.commands else "a command is missing"
                raise self.wrong(token.at, f"{what} before {described(token)}")
            pipe.commands.append(self.command(end))
            if len(pipe.commands) > 1 and not executable(pipe.commands[-1]):
                raise self.wrong(
                    pipe.commands[-1].at, "takes no argument, so nothing can be piped to it"
                )
            if self.peek().kind != "|":
                break
            self.take()
        if self.peek().kind != end:
            token = self.peek()
            raise self.wrong(token.at, f"unexpected {described(token)}")
        if pipe.declares:
            self.variables += pipe.variables
        return pipe

    def assigned(self, pipe: Pipe, at_most: int) -> None:
        """``$x :=``, ``$x =``, and of range ``$i, $x :=``; nothing if there is no such."""
        at = self.next
        names: list[str] = []
        while at_most and self.peek().kind == "variable":
            names.append(self.take().value)
            sign = self.take()
            if sign.kind == "," and at_most == 2 and len(names) < 2:
                continue
            if sign.kind in (":=", "="):
                pipe.variables, pipe.declares = names, sign.kind == ":="
                for name in names if not pipe.declares else []:
                    self.known(name, sign.at)
                return
            break
        self.next = at

    def known(self, name: str, at: int) -> None:
        if name not in self.variables:
            near = nearest(name, self.variables)
            raise self.wrong(at, f"there is no variable {name}", near and f"did you mean {near}?")

    def command(self, end: str) -> Command:
        """Words up to the end of the command."""
        command = Command(self.peek().at, [])
        while self.peek().kind not in (end, "|", "close"):
            token = self.peek()
            if command.words and not token.space:
                raise self.wrong(token.at, f"a space is missing before {described(token)}")
            command.words.append(self.operand())
        first = command.words[0]
        if isinstance(first, Constant) and first.value is None:
            raise self.wrong(first.at, "nil is no command")
        if len(command.words) > 1 and not isinstance(first, Function):
            raise self.wrong(first.at, "is no function, and takes no argument")
        return command

    def operand(self) -> Node:
        """A value, with the fields that are taken of it."""
        token = self.take()
        node: Node
        if token.kind == "field":
            self.next -= 1
            node = Dot(token.at)
        elif token.kind == ".":
            node = Dot(token.at)
        elif token.kind == "variable":
            self.known(token.value, token.at)
            node = Variable(token.at, token.value)
        elif token.kind == "constant":
            node = Constant(token.at, token.value)
        elif token.kind == "name":
            node = self.named(token)
        elif token.kind == "(":
            self.deeper(token.at)
            node = self.pipe(")", at_most=0)
            self.take()
            self.depth -= 1
        else:
            raise self.wrong(token.at, f"unexpected {described(token)}")
        fields: list[tuple[str, int]] = []
        while self.peek().kind == "field":
            if self.peek().space and (fields or token.kind != "field"):
                break  # the next word
            part = self.take()
            fields.append((part.value, part.at))
        if fields and (isinstance(node, Constant | Function) or token.kind == "."):
            raise self.wrong(fields[0][1], f"{described(token)} has no fields")
        return Chain(token.at, node, fields) if fields else node

    def named(self, token: Token) -> Node:
        if token.value == "nil":
            return Constant(token.at, None)
        if token.value in KEYWORDS:
            raise self.wrong(token.at, f"unexpected {token.value}")
        if token.value not in FUNCTIONS:
            near = nearest(token.value, FUNCTIONS)
            hint = f"did you mean {near}?" if near else "there are " + ", ".join(sorted(FUNCTIONS))
            raise self.wrong(token.at, f"there is no function {token.value}", hint)
        return Function(token.at, token.value)


def executable(command: Command) -> bool:
    """Whether a result can be piped to it."""
    return isinstance(command.words[0], Function)


def described(token: Token) -> str:
    """A token as an error names it."""
    if token.kind == "field":
        return "." + str(token.value)
    return repr(token.value) if token.kind == "constant" else str(token.value)
