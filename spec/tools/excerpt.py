"""The older format of a page's block: an excerpt of an OpenAPI document, rearranged for display.

It holds one operation under `paths` and its named schemas under `components`. Every key is read by name, and
what is left over is an error: nothing is dropped in silence. What it does not say (an operation id, the API's
title) is derived from what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from spec.tools.naming import derived_operation_id, derived_tag, numbered
from spec.tools.place import Place
from spec.tools.schemas import SchemaReader
from spec.tools.security import read_security

if TYPE_CHECKING:
    from spec.tools.errors import Keys
    from spec.tools.page import Block
    from spec.tools.yaml_source import Source

LOCATIONS: Final = ("path", "query", "header", "cookie")
VERSION: Final = "1.0.0"
"""What `info.version` says: OpenAPI wants one, and this format has none."""

PLACEHOLDER: Final = "_mintlify/placeholder"
"""The media type that the vendor's documentation tool invents for an answer without a body."""

IGNORED: Final = (
    # An invented media type's schema says again what its description says.
    re.compile(rf"^paths\.response\.\w+\.{PLACEHOLDER}\.schemaArray\[0\]\.(type|description)$"),
)
"""The only leaves of a block that may leave no trace, as they are written in errors."""

_IN_SCHEMA_OF_PARAMETER: Final = ("description", "deprecated")
_BESIDE_SCHEMA: Final = ("style", "explode", "allowReserved", "allowEmptyValue", "example", "examples")


