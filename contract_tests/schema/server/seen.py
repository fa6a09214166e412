"""An exchange beside what the document says about it: what a rule is given."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import frozen

from contract_tests.support.contract import resolve

if TYPE_CHECKING:
    from contract_tests.schema.server.exchange import Answer, Sent
    from contract_tests.schema.server.operations import Operation


@frozen(eq=False)
class Seen:
    """An exchange, the operation that it called, and the good key that it had, if any."""

    sent: Sent
    answer: Answer
    operation: Operation
    owner: str = ""

    @cached_property
    def content(self) -> dict[str, Any]:
        return self.operation.content(self.answer.status)

    @cached_property
    def headers(self) -> dict[str, dict[str, Any]]:
        found = self.operation.response(self.answer.status).get("headers", {})
        return {name: resolve(node) for name, node in found.items()}

    @cached_property
    def media(self) -> dict[str, Any] | None:
        """What the document has under the answer's media type, or under a range that it is in."""
        name = self.answer.media_type
        known = {written.split(";")[0].lower(): media for written, media in self.content.items()}
        return next((known[n] for n in (name, f"{name.split('/')[0]}/*", "*/*") if n in known), None)

    @cached_property
    def _read(self) -> tuple[Any, str]:
        try:
            return (self.answer.json() if self.answer.is_json else self.answer.text), ""
        except ValueError as error:
            return None, str(error)

    @property
    def value(self) -> Any:
        """The body as JSON or text; None if it is no JSON, though it is declared as that."""
        return self._read[0]

    @property
    def fault(self) -> str:
        return self._read[1]

    @cached_property
    def schema(self) -> dict[str, Any] | None:
        """The schema that the value is to fit; None if it can't be judged."""
        schema: dict[str, Any] | None = (self.media or {}).get("schema")
        if schema is None or self.fault or self.sent.method == "HEAD":
            return None
        return schema if self.answer.is_json or resolve(schema).get("type") == "string" else None
