"""``warren kube``: play, down and generate."""

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, access, registry_options, truth
from hutch.cli.warren.hints import complain
from hutch.cli.warren.verb import Verb
from hutch.errors import KernelError, UsageError

if TYPE_CHECKING:
    from hutch.images import Image
    from hutch.kube.documents import Document
    from hutch.kube.play import Down, PlayOptions


def declare_play(parser: ArgumentParser) -> None:
    """The arguments of ``warren kube play``."""
    parser.add_argument("file", metavar="FILE|-", help="a YAML file; - is the standard input")
    parser.add_argument(
        "--configmap", action="append", default=[], metavar="FILE",
        help="a file with ConfigMaps and Secrets that the other one uses",
    )  # fmt: skip
    parser.add_argument(
        "--down", action="store_true", help="stop and remove what the file has made, as kube down"
    )
    parser.add_argument(
        "--network", action="append", default=[], metavar="NETWORK",
        help="a network of the pods, instead of bridge",
    )  # fmt: skip
    parser.add_argument(
        "--publish", action="append", default=[], metavar="[[IP:]PORT:]PORT[/PROTOCOL]",
        help="publish a port at a port of the host, beside those of the file",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    parser.add_argument("--replace", action="store_true", help="remove the pods of the file first")
    parser.add_argument(
        "--start", type=truth, default=True, metavar="BOOL",
        help="false: do not start the pods (true)",
    )  # fmt: skip
    registry_options(parser)


def documents(arguments: Namespace, context: Context) -> "list[Document]":
    """The checked objects of the file; warnings are printed. Raises UsageError, KubeError."""
    from hutch.kube.check import check
    from hutch.kube.documents import read

    found = read(contents(arguments.file), arguments.file)
    return check(found, lambda error: complain(error, context.named_root))


def contents(path: str) -> bytes:
    """What is in a file, or comes by standard input. Raises KernelError."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise KernelError(f"read {path}", "open", error.errno) from None


def play(arguments: Namespace, context: Context) -> int:
    """Makes and starts the pods of a file; 1 if one could not be started."""
    from hutch.kube.check import check
    from hutch.kube.documents import read
    from hutch.kube.play import play as carry_out
    from hutch.kube.sources import Sources

    options = play_options(arguments)
    if arguments.down:
        return down(arguments, context)
    found = documents(arguments, context)
    given = [
        one
        for path in arguments.configmap
        for one in check(read(contents(path), path), lambda error: None)
    ]
    status = 0
    for played in carry_out(
        context.engine, found, Sources([*given, *found]), options,
        lambda name, pull: image(arguments, context, name, pull),
    ):  # fmt: skip
        print("\n".join(["Pod:", played.pod.id]))
        print("\n".join(["Containers:", *(record.id for record in played.containers), ""]))
        if played.error is not None:
            complain(played.error, context.named_root)
            status = 1
    return status


def image(arguments: Namespace, context: Context, name: str, pull: str) -> "Image":
    """An image, pulled "always", if it is "missing", or "never"."""
    from hutch.image.errors import ImageNotFound

    if pull != "always":
        try:
            return context.store.find(name)
        except ImageNotFound:
            if pull == "never":
                raise
    with context.at_work(quiet=arguments.quiet, access=access(arguments)) as store:
        return store.pull(name).image


def play_options(arguments: Namespace) -> "PlayOptions":
    """What the flags ask for. Raises UsageError."""
    from hutch.cli.warren.network_flags import network
    from hutch.engine.network.ports import publish
    from hutch.kube.play import PlayOptions

    networks = [network(text) for text in arguments.network]
    names = [one["name"] for one in networks]
    if len(set(names)) < len(names):
        raise UsageError("--network: a network is given twice")
    if len(names) > 1 and {"none", "host"} & set(names):
        raise UsageError("--network none and host exclude other networks")
    if any(name.startswith(("container:", "ns:")) for name in names):
        raise UsageError("--network of a pod is the name of a network, none or host")
    return PlayOptions(
        networks,
        [port for text in arguments.publish for port in publish(text)],
        arguments.start,
        arguments.replace,
    )


def declare_down(parser: ArgumentParser) -> None:
    """The arguments of ``warren kube down``."""
    parser.add_argument("file", metavar="FILE|-", help="a YAML file; - is the standard input")
    parser.add_argument(
        "--force", action="store_true", help="also remove the volumes of its claims"
    )


def down(arguments: Namespace, context: Context) -> int:
    """Stops and removes the pods of a file."""
    from hutch.kube.play import down as take_down

    found = documents(arguments, context)
    gone: Down = take_down(context.engine, found, force=getattr(arguments, "force", False))
    print("\n".join(["Pods removed:", *(pod.id for pod in gone.pods)]))
    if gone.volumes:
        print("\n".join(["Volumes removed:", *gone.volumes]))
    return 0


def declare_generate(parser: ArgumentParser) -> None:
    """The arguments of ``warren kube generate``."""
    parser.add_argument(
        "names", metavar="POD|CONTAINER", nargs="+",
        help="a pod, or containers of no pod, which become one",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--filename", default="", metavar="FILE", help="write to this file, which is new"
    )
    parser.add_argument(
        "-t", "--type", default="pod", choices=("pod", "deployment"), help="of what kind (pod)"
    )
    parser.add_argument(
        "-r", "--replicas", type=int, default=1, metavar="N", help="pods of a deployment (1)"
    )


def generate(arguments: Namespace, context: Context) -> int:
    """Prints the kube file of pods or containers."""
    from hutch.kube.generate import generate as make

    if arguments.replicas != 1 and arguments.type != "deployment":
        raise UsageError("--replicas is for --type deployment")
    text = make(
        context.engine, arguments.names, lambda error: complain(error, context.named_root),
        deployment=arguments.type == "deployment", replicas=arguments.replicas,
    )  # fmt: skip
    if not arguments.filename:
        print(text, end="")
        return 0
    try:
        with open(arguments.filename, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise KernelError(f"--filename {arguments.filename}", "open", error.errno) from None
    return 0


VERBS = {
    "kube play": Verb(declare_play, play),
    "kube down": Verb(declare_down, down),
    "kube generate": Verb(declare_generate, generate),
}