@dataclass
class Excerpt:
    """Converts one block of the older format."""

    source: Source
    block: Block
    reports: list[str]
    schemas: dict[str, Any] = field(default_factory=dict)
    schemes: dict[str, Any] = field(default_factory=dict)
    examples: dict[str, Any] = field(default_factory=dict)
    reader: SchemaReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = SchemaReader(self.source, self.named)

    def named(self, name: str, schema: dict[str, Any], keys: Keys) -> dict[str, Any]:
        """Keep an inline schema under the component name that it carries, and refer to it.

        Two schemas of one name that differ are both kept: the later gets a number, and a report says so.
        """
        new = next(one for one in numbered(name) if self.schemas.setdefault(one, schema) == schema)
        if new != name:
            self.reports.append(
                f"{self.source.file}:{self.source.line(keys)}: the schema {name} differs from an earlier one"
                f" of that name: kept as {new}"
            )
        return {"$ref": f"#/components/schemas/{new}"}

    def document(self) -> dict[str, Any]:
        """Make an OpenAPI document of one operation."""
        root = Place(self.source, (), self.source.value)
        # Named components first: where an inline schema has the same name, they are what `$ref` means.
        self._components(root.place("components"))
        paths = root.place("paths")
        path, method = paths.text("path"), paths.text("method").lower()
        if (method, path) != (self.block.method, self.block.path):
            raise paths.error(
                f"the block is about {method.upper()} {path}, its fence about {self.block.method.upper()}"
                f" {self.block.path}: the page contradicts itself; fetch it again"
            )
        if paths.take("type", "path") != "path":
            raise paths.error("only `type: path` is an operation", "type")
        operation = self._operation(paths)
        servers = paths.take("servers")
        paths.close()
        root.close()
        made: dict[str, Any] = {
            "openapi": "3.0.3",
            "info": {"title": self.block.title or f"{method.upper()} {path}", "version": VERSION},
        }
        if servers:
            made["servers"] = servers
        made["paths"] = {path: {method: operation}}
        components = {"schemas": self.schemas, "examples": self.examples, "securitySchemes": self.schemes}
        made["components"] = {kind: named for kind, named in components.items() if named}
        return made

    def _components(self, components: Place) -> None:
        for name, schema in components.place("schemas").value.items():
            self.schemas[name] = self.reader.schema(schema, ("components", "schemas", name))
        self.examples = components.place("examples").value
        components.close()

    def _operation(self, paths: Place) -> dict[str, Any]:
        method, path = self.block.method, self.block.path
        operation: dict[str, Any] = {"tags": [derived_tag(path)]}
        if self.block.title:
            operation["summary"] = self.block.title
        if self.block.summary:
            operation["description"] = self.block.summary
        operation["operationId"] = derived_operation_id(method, path)
        if paths.flag("deprecated"):
            operation["deprecated"] = True
        request = paths.place("request")
        security = read_security(request, self.schemes)
        if parameters := self._parameters(request.place("parameters")):
            operation["parameters"] = parameters
        if body := self._body(request.place("body")):
            operation["requestBody"] = body
        if samples := request.take("codeSamples"):
            operation["x-codeSamples"] = samples
        operation.update(request.extensions())
        request.close()
        operation["responses"] = {
            status: self._response(response) for status, response in paths.place("response").each()
        }
        if not operation["responses"]:
            raise paths.error("no response at all: the page is cut off; fetch it again", "response")
        if security is not None:
            operation["security"] = security
        operation.update(paths.extensions())
        return operation

    def _parameters(self, by_location: Place) -> list[dict[str, Any]]:
        parameters = [
            self._parameter(location, name, parameter)
            for location in LOCATIONS
            for name, parameter in by_location.place(location).each()
        ]
        by_location.close()
        return parameters

    def _parameter(self, location: str, name: str, parameter: Place) -> dict[str, Any]:
        """Read a parameter: what OpenAPI says of the parameter, this format says in its schema."""
        schemas, lifted = self._schema_list(parameter, "schema", _IN_SCHEMA_OF_PARAMETER)
        made: dict[str, Any] = {"name": name, "in": location}
        made.update({key: parameter.take(key) for key in _IN_SCHEMA_OF_PARAMETER if key in parameter.value})
        for key, value in lifted.items():
            if key != "required" and made.setdefault(key, value) != value:
                raise parameter.error(f"`{key}` is said twice and differently", key)
        required = parameter.flag("required") if "required" in parameter.value else lifted.get("required")
        if location == "path" or required:  # OpenAPI: a part of the path is always required.
            made["required"] = True
            if required is False:
                made["x-required"] = False
        made.update(
            {key: parameter.take(key) for key in _BESIDE_SCHEMA if parameter.value.get(key) not in (None, {})}
        )
        made["schema"] = schemas
        made.update(parameter.extensions())
        parameter.read.update(key for key in _BESIDE_SCHEMA if key in parameter.value)
        parameter.close()
        return made

    def _body(self, body: Place) -> dict[str, Any]:
        if not body.value:
            return {}
        content: dict[str, Any] = {}
        required: list[bool | None] = []
        descriptions: list[str] = []
        for media_type, media in body.each():
            made, lifted = self._media(media, ("encoding",))
            required.append(lifted.get("required"))
            if "description" in media.value:
                descriptions.append(_described(made, media.text("description"), descriptions))
            media.close()
            content[media_type] = made
        if len(set(required)) > 1:
            raise body.error("required in one media type and not in another: OpenAPI has one answer for both")
        made_body: dict[str, Any] = {"description": descriptions[0]} if descriptions else {}
        if required[0]:
            made_body["required"] = True
        return {**made_body, "content": content}

    def _response(self, response: Place) -> dict[str, Any]:
        """Read a response. OpenAPI has one description a status, this format one a media type."""
        content: dict[str, Any] = {}
        descriptions = [response.text("description")] if "description" in response.value else []
        for key, media in response.value.items():
            if "/" not in key:
                continue
            response.read.add(key)
            place = response.into(key, media)
            if key == PLACEHOLDER:
                self._no_content(place)
                descriptions.append(place.text("description"))
                place.close()
                continue
            made, lifted = self._media(place, ())
            if lifted:
                problem = "an answer is neither required nor optional: remove `required`"
                raise place.error(problem, "schemaArray")
            if "description" in place.value:
                descriptions.append(_described(made, place.text("description"), descriptions))
            place.close()
            content[key] = made
        made_response: dict[str, Any] = {"description": descriptions[0] if descriptions else ""}
        if headers := self._headers(response.place("headers")):
            made_response["headers"] = headers
        if content:
            made_response["content"] = content
        made_response.update(response.extensions())
        response.close()
        return made_response

    def _headers(self, headers: Place) -> dict[str, Any]:
        made = {}
        for name, header in headers.each():
            parameter = self._parameter("header", name, header)
            made[name] = {key: value for key, value in parameter.items() if key not in {"name", "in"}}
        return made

    def _no_content(self, place: Place) -> None:
        """Read the stand-in for an answer without a body: all it says is a description."""
        for entry in place.places("schemaArray"):
            if entry.take("type") != "any":
                problem = f"{PLACEHOLDER} means no body, and this is one: correct the media type"
                raise entry.error(problem, "type")
            if entry.take("description") not in (None, place.value.get("description")):
                raise entry.error("this description differs from the answer's: keep one", "description")
            entry.close()
        if place.take("examples", {}) != {}:
            raise place.error(f"{PLACEHOLDER} means no body, and this is an example of one", "examples")

    def _media(self, media: Place, also: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        made: dict[str, Any] = {}
        lifted: dict[str, Any] = {}
        if "schemaArray" in media.value:
            made["schema"], lifted = self._schema_list(media, "schemaArray", ())
        for key in ("example", "examples", *also):
            if key in media.value and (value := media.take(key)) != {}:
                made[key] = value
        made.update(media.extensions())
        return made, lifted

    def _schema_list(
        self, place: Place, key: str, lift: tuple[str, ...]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a list of schemas, and take out of them what OpenAPI says one level up.

        Several schemas are a choice. The page has lost whether it was `oneOf` or `anyOf`; `anyOf` is what
        never refuses a value that the vendor takes.
        """
        entries = place.value.get(key)
        place.read.add(key)
        if not isinstance(entries, list) or not entries:
            raise place.error("expected a list of schemas, at least one", key)
        keys = (*place.keys, key)
        for number, entry in enumerate(entries):
            if not isinstance(entry, dict):
                raise self.source.error("expected a schema", (*keys, number))
        lifted: dict[str, Any] = {}
        # `required` of the older format is a flag about the body or parameter; as a list it is the schema's.
        flags = [entry.get("required") for entry in entries if not isinstance(entry.get("required"), list)]
        if any(flag != flags[0] or not isinstance(flag, bool | None) for flag in flags):
            raise self.source.error("`required` must be true or false, and the same for every choice", keys)
        if flags and flags[0] is not None:
            lifted["required"] = flags[0]
        for name in lift:
            if name in entries[0] and all(entry.get(name) == entries[0][name] for entry in entries):
                lifted[name] = entries[0][name]
        made = [self._choice(entry, (*keys, number), lifted) for number, entry in enumerate(entries)]
        return (made[0] if len(made) == 1 else {"anyOf": made}), lifted

    def _choice(self, entry: dict[str, Any], keys: Keys, lifted: dict[str, Any]) -> dict[str, Any]:
        rest = {
            name: value
            for name, value in entry.items()
            if name not in lifted or (name == "required" and isinstance(value, list))
        }
        return self.reader.schema(rest, keys)


def _described(made: dict[str, Any], text: str, earlier: list[str]) -> str:
    """Keep a description that differs from the first one beside its media type."""
    if earlier and earlier[0] != text:
        made["x-description"] = text
    return text
