"""``warren run``, ``create``, ``start`` and ``attach``: making containers and being at them."""

import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context, access, platform_option, registry_options, truth
from hutch.cli.warren.each import each
from hutch.cli.warren.flags import declare_flags, declare_some, options_from
from hutch.cli.warren.hints import complain
from hutch.cli.warren.verb import Verb
from hutch.engine.containers.attach import DETACH_KEYS
from hutch.errors import HutchError, KernelError, UsageError, shown
from hutch.front import use_shared_objects

if TYPE_CHECKING:
    from hutch.engine.containers.places import Places
    from hutch.engine.containers.records import Record
    from hutch.images import Image

FAILED = 125  # what `run` exits with where warren, not the program, failed


def declare_create(parser: ArgumentParser) -> None:
    """The arguments of ``warren create``."""
    declare_flags(parser)
    parser.add_argument(
        "--pull", default="missing", choices=("always", "missing", "never"),
        help="whether the image is pulled first (missing)",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    platform_option(parser)
    registry_options(parser)
    parser.add_argument("image", metavar="IMAGE", help="a name or an id; then a command line")


def declare_run(parser: ArgumentParser) -> None:
    """The arguments of ``warren run``."""
    parser.add_argument("-d", "--detach", action="store_true", help="do not wait for its end")
    parser.add_argument(
        "-a", "--attach", action="append", default=[], metavar="STREAM",
        help="only these of stdin, stdout, stderr",
    )  # fmt: skip
    parser.add_argument(
        "--sig-proxy",
        type=truth,
        default=True,
        metavar="BOOL",
        help="pass signals on to the program (true)",
    )
    parser.add_argument(
        "--trace", default="", metavar="FILE",
        help="write the time of each step of its start to a file, for Perfetto",
    )  # fmt: skip
    declare_create(parser)


def image_for(arguments: Namespace, context: Context) -> "Image":
    """The image, pulled if it is missing, or always."""
    from hutch.image.errors import ImageNotFound
    from hutch.image.platform import Platform

    if arguments.pull != "always":
        try:
            found = context.store.find(arguments.image)
        except ImageNotFound:
            if arguments.pull == "never":
                raise
            use_shared_objects()  # a registry is reached by TLS
            print(f"Unable to find image '{arguments.image}' locally", file=sys.stderr)
        else:
            if arguments.platform:
                wanted = Platform.parse(arguments.platform)
                if (found.platform.os, found.platform.architecture) != (
                    wanted.os, wanted.architecture,
                ):  # fmt: skip
                    raise UsageError(
                        f"image {arguments.image} is for {found.platform}", hint="use --pull always"
                    )
            return found
    use_shared_objects()
    with context.at_work(quiet=arguments.quiet, access=access(arguments)) as store:
        return store.pull(arguments.image, platform=arguments.platform).image


def make(arguments: Namespace, context: Context) -> "Record":
    """The container that the command line asks for."""
    from hutch.engine.containers.create import create

    if (arguments.pod or "").startswith("new:"):
        use_shared_objects()  # perhaps the image of its infra container must be imported
    options = options_from(arguments)
    options.stdin_once = options.interactive and not getattr(arguments, "detach", False)
    if arguments.cidfile and os.path.exists(arguments.cidfile):
        raise UsageError(
            f"container ID file found, make sure the other container isn't running or delete"
            f" {arguments.cidfile}"
        )
    engine = context.engine
    engine.step("find the image")
    image = image_for(arguments, context)
    engine.step("make the container")
    if options.pod.startswith("new:"):
        from hutch.cli.warren.pod_flags import with_new_pod

        record = with_new_pod(engine, image, options, arguments.name or "")
    else:
        record = create(engine, image, options, arguments.name or "")
    if arguments.cidfile:
        try:
            with open(arguments.cidfile, "x", encoding="utf-8") as file:
                file.write(record.id)
        except OSError as error:
            raise KernelError(f"--cidfile {arguments.cidfile}", "open", error.errno) from None
    return record


def create(arguments: Namespace, context: Context) -> int:
    """Makes a container and prints its id."""
    print(make(arguments, context).id)
    return 0


def run(arguments: Namespace, context: Context) -> int:
    """Makes and starts a container; without -d stays at its streams until it ends.

    The exit status is the program's; 125 where warren failed, 126 and 127 where the program could
    not be executed or was not found.
    """
    keys = watched(arguments.detach_keys)
    proxy, streams = arguments.sig_proxy, attached(arguments)
    if arguments.init_ctr is not None:
        raise UsageError("--init-ctr is for create: pod start runs the container")
    if arguments.detach and arguments.attach:
        raise UsageError("conflicting options: --attach and --detach")
    try:
        if arguments.trace:
            from hutch.engine.timeline import Timeline

            context.engine.timeline = Timeline(arguments.trace)
        record = make(arguments, context)
        if not arguments.detach:
            return at_start(context, record, streams, keys, proxy)
        return started(context, record)
    except HutchError as error:
        complain(error, context.named_root)
        return FAILED
    finally:
        if context.engine.timeline is not None:
            context.engine.timeline.write()


def attached(arguments: Namespace) -> set[str]:
    """The streams that -a names, or that -i and the usual give. Raises UsageError."""
    streams = {word.lower() for word in arguments.attach}
    if unknown := streams - {"stdin", "stdout", "stderr"}:
        raise UsageError(f"--attach {shown(sorted(unknown)[0])}", hint="stdin, stdout, stderr")
    streams = streams or {"stdout", "stderr", "stdin"}
    return streams if arguments.interactive else streams - {"stdin"}


def watched(keys: str | None) -> bytes:
    """What --detach-keys looks for. Raises UsageError."""
    from hutch.engine.containers.attach import parse_keys

    return parse_keys(DETACH_KEYS if keys is None else keys)


def started(context: Context, record: "Record") -> int:
    """Starts it in the background."""
    from hutch.engine.containers.start import start
    from hutch.engine.errors import StartFailed

    try:
        start(context.engine, record.id)
    except HutchError as error:
        complain(error, context.named_root)
        forget(context, record)
        return error.status if isinstance(error, StartFailed) else FAILED
    print(record.id)
    return 0


def forget(context: Context, record: "Record") -> None:
    """With --rm a container that did not start goes, too."""
    from hutch.engine.containers.remove import remove

    if record.options.auto_remove:
        remove(context.engine, record, force=True, volumes=True)


def at_start(
    context: Context, record: "Record", streams: set[str], keys: bytes, proxy: bool
) -> int:
    """Starts a container with the caller at its streams; the program's exit status."""
    from hutch.engine.containers.attach import Session
    from hutch.engine.containers.start import start
    from hutch.engine.containers.stop import wait, witness
    from hutch.engine.containers.truth import Death
    from hutch.engine.errors import StartFailed

    engine = context.engine
    session: list[Session] = []
    deaths: list[Death] = []  # before the program runs: afterwards it may have ended already

    def ready(record: "Record", places: "Places") -> None:
        deaths.append(Death(record.pid, record.birth))
        session.append(
            Session(
                places,
                terminal=record.options.tty,
                stdin="stdin" in streams,
                keys=keys,
                forward=(lambda number: forward(context, record, number)) if proxy else None,
                streams=streams,
            )
        )

    with engine.attending(record.id):
        try:
            current = start(engine, record.id, ready)
        except HutchError as error:
            complain(error, context.named_root)
            forget(context, record)
            return error.status if isinstance(error, StartFailed) else FAILED
        engine.step("carry its input and output")
        with session[0] as here:
            if not here.run():
                return 0
        witness(engine, current, deaths[0])
        engine.step("wait for its end, and clean up")
        return wait(engine, current)


def forward(context: Context, record: "Record", number: int) -> None:
    """Hands a signal on to the program."""
    from hutch.engine.containers.stop import RUN, send
    from hutch.engine.containers.truth import Death

    current = context.engine.records.get(record.id)
    if current is not None:
        death = Death(current.pid, current.birth)
        send(context.engine, current, death, number, RUN)
        death.close()


def declare_start(parser: ArgumentParser) -> None:
    """The arguments of ``warren start``."""
    parser.add_argument("containers", metavar="CONTAINER", nargs="+", help="a name or an id")
    parser.add_argument(
        "-a", "--attach", action="store_true", help="show its output and wait for its end"
    )
    parser.add_argument(
        "-i", "--interactive", action="store_true", help="also pass the standard input on"
    )
    declare_some(parser, ["--detach-keys"])


def start_all(arguments: Namespace, context: Context) -> int:
    """Starts containers. 1 if any failed."""
    from hutch.engine.containers.start import start

    engine = context.engine
    if arguments.attach or arguments.interactive:
        if len(arguments.containers) > 1:
            raise UsageError("you cannot start and attach multiple containers at once")
        record = engine.records.find(arguments.containers[0])
        streams = {"stdout", "stderr", *(["stdin"] if arguments.interactive else [])}
        return at_start(context, record, streams, watched(arguments.detach_keys), True)

    def act(name: str) -> None:
        start(engine, engine.records.find(name).id)
        print(name)

    return each(arguments.containers, context, act)


def declare_attach(parser: ArgumentParser) -> None:
    """The arguments of ``warren attach``."""
    parser.add_argument("container", metavar="CONTAINER", help="a name or an id")
    declare_some(parser, ["--detach-keys"])
    parser.add_argument("--no-stdin", action="store_true", help="do not pass the standard input on")
    parser.add_argument(
        "--sig-proxy",
        type=truth,
        default=True,
        metavar="BOOL",
        help="pass signals on to the program (true)",
    )


def attach(arguments: Namespace, context: Context) -> int:
    """Joins our streams to a running container's; its exit status."""
    from hutch.engine.containers.attach import Session
    from hutch.engine.containers.stop import require_running, wait
    from hutch.engine.errors import Conflict

    engine = context.engine
    record = require_running(
        engine,
        engine.records.find(arguments.container),
        "you cannot attach to a stopped container: ",
    )
    if record.paused:
        raise Conflict("you cannot attach to a paused container, unpause it first", id=record.id)
    keys = watched(arguments.detach_keys)
    proxy = arguments.sig_proxy
    with Session(
        engine.places(record),
        terminal=record.options.tty,
        stdin=record.options.interactive and not arguments.no_stdin,
        keys=keys,
        forward=(lambda number: forward(context, record, number)) if proxy else None,
    ) as session:
        if not session.run():
            print("read escape sequence", file=sys.stderr)
            return 1
    return wait(engine, record)


VERBS = {
    "run": Verb(declare_run, run, 1),
    "create": Verb(declare_create, create, 1),
    "start": Verb(declare_start, start_all),
    "attach": Verb(declare_attach, attach),
}
