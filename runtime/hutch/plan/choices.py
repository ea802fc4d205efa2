"""What the command line decides of a plan."""

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
        trace: bool


class Choices:
    """What the command line decides: flags of create and run that change the plan.

    ``preserved`` descriptors from 3 on are the container's; the first ``listening`` of them are
    sockets that were handed to the caller (sd_listen_fds(3)). ``direct``: the runtime itself starts
    the program. ``notify``: the host's directory with the socket on which the program says that it
    is ready (sd_notify(3)), or "". ``trace``: hutch-init notes its times. ``strict``: the
    specification's word counts where runc's habit is another.
    """

    __slots__ = (
        "direct", "listening", "new_keyring", "no_pivot", "notify", "preserved", "strict", "trace",
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
    ) -> None:
        self.no_pivot = no_pivot
        self.new_keyring = new_keyring
        self.preserved = preserved
        self.listening = listening
        self.direct = direct
        self.notify = notify
        self.trace = trace
        self.strict = strict

    def to_json(self) -> "KeptChoices":
        """What the state file keeps: what was asked of `create`."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return kept  # type: ignore[return-value]

    @classmethod
    def from_json(cls, value: "KeptChoices") -> "Choices":
        return cls(**value)
