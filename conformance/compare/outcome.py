"""What a command line has led to, in a form in which engines can be compared."""

import re
from typing import NamedTuple

AGE = r"(Less than a (second|minute)|About an? (minute|hour)|\d+ (second|minute|hour|year)s?)"
# What differs from run to run, and the word that stands for it.
VARYING = [
    (r"\x1b\[[0-9;]*[A-Za-z]", ""),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[+-]\d\d:?\d\d))?( [A-Z]{3,4})?", "TIME"),
    (r"\b(sha256:)?[0-9a-f]{64}\b", "ID"),
    (r"\b[0-9a-f]{12}\b", "ID"),
    (rf"\b{AGE} ago\b", "SOME TIME ago"),
    (rf"\bUp {AGE}( ago)?(?= |$)", "Up SOME TIME"),
    (r"\b\d+(\.\d+)? ?[kKMG]i?B\b", "SIZE"),
    (r"\b0 ?B\b", "SIZE"),
    (r"[ \t]+", " "),
]
# What says where help is to be had, and not what is wrong.
ADVICE = re.compile(r"\(hint: .*\)|See '.*--help'\.?|Try '.*--help'.*|Usage:.*", re.DOTALL)
# The kinds of errors, by words in their texts; the first that fits.
KINDS = {
    "no such container": "no such container, no container with, no such container:path",
    "no such image": "no such image, image not known, unable to find image, does not exist locally,"
    "reference does not",
    "no such volume": "no such volume",
    "no such network": "no such network, network nothing not found, unable to find network",
    "no such object": "no such object",
    "in use": "in use, is using, used by, already exists, already, being used, it is running,"
    "a running container, container id file, has active endpoints",
    "not running": "not running, stopped container, container state improper, paused, can only",
    "unknown flag": "unknown flag, unknown shorthand flag, flag needs an argument",
    "usage": "requires, required, accepts, is not a docker command, is not a warren command,"
    "is not a command of, unrecognized command, unexpected argument, is wanted, takes no arguments,"
    "at least one, non-empty command, manage containers, must specify, cannot be empty,"
    "the other is not",
    "not found": "no such file, not found, does not exist, could not find, could not be found,"
    "has no repository, has no tag,"
    "no public port, no such directory, no bridges",
    "unreachable": "connection refused, pinging container registry, connecting",
    "invalid": "invalid, unknown, not a, must, cannot, conflict, unable, least, minimum,"
    "no matching,"
    "is not in the image, unclosed, no end, no field, bad character, unsupported, is no,"
    "lower case, lowercase, too low, not a tty, permission denied, can't evaluate, no entry",
}


class Outcome(NamedTuple):
    """Exit status, normalised output, and the kind of the error ("" if nothing was said)."""

    status: int
    output: str
    kind: str
    said: str = ""

    def differs(self, other: "Outcome", *, whole: bool) -> str:
        """What is not the same: "" if nothing, else "status", "output" or "error"."""
        if self.status != other.status:
            return "status"
        if whole and self.output != other.output:
            return "output"
        if self.status and self.kind != other.kind:
            return "error"
        return ""


def outcome(status: int, out: bytes, err: bytes, own: dict[str, str]) -> Outcome:
    """What a command has led to; ``own`` are the engine's own words, and what stands for them."""
    texts = [data.decode(errors="replace") for data in (out, err)]
    for word, common in own.items():
        texts = [text.replace(word, common) for text in texts]
    return Outcome(status, normal(texts[0]), kind(texts[1]), texts[1])


def normal(text: str) -> str:
    """The text without ids, times and sizes, its lines without what fills them."""
    text = text.replace("\r\n", "\n").replace("localhost/", "")
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return "\n".join(line.strip() for line in text.strip().split("\n"))


def kind(said: str) -> str:
    """The kind of an error."""
    told = ADVICE.sub("", said).strip().lower()
    if not told:
        return ""
    for name, words in KINDS.items():
        if any(word.strip() in told for word in words.split(",")):
            return name
    return "another"
