"""Prove the generated client against the document, before any file of the tree is touched.

Another process imports the package whole, sends each operation's request, and has each documented answer
parsed. What it is to see there is worked out here, from the document alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import SpecError
from spec.tools.generator_media import is_json, plain_type
from spec.tools.samples import Samples
from spec.tools.structure import operations, reference_keys, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.tools.errors import Keys, Notes
    from spec.tools.generator_input import GeneratorInput

_PATIENCE_S: Final = 120
_ADVICE: Final = (
    "What to do: by an action in spec/overlay.yaml describe it in another way, give a property or parameter"
    " another name in Python (`x-python-name`) or a schema another `title`, or remove it"
)
_MOST_BODIES: Final = 40


@dataclass(frozen=True)
class Question:
    """What the other process is to do and to see, worked out from the document alone.

    Attributes:
        document: The OpenAPI document.
        operations: Each operation's requests and answers.
        unproven: What can't be proven.
    """

    document: dict[str, Any]
    operations: list[dict[str, Any]]
    unproven: Notes

    @classmethod
    def of(cls, document: dict[str, Any], given: GeneratorInput) -> Question:
        """Work out what to ask about a document of which the generator is given a copy."""
        plan = _Plan(document, given)
        return cls(document, list(plan.operations()), plan.unproven)


def prove(question: Question, package: Path, environment: dict[str, str]) -> Notes:
    """Import the package, and use each of its operations.

    Args:
        question: What to ask.
        package: The generated package.
        environment: The environment for the other process.

    Returns:
        What could not be proven.

    Raises:
        SpecError: The client sends or reads something else than the document says. Its `keys` name the place.
    """
    asked = {"package": package.name, "operations": question.operations}
    command = [sys.executable, "-m", "spec.tools.proof_child"]
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            input=json.dumps(asked),
            cwd=package.parent,
            env={**environment, "PYTHONPATH": f"{package.parent}{_SEPARATOR}{root}"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SpecError(
            f"the generated client was not proven within {_PATIENCE_S} s: try again", keys=()
        ) from error
    try:
        findings = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise SpecError(f"the proof of the generated client broke off: {last[:300]}", keys=()) from None
    for finding in findings:
        keys = tuple(finding["keys"]) or _guess(question.document, finding["problem"])
        raise SpecError(f"the generated client is wrong here: {finding['problem']}. {_ADVICE}", keys=keys)
    return question.unproven


_SEPARATOR: Final = ";" if sys.platform == "win32" else ":"


def _guess(document: dict[str, Any], problem: str) -> Keys:
    """Find the schema or operation that a module which can't be imported was made of."""
    words = "".join(character for character in problem.lower() if character.isalnum())
    for path, method, operation in operations(document):
        if "".join(one for one in operation["operationId"].lower() if one.isalnum()) in words:
            return ("paths", path, method)
    for name in document.get("components", {}).get("schemas", {}):
        if "".join(one for one in name.lower() if one.isalnum()) in words:
            return ("components", "schemas", name)
    return next((("paths", path, method) for path, method, _ in operations(document)), ())


