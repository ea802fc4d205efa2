"""The error of a field of a kube file."""

from hutch.errors import HutchError


class KubeError(HutchError):
    """A field of a kube file is wrong, or cannot be carried out. ``document`` is its object ("Pod
    web"), ``pointer`` the path of the field: ``spec.containers[0].image``; ``value`` its value
    (leave it out when the field is missing, or not to be shown)."""

    def __init__(
        self,
        document: str,
        pointer: str,
        reason: str,
        *,
        value: object = ...,
        hint: str = "",
    ) -> None:
        super().__init__(reason, hint=hint)
        self.document = document
        self.pointer = pointer
        self.value = value
