"""Decodes hostile texts with hutch's C module, whose file is the argument. test_json_sanitized.py
runs this."""

import importlib.util
import random
import sys
from typing import Any

# By its file: some interpreters have a builtin module with the same name, of the standard library.
SPEC: Any = importlib.util.spec_from_file_location("_json", sys.argv[1])
extension: Any = importlib.util.module_from_spec(SPEC)
TURNS = 30000
SEEDS = [
    rb'{"a": [1, -2.5e3, true, null, "x\u00e9\ud83d\ude00\n"], "b": 123456789012345678901}',
    '["é\u2028😀", {"name": "value", "other": {}}]'.encode(),
    b"[" * 200 + b"]" * 200,
]
PIECES = [
    b'"', b"\\", rb"\u", rb"\ud8", b"{", b"}", b"[", b"]", b",", b":", b"\xc3", b"\xf0\x9f",
    b"\xed\xa0", b"", b"1" * 99, b"e", b"-", b".", b"\0", b"\x1f", b"\xff",
]  # fmt: skip
TEXTS = ["", "a", "é", "€\0", "😀\ud800\n", '"' * 1000]


def main() -> None:
    chance = random.Random(7)
    good = bad = 0
    for _ in range(TURNS):
        data = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(0, 3)):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.randint(0, 2)] = chance.choice(PIECES)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data) + 1) :]
        try:
            extension.decode(bytes(data))
            good += 1
        except ValueError as error:
            extension.quote(error.args[0])
            bad += 1
    for text in TEXTS:
        extension.quote(text)
    print(extension.__file__, good, bad)


if __name__ == "__main__":
    main()
