"""Checks the objects of a kube file: each field is known, has the right type, and is carried out;
an error or a warning names each that is not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from hutch.did_you_mean import suggestion
from hutch.errors import HutchError, shown
from hutch.kube.documents import Document
from hutch.kube.errors import KubeError
from hutch.kube.schema import Schema
from hutch.kube.schema_kinds import KINDS, PASSED_OVER, REFUSED

if TYPE_CHECKING:
    from jsonschema import ValidationError

Warn = Callable[[HutchError], None]
TYPES = {
    "string": "a string", "integer": "a whole number", "number": "a number", "object": "an object",
    "boolean": "true or false", "array": "a list",
}  # fmt: skip


def check(documents: Iterable[Document], warn: Warn) -> list[Document]:
    """The objects that warren carries out; ``warn`` is told of what it does not. Raises KubeError
    for the first that is wrong or cannot be carried out."""
    found = []
    for document in documents:
        if document.kind in PASSED_OVER:
            warn(KubeError(document.title, "", f"ignored: {PASSED_OVER[document.kind]}"))
            continue
        if document.kind in REFUSED:
            raise KubeError(document.title, "kind", REFUSED[document.kind])
        if document.kind not in KINDS:
            hint = suggestion(document.kind, KINDS, ", ".join(KINDS))
            raise KubeError(document.title, "kind", "warren does not play this kind", hint=hint)
        check_one(document, warn)
        found.append(document)
    return found


def check_one(document: Document, warn: Warn) -> None:
    """The same for one object."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = KINDS[document.kind]
    errors = sorted(
        Draft202012Validator(schema).iter_errors(document.body),
        key=lambda error: [str(step) for step in error.absolute_path],
    )
    if errors:
        # An unknown field is named before what follows from it.
        unknown = [one for one in errors if one.validator == "additionalProperties"]
        raise explained(document, unknown[0] if unknown else best_match(errors) or errors[0])
    for path, value, part in parts(document.body, schema):
        told: object = ... if isinstance(value, dict | list) else value
        if "refused" in part and value not in part.get("but", []):
            raise KubeError(document.title, path, part["refused"], value=told)
        if "ignored" in part and value not in part.get("but", []):
            warn(KubeError(document.title, path, "ignored: " + part["ignored"], value=told))


def parts(value: object, schema: Schema, path: str = "") -> Iterator[tuple[str, object, Schema]]:
    """Each value with its path and schema. A field that is null counts as missing."""
    if value is None:
        return
    yield path, value, schema
    if isinstance(value, dict):
        for name, schema_of in schema.get("properties", {}).items():
            if name in value:
                yield from parts(value[name], schema_of, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from parts(item, schema["items"], f"{path}[{number}]")


def pointer(steps: Iterable[str | int]) -> str:
    """The path of a value: ``spec.containers[0].image``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def explained(document: Document, error: "ValidationError") -> KubeError:
    """An error of jsonschema, in our words."""
    path, value = pointer(error.absolute_path), error.instance
    told: object = ... if document.kind == "Secret" or isinstance(value, dict | list) else value
    reason, hint = error.message, ""
    if error.validator == "additionalProperties" and isinstance(value, dict):
        part = error.schema
        known = part.get("properties", {}) if isinstance(part, Mapping) else {}
        name = next((key for key in value if key not in known), "")
        path = f"{path}.{name}" if path else name
        reason, told = "there is no such field", ...
        hint = suggestion(name, known, "")
    elif error.validator == "required" and isinstance(value, dict):
        needed: list[str] = error.validator_value  # type: ignore[assignment]
        missing = next(key for key in needed if key not in value)
        path, reason = f"{path}.{missing}" if path else missing, "this field is missing"
    elif error.validator == "type":
        wanted = error.validator_value
        words = [TYPES[str(one)] for one in (wanted if isinstance(wanted, list) else [wanted])]
        reason = f"{' or '.join(words)} is wanted"
        if wanted == "string" and isinstance(value, bool | int | float):
            hint = "put it in quotes"
    elif error.validator == "enum":
        known_values: list[str] = error.validator_value  # type: ignore[assignment]
        reason = f"must be one of {', '.join(map(shown, known_values))}"
    elif error.validator == "pattern":
        reason = "lower-case letters, digits and - are wanted, at most 63"
    elif error.validator in ("minimum", "maximum"):
        bound = "least" if error.validator == "minimum" else "most"
        reason = f"the {bound} is {error.validator_value}"
    elif error.validator == "minItems":
        reason = "at least one is wanted"
    return KubeError(document.title, path, reason, value=told, hint=hint)
