"""What an error of ours is in Docker's API: a status and {"message": ...}."""

from hutch.engine.errors import Conflict, NoSuchPath, StartFailed
from hutch.errors import HutchError, NotFound, StateError, UsageError
from hutch.image.errors import ImageInUse, ImageNotFound, LoginRefused, NotInRegistry


class ApiError(HutchError):
    """An error with a status of its own."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def status_of(error: HutchError) -> int:
    """The HTTP status that clients of Docker expect for it."""
    if isinstance(error, ApiError):
        return error.status
    if isinstance(error, NotFound | NoSuchPath | ImageNotFound | NotInRegistry):
        return 404
    if isinstance(error, Conflict | StateError | ImageInUse):
        return 409
    if isinstance(error, UsageError):
        return 400
    if isinstance(error, LoginRefused):
        return 401
    if isinstance(error, StartFailed):
        return 400 if error.status in (126, 127) else 500
    return 500


def message_of(error: HutchError) -> str:
    """The sentence. Clients look for some of Docker's own words in it."""
    if isinstance(error, ImageNotFound):
        return f"No such image: {error.name}"
    return error.sentence
