"""The loop of verbs that take several names: it tries all of them, and reports each failure."""

from collections.abc import Callable, Iterable

from hutch.cli.warren.context import Context
from hutch.cli.warren.hints import complain
from hutch.errors import HutchError


def each(
    names: Iterable[str],
    context: Context,
    act: Callable[[str], object],
    *,
    told: type[HutchError] = HutchError,
    passed_over: type[HutchError] | None = None,
) -> int:
    """Calls ``act`` with each name; 1 if any failed, else 0.

    Errors of the class ``told`` are printed, others are raised; one of the class ``passed_over`` is
    no failure.
    """
    status = 0
    for name in names:
        try:
            act(name)
        except told as error:
            if passed_over is not None and isinstance(error, passed_over):
                continue
            complain(error, context.named_root)
            status = 1
    return status
