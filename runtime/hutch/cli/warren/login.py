"""``warren login`` and ``warren logout``."""

import sys
from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from getpass import getpass
from typing import NoReturn

from hutch.cli.warren.context import Context, registry_options
from hutch.cli.warren.verb import Verb
from hutch.errors import UsageError

SECRET_BYTES = 1 << 16


def declare_login(parser: ArgumentParser) -> None:
    """The arguments of ``warren login``."""
    parser.add_argument("registry", metavar="REGISTRY", nargs="?", default="", help="HOST[:PORT]")
    parser.add_argument("-u", "--username", default="", metavar="NAME", help="default: ask for it")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    parser.add_argument("-p", "--password", action=Refused, help=SUPPRESS)
    registry_options(parser)


class Refused(Action):
    """Refuses Docker's --password: all users of the machine can read it in the process list."""

    def __call__(self, *_: object) -> NoReturn:
        raise UsageError("a password on the command line is not secret", hint="--password-stdin")


def login(arguments: Namespace, context: Context) -> int:
    """Checks the credentials and saves them. A password is never an argument (S-86)."""
    from hutch.image.registry.credentials import Credentials, store
    from hutch.image.registry.remote import connector

    host = arguments.registry or default_registry(context)
    if arguments.password_stdin:
        if not arguments.username:
            raise UsageError("--password-stdin needs --username")
        user, password = arguments.username, sys.stdin.read(SECRET_BYTES).rstrip("\r\n")
    elif sys.stdin.isatty():
        user = arguments.username or input("Username: ")
        password = getpass("Password: ")
    else:
        raise UsageError("there is no terminal to ask for a password", hint="--password-stdin")
    credentials = Credentials(user, password)
    connect = connector(
        context.settings,
        credentials=credentials,
        certificates=arguments.cert_dir,
        verify=arguments.tls_verify,
    )
    registry = connect(host, "")
    try:
        registry.login(user)
    finally:
        registry.close()
    place = store(host, credentials, arguments.authfile)
    print(f"credentials for {host} were saved in {place}", file=sys.stderr)
    print("Login Succeeded")
    return 0


def default_registry(context: Context) -> str:
    """The registry for short names. Raises UsageError unless exactly one is configured."""
    if len(context.settings.search) == 1:
        return context.settings.search[0].partition("/")[0]
    raise UsageError("no registry was given", hint="warren login REGISTRY")


def declare_logout(parser: ArgumentParser) -> None:
    """The arguments of ``warren logout``."""
    parser.add_argument("registry", metavar="REGISTRY", nargs="?", default="", help="HOST[:PORT]")
    parser.add_argument("--authfile", default="", metavar="FILE", help="only from this file")


def logout(arguments: Namespace, context: Context) -> int:
    """Removes the saved credentials of a registry."""
    from hutch.image.registry.credentials import remove

    host = arguments.registry or default_registry(context)
    found = remove(host, arguments.authfile)
    print(f"Removed login credentials for {host}" if found else f"Not logged in to {host}")
    return 0


VERBS = {
    "login": Verb(declare_login, login),
    "logout": Verb(declare_logout, logout),
}
