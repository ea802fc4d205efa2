"""``warren pod``: create, start, stop, restart, kill, pause, unpause, rm, prune, exists."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from hutch.cli.warren.context import Context
from hutch.cli.warren.each import each
from hutch.cli.warren.hints import complain
from hutch.cli.warren.pod_flags import declare_pod, pod_from
from hutch.cli.warren.verb import Verb
from hutch.errors import KernelError, NotFound, UsageError

if TYPE_CHECKING:
    from hutch.engine.engine import Engine
    from hutch.engine.pods.records import Pod


def declare_create(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod create``."""
    declare_pod(parser)
    parser.add_argument("pod", metavar="NAME", nargs="?", default="", help="the same as --name")


def create(arguments: Namespace, context: Context) -> int:
    """Makes a pod and prints its id."""
    from hutch.engine.pods.create import create_pod
    from hutch.engine.pods.life import remove_pod

    engine = context.engine
    if arguments.name and arguments.pod:
        raise UsageError("the name is given twice: by --name and as an argument")
    name = arguments.name or arguments.pod
    wanted, infra = pod_from(arguments)
    if arguments.pod_id_file and os.path.exists(arguments.pod_id_file):
        raise UsageError(f"--pod-id-file {arguments.pod_id_file}: the file exists")
    if arguments.replace:
        if not name:
            raise UsageError("--replace: the pod to replace has no name")
        try:
            remove_pod(engine, engine.pods.find(name), force=True)
        except NotFound:
            pass
    image = engine.images.find(arguments.infra_image) if arguments.infra_image else None
    pod = create_pod(engine, wanted, infra, name, infra_name=arguments.infra_name, image=image)
    if arguments.pod_id_file:
        try:
            with open(arguments.pod_id_file, "x", encoding="utf-8") as file:
                file.write(pod.id)
        except OSError as error:
            named = f"--pod-id-file {arguments.pod_id_file}"
            raise KernelError(named, "open", error.errno) from None
    print(pod.id)
    return 0


def declare_names(parser: ArgumentParser) -> None:
    """POD..., --all."""
    parser.add_argument("pods", metavar="POD", nargs="*", help="a pod's name or id")
    parser.add_argument("-a", "--all", action="store_true", help="all pods")


def each_pod(
    arguments: Namespace, context: Context, act: "Callable[[Engine, Pod], object]",
    *, missing: bool = False,
) -> int:  # fmt: skip
    """Does ``act`` to each pod that is named and prints its id; 1 if any failed. ``missing``: one
    that is not there is no failure."""
    from hutch.engine.pods.life import named

    engine = context.engine
    if bool(arguments.pods) == arguments.all:
        raise UsageError("either the names of pods are wanted, or --all")

    def found(name: str) -> None:
        pod = engine.pods.find(name)
        act(engine, pod)
        print(pod.id)

    names = arguments.pods or [pod.id for pod in named(engine, [])]
    return each(names, context, found, passed_over=NotFound if missing else None)


def start(arguments: Namespace, context: Context) -> int:
    """Starts pods."""
    from hutch.engine.pods.life import start_pod

    return each_pod(arguments, context, start_pod)


def declare_stop(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod stop``."""
    declare_names(parser)
    parser.add_argument(
        "-i", "--ignore", action="store_true", help="a pod that does not exist is no failure"
    )
    _time(parser)


def _time(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-t", "--time", type=float, default=None, metavar="SECONDS",
        help="how long to wait before SIGKILL, instead of the container's own; -1 for ever",
    )  # fmt: skip


def stop(arguments: Namespace, context: Context) -> int:
    """Stops the containers of pods."""
    from hutch.engine.pods.life import stop_pod

    return each_pod(
        arguments, context, lambda engine, pod: stop_pod(engine, pod, arguments.time),
        missing=arguments.ignore,
    )  # fmt: skip


def restart(arguments: Namespace, context: Context) -> int:
    """Stops pods and starts them again."""
    from hutch.engine.pods.life import restart_pod

    return each_pod(arguments, context, restart_pod)


def declare_kill(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod kill``."""
    declare_names(parser)
    parser.add_argument(
        "-s", "--signal", default="KILL", metavar="SIGNAL", help="KILL if not given"
    )


def kill(arguments: Namespace, context: Context) -> int:
    """Sends a signal to the first process of each container."""
    from hutch.engine.pods.life import kill_pod

    return each_pod(arguments, context, lambda engine, pod: kill_pod(engine, pod, arguments.signal))


def pause(arguments: Namespace, context: Context) -> int:
    """Freezes the containers of pods."""
    from hutch.engine.pods.life import pause_pod

    return each_pod(arguments, context, pause_pod)


def unpause(arguments: Namespace, context: Context) -> int:
    """Thaws them."""
    from hutch.engine.pods.life import unpause_pod

    return each_pod(arguments, context, unpause_pod)


def declare_rm(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod rm``."""
    declare_stop(parser)
    parser.add_argument("-f", "--force", action="store_true", help="also those that run")


def rm(arguments: Namespace, context: Context) -> int:
    """Removes pods with their containers."""
    from hutch.engine.pods.life import remove_pod

    def act(engine: "Engine", pod: "Pod") -> None:
        remove_pod(engine, pod, force=arguments.force, seconds=arguments.time)

    return each_pod(arguments, context, act, missing=arguments.ignore)


def declare_prune(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod prune``."""
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def prune(arguments: Namespace, context: Context) -> int:
    """Removes the pods that do not run; prints their ids."""
    from hutch.cli.warren.system import sure
    from hutch.engine.pods.life import prune_pods

    if not arguments.force and not sure("all pods that do not run"):
        return 0 if sys.stdin.isatty() else 1
    status = []

    def failed(pod: "Pod", error: Exception) -> None:
        status.append(1)
        complain(error, context.named_root)  # type: ignore[arg-type]

    for pod in prune_pods(context.engine, failed):
        print(pod.id)
    return 1 if status else 0


def declare_exists(parser: ArgumentParser) -> None:
    """The arguments of ``warren pod exists``."""
    parser.add_argument("pod", metavar="POD", help="a pod's name or id")


def exists(arguments: Namespace, context: Context) -> int:
    """0 if there is such a pod, else 1."""
    try:
        context.engine.pods.find(arguments.pod)
    except NotFound:
        return 1
    return 0


VERBS = {
    "pod create": Verb(declare_create, create),
    "pod start": Verb(declare_names, start),
    "pod stop": Verb(declare_stop, stop),
    "pod restart": Verb(declare_names, restart),
    "pod kill": Verb(declare_kill, kill),
    "pod pause": Verb(declare_names, pause),
    "pod unpause": Verb(declare_names, unpause),
    "pod rm": Verb(declare_rm, rm),
    "pod prune": Verb(declare_prune, prune),
    "pod exists": Verb(declare_exists, exists),
}
