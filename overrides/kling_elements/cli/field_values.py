"""The values that the document lists for a field of the request."""

from __future__ import annotations

import re

from kling_elements.document import load_document

_CREATE = re.compile(r"createKlingElements(\w+)Task")


def field_values(name: str) -> tuple[str, ...]:
    """Return the values of a field, or of "model", which the document has in its operations' ids."""
    document = load_document()
    if name == "model":
        operations = (
            operation.get("operationId", "")
            for item in document.content["paths"].values()
            for operation in item.values()
            if isinstance(operation, dict)
        )
        return tuple(found[1].lower() for each in operations if (found := _CREATE.fullmatch(each)))
    body = document.operation("createKlingElementsStdTask")["requestBody"]["content"]["application/json"]
    fields = document.resolve(body["schema"])["properties"]
    return tuple(document.resolve(fields[name])["enum"])
