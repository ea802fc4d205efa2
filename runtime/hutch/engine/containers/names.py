"""Names of containers: checking the ones that are given, making up the others."""

import os
import re

from hutch.errors import UsageError, shown

NAME = "[A-Za-z0-9][A-Za-z0-9_.-]+"

ADJECTIVES = """
able amber bold brave brisk calm clever cosy curious deft eager early fair fleet fond gentle
glad golden happy hardy honest humble jolly keen kind lively loyal lucky mellow merry mild neat
nimble noble patient plucky polite proud quick quiet ready robust rosy shy silent sleek smart
snug sober steady still sturdy subtle sunny swift tender thrifty tidy trusty upbeat vivid warm
wary wise witty zesty
"""
ANIMALS = """
badger bat beaver bison bunny civet colt coney cony dormouse doe dove duck elk ermine falcon
ferret finch fox gopher goose hare hawk hedgehog heron hind jay kestrel kite lark leveret
lemming linnet lynx magpie marten marmot mink mole moose mouse newt otter owl pika plover
polecat pony quail rabbit raven robin sable shrew skunk sparrow squirrel stoat swan thrush toad
vole weasel wren
"""


def check_name(name: str) -> str:
    """The name without Docker's leading slash. Raises UsageError for one that cannot be."""
    bare = name.removeprefix("/")
    if not re.fullmatch(NAME, bare):
        raise UsageError(
            f"invalid container name ({bare})" if bare.isprintable() else
            f"invalid container name {shown(bare)}",
            hint="letters, digits, and _ . - after the first; two of them at least",
        )  # fmt: skip
    return bare


def made_up(taken: set[str]) -> str:
    """A name that no container has."""
    while True:
        number = int.from_bytes(os.urandom(8), "little")
        adjectives, animals = ADJECTIVES.split(), ANIMALS.split()
        name = f"{adjectives[number % len(adjectives)]}_{animals[(number >> 16) % len(animals)]}"
        if name not in taken:
            return name
        name += str((number >> 32) % 10_000)
        if name not in taken:
            return name