class _Plan:
    """What the other process is to do, and to see."""

    def __init__(self, document: dict[str, Any], given: GeneratorInput) -> None:
        self.document, self.given = document, given
        self.samples = Samples(document)
        self.unproven: Notes = []

    def operations(self) -> Iterator[dict[str, Any]]:
        """Give each operation's requests and answers."""
        for (path, method, operation), (_, _, made) in zip(
            operations(self.document), operations(self.given.document), strict=True
        ):
            keys: Keys = ("paths", path, method)
            parameters = list(self._parameters(path, operation, keys))
            yield {
                "keys": keys,
                "method": method,
                "path": path,
                "tag": (made.get("tags") or ["default"])[0],
                "id": made["operationId"],
                "parameters": parameters,
                **self._bodies(operation, made, keys),
                "answers": list(self._answers(operation, made, keys)),
            }

    def _note(self, keys: Keys, problem: str) -> None:
        if (keys, problem) not in self.unproven:
            self.unproven.append((keys, problem))

    def _follow(self, value: dict[str, Any], keys: Keys) -> tuple[dict[str, Any], Keys]:
        while "$ref" in value:
            keys = reference_keys(value["$ref"])
            value = resolve(self.document, value["$ref"])
        return value, keys

    # -- requests

    def _parameters(self, path: str, operation: dict[str, Any], keys: Keys) -> Iterator[dict[str, Any]]:
        """Give the parameters in the order in which the generated function takes them."""
        found: list[tuple[dict[str, Any], Keys]] = []
        seen: set[tuple[str, str]] = set()
        item = self.document["paths"][path]
        for holder, way in ((operation, keys), (item, keys[:2])):
            for number, one in enumerate(holder.get("parameters", [])):
                parameter, own = self._follow(one, (*way, "parameters", number))
                name = (parameter["in"], parameter["name"])
                is_ignored = name[0] == "header" and name[1].lower() in {
                    "accept",
                    "authorization",
                    "content-type",
                }
                if name not in seen and not is_ignored:
                    found.append((parameter, own))
                seen.add(name)
        found = [one for one in found if "schema" in one[0] or "content" in one[0]]
        order = ("path", "query", "header", "cookie")
        found.sort(
            key=lambda one: (
                order.index(one[0]["in"]),
                path.find(f"{{{one[0]['name']}}}") if one[0]["in"] == "path" else 0,
            )
        )
        for parameter, own in found:
            yield self._parameter(parameter, own)

    def _parameter(self, parameter: dict[str, Any], own: Keys) -> dict[str, Any]:
        where, name = parameter["in"], parameter["name"]
        style = parameter.get("style", "form" if where in {"query", "cookie"} else "simple")
        made: dict[str, Any] = {
            "keys": own,
            "name": name,
            "in": where,
            "required": bool(parameter.get("required")),
            "as_text": own in self.given.as_text,
        }
        if "content" in parameter:
            media_type = next(iter(parameter["content"]), "")
            values = self.samples.of((*own, "content", media_type, "schema")) if media_type else []
            made["values"] = [json.dumps(value) for value in values[:3]] or ["text"]
            made["sent"] = [[value] for value in made["values"]]
            return made
        schema, _ = self._follow(parameter["schema"], own)
        values = [value for value in self.samples.of((*own, "schema")) if value not in (None, [], "", {})]
        if where in {"header", "cookie"}:
            values = [value for value in values if _is_plain(value, where)]
        if style == "deepObject" or not values:
            self._note(own, f"the {where} parameter {name} is not proven")
            values = []
        made["default"] = schema.get("default")
        made["explode"] = bool(parameter.get("explode", style == "form"))
        made["style"] = style
        made["values"] = values
        made["sent"] = [_written(value, where, style, made["explode"]) for value in values]
        return made

    def _bodies(self, operation: dict[str, Any], made: dict[str, Any], keys: Keys) -> dict[str, Any]:
        if "requestBody" not in operation:
            return {"bodies": None}
        body, own = self._follow(operation["requestBody"], (*keys, "requestBody"))
        shown = made["requestBody"]
        while "$ref" in shown:
            shown = resolve(self.given.document, shown["$ref"])
        bodies = []
        for media_type, value in shown.get("content", {}).items():
            named = media_type if media_type in body["content"] else "*/*"
            place = (*own, "content", named)
            kind = plain_type(media_type)
            one = {"keys": place, "media_type": media_type, "values": [], "defaults": {}}
            is_model = is_json(media_type) or kind in {
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            }
            one["kind"] = "json" if is_json(media_type) else kind if is_model else "bytes"
            if not is_model:
                one["values"] = ["some bytes"]
            elif "schema" in body["content"].get(named, {}):
                one["values"] = self.samples.of((*place, "schema"), "request")[:_MOST_BODIES]
                schema, _ = self._follow(body["content"][named]["schema"], place)
                one["defaults"] = {
                    name: self._follow(inner, place)[0].get("default")
                    for name, inner in schema.get("properties", {}).items()
                }
                texts = value.get("schema", {}).get("properties", {})
                one["as_text"] = [
                    name
                    for name, inner in schema.get("properties", {}).items()
                    if one["kind"] != "json"
                    and texts.get(name) == {"type": "string"}
                    and self._follow(inner, place)[0].get("type") != "string"
                ]
                one["binary"] = [
                    name
                    for name, inner in schema.get("properties", {}).items()
                    if kind == "multipart/form-data" and self._is_binary(inner, place)
                ]
                if not one["values"]:
                    self._note(place, "no value could be made for this body: it is not proven")
            bodies.append(one)
        return {"bodies": bodies, "body_required": bool(body.get("required")) and len(bodies) == 1}

    def _is_binary(self, schema: dict[str, Any], keys: Keys) -> bool:
        schema, keys = self._follow(schema, keys)
        return schema.get("format") == "binary" or (
            schema.get("type") == "array" and self._is_binary(schema.get("items", {}), keys)
        )

    # -- answers

    def _answers(
        self, operation: dict[str, Any], made: dict[str, Any], keys: Keys
    ) -> Iterator[dict[str, Any]]:
        documented = {status for status in operation.get("responses", {}) if status.isdecimal()}
        for status, given in operation.get("responses", {}).items():
            if status.startswith("x-"):
                continue
            response, own = self._follow(given, (*keys, "responses", status))
            code = _status(status, documented)
            if code is None:
                self._note(
                    (*keys, "responses", status), "the generated client can't read a status of this number"
                )
                continue
            content = response.get("content") or {}
            shown = made["responses"][status]
            while "$ref" in shown:
                shown = resolve(self.given.document, shown["$ref"])
            read = next(iter(shown.get("content") or {}), None)
            one: dict[str, Any] = {
                "keys": own,
                "status": code,
                "media_type": read,
                "json": None,
                "values": [],
            }
            if read is None:
                yield {**one, "media_type": "text/plain", "values": [""]}
                continue
            schema = content.get(read, {}).get("schema")
            if not is_json(read):
                yield {**one, "media_type": read.replace("*", "octet-stream"), "values": ["some text"]}
            elif schema is None:
                yield {**one, "json": False, "values": ["any"]}
            else:
                values = self.samples.of((*own, "content", read, "schema"), "response")
                if not values:
                    self._note(own, "no value could be made for this answer: it is not proven")
                yield {**one, "json": True, "values": values[:_MOST_BODIES]}


