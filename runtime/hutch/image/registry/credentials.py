"""Reads and saves the user's credentials: config.json, auth.json, and credential helpers.

They are read from the files that Docker and podman read, and written to the named file or to
Docker's config.json. They are never printed, and never an argument of a command (S-86).
"""

import base64
import binascii
import contextlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from hutch.errors import UsageError, shown
from hutch.image.errors import RegistryError
from hutch.image.reference import HUB

HUB_KEY = "https://index.docker.io/v1/"
FILE_BYTES = 1 << 20
HELPER_SECONDS = 30
TOKEN_USER = "<token>"  # noqa: S105 the user name that means: the secret is an identity token
NOT_FOUND = "credentials not found"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or an identity (refresh) token instead."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raises UsageError if they cannot be sent (RFC 7617, 2)."""
        if ":" in self.user:
            raise UsageError("a user name with a colon cannot be sent to a registry")
        try:
            for text in (self.user, self.password, self.identity_token):
                text.encode(errors="surrogateescape")
        except (UnicodeEncodeError, AttributeError):
            raise UsageError("a user name or password that is not text") from None

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        pair = f"{self.user}:{self.password}".encode(errors="surrogateescape")
        return "Basic " + base64.b64encode(pair).decode()


def places(authfile: str = "") -> list[Path]:
    """The files that may have credentials, in the order in which they are read."""
    if authfile:
        return [Path(authfile)]
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        return [Path(named)]
    found = []
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        found.append(Path(runtime) / "containers" / "auth.json")
    elif os.geteuid() == 0:
        found.append(Path("/run/containers/0/auth.json"))
    home = Path(os.path.expanduser("~"))
    found.append(
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "containers/auth.json"
    )
    found.append(docker_config())
    return found


def docker_config() -> Path:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    return Path(folder) / "config.json"


def _read(path: Path) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            document: object = json.loads(file.read(FILE_BYTES))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path}: must be a JSON object")
    return document


def _table(document: dict[str, object], key: str) -> dict[str, object]:
    """The object with this key in the document; {} if there is none."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _helper_for(document: dict[str, object], key: str) -> str:
    """The credential helper for ``key``, as the end of its name (docker-credential-NAME); "" for
    none."""
    helper = _table(document, "credHelpers").get(key) or document.get("credsStore")
    return helper if isinstance(helper, str) else ""


def keys(registry: str, path: str) -> list[str]:
    """The keys under which credentials may be saved, the most specific first."""
    parts = [registry, *(path.split("/") if path else [])]
    found = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    if registry == HUB:
        found += [HUB_KEY, "index.docker.io"]
    return [*found, f"https://{registry}", f"https://{registry}/v1/", f"https://{registry}/v2/"]


def find(registry: str, path: str = "", authfile: str = "") -> Credentials | None:
    """The credentials for ``registry`` (and ``path`` in it), or None. Raises UsageError."""
    if authfile and not os.path.exists(authfile):
        raise UsageError(f"{shown(authfile)}: no such file of credentials", hint="warren login")
    for place in places(authfile):
        document = _read(place)
        helpers, auths = _table(document, "credHelpers"), _table(document, "auths")
        for key in keys(registry, path):
            if isinstance(helper := helpers.get(key), str):
                found = _ask_helper(helper, key)
                if found:
                    return found
            if isinstance(entry := auths.get(key), dict):
                kept = _from_entry(entry, f"{place}: auths.{shown(key)}")
                if kept:
                    return kept
        if isinstance(store := document.get("credsStore"), str) and store:
            for key in [HUB_KEY] if registry == HUB else [registry, f"https://{registry}"]:
                found = _ask_helper(store, key)
                if found:
                    return found
    return None


def _from_entry(entry: dict[str, object], where: str) -> Credentials | None:
    """The credentials in an entry of ``auths``; None if it is empty, which means that a helper has
    them."""
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credentials("", "", token)
    auth = entry.get("auth")
    if isinstance(auth, str) and auth:
        try:
            user, _, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise UsageError(f"{where}.auth: not base64") from None
        return Credentials(user, password.rstrip("\0"))
    name, secret = entry.get("username"), entry.get("password")
    if isinstance(name, str) and isinstance(secret, str) and name:
        return Credentials(name, secret)
    return None


def _helper(name: str, action: str, text: str) -> str:
    """Runs docker-credential-NAME; secrets go by its standard input. Raises RegistryError."""
    program = f"docker-credential-{name}"
    if "/" in name or shutil.which(program) is None:
        raise RegistryError(
            f"the credential helper {shown(program)} is not to be found",
            hint="install it, or take it out of config.json",
        )
    try:
        done = subprocess.run(
            [program, action], input=text, capture_output=True, text=True, check=False,
            timeout=HELPER_SECONDS,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, OSError) as error:
        raise RegistryError(f"{program} {action}: {type(error).__name__}") from None
    if done.returncode != 0:
        said = (done.stdout.strip() or done.stderr.strip())[:200]
        if NOT_FOUND in said:
            return ""
        raise RegistryError(f"{program} {action}: {said or done.returncode}")
    return done.stdout


def _ask_helper(name: str, key: str) -> Credentials | None:
    answer = _helper(name, "get", key)
    if not answer:
        return None
    try:
        document = json.loads(answer)
        user, secret = document["Username"], document["Secret"]
    except (ValueError, KeyError, TypeError):
        raise RegistryError(f"docker-credential-{name}: its answer is not valid") from None
    return Credentials("", "", secret) if user == TOKEN_USER else Credentials(user, secret)


def _place_to_write(authfile: str) -> Path:
    named = authfile or os.environ.get("REGISTRY_AUTH_FILE")
    return Path(named) if named else docker_config()


def store(registry: str, credentials: Credentials, authfile: str = "") -> str:
    """Saves credentials and returns where. If that file names a helper, the helper saves them."""
    place = _place_to_write(authfile)
    document = _read(place)
    key = HUB_KEY if registry == HUB else registry
    helper = _helper_for(document, key)
    if helper:
        secret = {"ServerURL": key, "Username": credentials.user, "Secret": credentials.password}
        if credentials.identity_token:
            secret.update(Username=TOKEN_USER, Secret=credentials.identity_token)
        _helper(helper, "store", json.dumps(secret))
        document["auths"] = {**_table(document, "auths"), key: {}}
        _write(place, document)
        return f"docker-credential-{helper}"
    entry = {"auth": credentials.basic.removeprefix("Basic ")}
    if credentials.identity_token:
        entry["identitytoken"] = credentials.identity_token
    document["auths"] = {**_table(document, "auths"), key: entry}
    _write(place, document)
    return str(place)


def remove(registry: str, authfile: str = "") -> bool:
    """Removes credentials from all places. Returns whether there were any."""
    found = False
    for place in places(authfile):
        document = _read(place)
        auths = document.get("auths")
        for key in keys(registry, ""):
            helper = _helper_for(document, key)
            if helper and isinstance(auths, dict) and key in auths:
                _helper(helper, "erase", key)
            if isinstance(auths, dict) and auths.pop(key, None) is not None:
                found = True
                _write(place, document)
    return found


def _write(path: Path, document: dict[str, object]) -> None:
    """Replaces a file atomically; only the owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.urandom(4).hex()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            json.dump(document, file, indent=4)
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
