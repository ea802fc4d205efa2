"""Makes random configs from the table: valid ones, with a few values made invalid."""

import random
from copy import deepcopy
from typing import Any

from hutch.spec.capabilities import NAMES
from hutch.spec.table import CONFIG

# For each format of formats.py, by the name of its function: valid and invalid values.
RIGHT = {
    "absolute_path": ["/", "/a/b", "/dev/null"],
    "absolute_path_or_none": ["", "/proc/1/ns/net"],
    "destination": ["/", "/a/b"],
    "not_empty": ["x", "net.core.somaxconn", "é"],
    "one_line": ["", "L3:0=7f0"],
    "version": ["1.3.0", "1.0.2-dev"],
    "variable": ["A=b", "A="],
    "hostname": ["", "host"],
    "number_list": ["", "0-3,7", "5"],
    "word": ["mlx5_1"],
    "cgroup_file": ["memory.max", "io.max"],
    "device_path": ["/dev/fuse", "/dev/a..b"],
    "file_name": ["memory.max", "io.max"],
    "interface": ["eth0", "eth1", "net%d"],
    "page_size": ["2MB", "64KB"],
    "device_access": ["rwm", "r"],
    "memory_bandwidth": ["MB:0=20"],
    "class_of_service": ["/", "gold"],
}
WRONG = {
    "absolute_path": ["", "a", "./a"],
    "absolute_path_or_none": ["a", "./a"],
    "destination": ["", "a", "./a"],
    "not_empty": [""],
    "one_line": ["a\nb"],
    "version": ["", "2.0.0", "1.0"],
    "variable": ["A", "=b", ""],
    "hostname": ["h" * 65],
    "number_list": ["a", "1-", "3-1"],
    "word": ["", "a b"],
    "cgroup_file": ["", "..", "memory", "a/b.c"],
    "device_path": ["", "dev/fuse", "/dev/../x"],
    "file_name": ["", "..", "a/b"],
    "interface": ["", "a b", "sixteen-letters-"],
    "page_size": ["", "2mb", "0KB", "MB"],
    "device_access": ["", "x", "rx"],
    "memory_bandwidth": ["", "L3:"],
    "class_of_service": ["", "a/b"],
}
STRINGS = ["", "a", "bind", "idmap", "rbind", *NAMES[:3], "CAP_KIL", "RLIMIT_CPU"]
OTHERS: list[Any] = [None, True, 0, -1, 1.0, 1.5, 1 << 64, "", "a\0b", [], [None], {}, {"x": 1}]


def config(chance: random.Random) -> Any:
    """A config with up to three invalid values."""
    result = value(CONFIG, chance)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        spoil(result, CONFIG, chance)
    return result


def value(shape: Any, chance: random.Random) -> Any:
    """A random value of a type of the table."""
    kind, _, inner, bound = shape
    if kind is bool:
        return chance.random() < 0.5
    if kind is int:
        return chance.choice([inner, bound, min(max(chance.randint(0, 5), inner), bound)])
    if kind is str and bound:
        return chance.choice(bound)
    if kind is str:
        return chance.choice(RIGHT[inner.__name__] if inner else STRINGS)
    if kind is list:
        return [value(inner, chance) for _ in range(bound + chance.choice([0, 0, 1, 2]))]
    if isinstance(inner, dict):
        return {
            name: value(field, chance)
            for name, field in inner.items()
            if field and (name in bound or chance.random() < (0.6 if field[0] is dict else 0.3))
        }
    names, values = inner
    return {value(names, chance): value(values, chance) for _ in range(chance.randint(0, 2))}


def spoil(place: Any, shape: Any, chance: random.Random) -> None:
    """Changes one value in a list or an object, so that it is probably invalid."""
    inner = shape[2]
    steps = list(range(len(place))) if isinstance(place, list) else list(place)
    if not steps or chance.random() < 0.1:
        add(place, shape, chance)
        return
    step = chance.choice(steps)
    if isinstance(place, list):
        field = inner
    else:
        field = inner[1] if isinstance(inner, tuple) else inner.get(step)
    item = place[step]
    if field and field[0] is type(item) and isinstance(item, list | dict) and chance.random() < 0.8:
        spoil(item, field, chance)
    elif chance.random() < 0.2:
        del place[step]
    elif field and field[0] is str and field[2] and not field[3]:
        place[step] = chance.choice(WRONG[field[2].__name__])
    elif field and field[0] is int:
        place[step] = chance.choice([field[2] - 1, field[3] + 1, 1.0, True])
    else:
        place[step] = deepcopy(chance.choice(OTHERS))


def add(place: Any, shape: Any, chance: random.Random) -> None:
    if isinstance(place, list):
        place.append(deepcopy(chance.choice([*OTHERS, *place])))
    elif isinstance(shape[2], dict) and chance.random() < 0.5:
        place[chance.choice(list(shape[2]))] = deepcopy(chance.choice(OTHERS))
    else:
        place[chance.choice(["", "a\0b", "arg", "ARGS", "unknown", "a/b"])] = deepcopy(
            chance.choice(OTHERS)
        )
