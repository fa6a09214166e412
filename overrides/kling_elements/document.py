"""What the document says, for the client to read: servers, key headers, and the schema of each request.

The document is shipped inside this package as `openapi.json`; in a checkout it is `spec/openapi.json`, which
`make regenerate` writes beside `openapi.yaml`. It is read once, when first needed.
"""

from __future__ import annotations

import json
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT_NAME = "openapi.json"


class Server(NamedTuple):
    """An origin of the vendor's, and the header that carries the key there."""

    url: str
    key_header: str


class Document:
    """The parts of an OpenAPI document that the client reads.

    Attributes:
        content: The whole document.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    @cached_property
    def servers(self) -> tuple[Server, ...]:
        """The vendor's servers, the default one first."""
        schemes = self.content["components"]["securitySchemes"]
        return tuple(
            Server(server["url"], schemes[server["x-api-key-scheme"]]["name"])
            for server in self.content["servers"]
        )

    @cached_property
    def origins(self) -> frozenset[str]:
        """The vendor's servers by their origins: one service, whose host was renamed."""
        return frozenset(server.url for server in self.servers)

    @cached_property
    def statuses(self) -> frozenset[str]:
        """The statuses that a task may have."""
        return frozenset(self.content["components"]["schemas"]["task"]["properties"]["status"]["enum"])

    def key_header(self, base_url: str) -> str:
        """The name of the header that carries the key to `base_url`.

        Where the document doesn't know the host, it is the default server's.
        """
        host = urlsplit(base_url).hostname
        for server in self.servers:
            if urlsplit(server.url).hostname == host:
                return server.key_header
        return self.servers[0].key_header

    def operation(self, operation_id: str) -> Mapping[str, Any]:
        """The operation of that id.

        Raises:
            LookupError: If there is none.
        """
        return self._find(operation_id)[2]

    def endpoint(self, operation_id: str) -> tuple[str, str]:
        """The method and the path template of an operation.

        Raises:
            LookupError: If there is none.
        """
        return self._find(operation_id)[:2]

    @cached_property
    def operations(self) -> Mapping[str, tuple[str, str, Mapping[str, Any]]]:
        """The operations by their ids: the method, the path template, and what the document says of it."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, path_item in self.content["paths"].items()
            for method, operation in path_item.items()
            if isinstance(operation, dict) and "operationId" in operation
        }

    def _find(self, operation_id: str) -> tuple[str, str, Mapping[str, Any]]:
        try:
            return self.operations[operation_id]
        except KeyError:
            raise LookupError(f"the document has no operation {operation_id!r}") from None

    def parameter(self, operation_id: str, name: str) -> Mapping[str, Any]:
        """A parameter of an operation, by its name.

        Raises:
            LookupError: If there is none.
        """
        for parameter in self.operation(operation_id).get("parameters", ()):
            if (resolved := self.resolve(parameter)).get("name") == name:
                return resolved
        raise LookupError(f"the document's operation {operation_id!r} has no parameter {name!r}")

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """The object that a local `$ref` names; any other object is returned as it is."""
        while isinstance(reference := node.get("$ref"), str):
            found: Any = self.content
            for part in reference.removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node


def _location() -> Path:
    shipped = Path(__file__).with_name(DOCUMENT_NAME)
    return shipped if shipped.is_file() else Path(__file__).resolve().parents[2] / "spec" / DOCUMENT_NAME


@cache
def load_document() -> Document:
    """The document that this client was built from."""
    return Document(json.loads(_location().read_bytes()))
