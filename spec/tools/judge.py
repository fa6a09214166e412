"""Judge values by the schemas of one document: what is sent, what is received, and what is either."""

from __future__ import annotations

import re
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
from referencing import Registry
from referencing.jsonschema import DRAFT4

from spec.tools.structure import pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from spec.tools.errors import Keys

_HOME: Final = "urn:openapi:document"
_VALIDATORS: Final = {
    "request": "OAS30WriteValidator",
    "response": "OAS30ReadValidator",
    "": "OAS30Validator",
}


class _Formats:
    """The library's checks of formats; its check of base64 raises UnicodeError for other text."""

    def __init__(self, checker: Any) -> None:
        self.checker, self.checkers = checker, checker.checkers

    def check(self, value: Any, format_: str) -> None:
        """Raise the library's FormatError if a value isn't of a format."""
        is_foreign = format_ == "byte" and isinstance(value, str) and not value.isascii()
        self.checker.check("?" if is_foreign else value, format_)


def _with_plain_choices(validators: Any) -> Any:
    """Extend the library's validators, which look a discriminator's value up in a map whatever it is."""
    # As late as the library, which is built on this; it ships no types.
    from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]  # noqa: PLC0415
    from jsonschema.validators import extend  # type: ignore[import-untyped]  # noqa: PLC0415

    def guarded(check: Any) -> Any:
        def checked(validator: Any, parts: Any, value: Any, schema: Any) -> Iterator[Any]:
            name = schema.get("discriminator", {}).get("propertyName")
            chooses = value.get(name) if isinstance(value, dict) else None
            if isinstance(chooses, (dict, list)):
                return iter([ValidationError(f"{chooses!r} chooses no branch: {name!r} must be a string")])
            found: Iterator[Any] = check(validator, parts, value, schema)
            return found

        return checked

    keywords = ("oneOf", "anyOf", "allOf")
    return extend(validators, {keyword: guarded(validators.VALIDATORS[keyword]) for keyword in keywords})


class Judge:
    """Judges values by the schema at a place of a document.

    The direction "request" refuses what is read-only, "response" what is write-only.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._made: dict[tuple[Keys, str], Any] = {}

    @cached_property
    def _registry(self) -> Any:
        return Registry().with_resource(_HOME, DRAFT4.create_resource(self.document))

    def _validator(self, keys: Keys, direction: str) -> Any:
        if (keys, direction) not in self._made:
            import openapi_schema_validator as library  # noqa: PLC0415 - a second, with pydantic behind it

            self._made[keys, direction] = _with_plain_choices(getattr(library, _VALIDATORS[direction]))(
                {"$ref": _HOME + pointer(keys)},
                registry=self._registry,
                format_checker=_Formats(library.oas30_format_checker),
            )
        return self._made[keys, direction]

    def is_valid(self, value: Any, keys: Keys, direction: str = "") -> bool:
        """Return whether a value fits."""
        try:
            return bool(self._validator(keys, direction).is_valid(value))
        except ArithmeticError:  # It divides what no float holds.
            return False

    def error(self, value: Any, keys: Keys, direction: str = "") -> Any:
        """Return the error that says best why a value doesn't fit; None if it does."""
        return worst(self._validator(keys, direction).iter_errors(value))


def worst(errors: Iterable[Any]) -> Any:
    """Choose the validator's error to show: the outermost; of a choice's, the one that came furthest."""
    error = min(errors, key=lambda one: len(one.absolute_path), default=None)
    while error is not None and error.context:
        error = max(error.context, key=lambda one: len(one.absolute_path))
    return error


def is_portable(pattern: str) -> bool:
    """Return whether the readers of the document agree on a pattern.

    The client reads ECMA-262, as OpenAPI has it; the mock, the contract suite and these tools, Python's `re`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # `re` reads `[[:alpha:]]` in its own way
            re.compile(pattern)
        jsonschema_rs.Draft4Validator({"pattern": pattern})
    except (re.error, ValueError, ArithmeticError, RecursionError, FutureWarning):
        return False
    return True
