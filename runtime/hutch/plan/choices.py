"""The flags of the command line that change a plan."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    class KeptChoices(TypedDict, total=False):
        """Choices in the state file."""

        direct: bool
        listening: int
        new_keyring: bool
        no_pivot: bool
        notify: str
        preserved: int
        strict: bool
        supervised: bool
        stays: bool
        trace: bool
        watched: str


class Choices:
    """The flags of create and run that change the plan.

    ``preserved`` is how many descriptors from 3 on the container gets; the first ``listening`` of
    them are sockets from the caller's socket activation (sd_listen_fds(3)). ``direct``: the runtime
    itself starts the program (run), without `start`. ``notify``: the host's directory with the
    socket on which the program says that it is ready (sd_notify(3)), or "". ``trace``: hutch-init
    records when each operation begins and ends. ``strict``: where runc differs from the
    specification, follow the specification. ``supervised``: hutch-init stays as the first process,
    beside the program, and ends with it or with the caller; ``stays``: without a program.
    ``watched``: what the supervisor of its system calls does (container.cold.seccomp), or "".
    """

    __slots__ = (
        "direct", "listening", "new_keyring", "no_pivot", "notify", "preserved", "stays", "strict",
        "supervised", "trace", "watched",
    )  # fmt: skip

    def __init__(
        self,
        *,
        no_pivot: bool = False,
        new_keyring: bool = True,
        preserved: int = 0,
        listening: int = 0,
        direct: bool = False,
        notify: str = "",
        trace: bool = False,
        strict: bool = False,
        supervised: bool = False,
        stays: bool = False,
    ) -> None:
        self.no_pivot = no_pivot
        self.new_keyring = new_keyring
        self.preserved = preserved
        self.listening = listening
        self.direct = direct
        self.notify = notify
        self.trace = trace
        self.strict = strict
        self.supervised = supervised
        self.stays = stays
        self.watched = ""

    def to_json(self) -> "KeptChoices":
        """The choices of `create` as the state file keeps them."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return kept  # type: ignore[return-value]