def _status(status: str, documented: set[str]) -> int | None:
    """Give a status of a documented one, of a range, or of none of them."""
    known = {one.value for one in HTTPStatus}
    if status.isdecimal():
        return int(status) if int(status) in known else None
    first = status[:1] if status.upper().endswith("XX") else ""
    for code in sorted(known, reverse=True):
        if str(code).startswith(first) and str(code) not in documented and code >= 200:  # noqa: PLR2004
            return code
    return None


def _is_plain(value: Any, where: str) -> bool:
    """Tell whether a value can stand in a header, or a cookie, as it is."""
    text = json.dumps(value, ensure_ascii=False)
    return (
        text.isascii()
        and text.isprintable()
        and not (where == "cookie" and set(text.strip('"')) & set(' ;,"\\&='))
    )


def _scalar(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) or value is None else str(value)


def _written(value: Any, where: str, style: str, explode: bool) -> list[Any]:  # noqa: FBT001 - as OpenAPI has it
    """Write a value as OpenAPI's styles do: the texts of pairs in the query, one text elsewhere."""
    if isinstance(value, dict):
        if where == "query" and explode:
            return [[name, _scalar(inner)] for name, inner in value.items()]
        if explode and style == "simple":
            return [",".join(f"{name}={_scalar(inner)}" for name, inner in value.items())]
        return [",".join(f"{name},{_scalar(inner)}" for name, inner in value.items())]
    if isinstance(value, list):
        if where == "query" and explode and style == "form":
            return [_scalar(one) for one in value]
        return [{"pipeDelimited": "|", "spaceDelimited": " "}.get(style, ",").join(map(_scalar, value))]
    return [_scalar(value)]
