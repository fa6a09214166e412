"""Prove the generated client against the document, before any file of the tree is touched.

Another process imports the package whole, sends each operation's request, and has each documented answer
parsed. What it is to see there is worked out here, from the document alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import UNFORESEEN, SpecError, brief
from spec.tools.generator_input import IGNORED_HEADERS
from spec.tools.generator_media import FORM, MULTIPART, is_json, plain_type
from spec.tools.generator_names import bare
from spec.tools.samples import Samples
from spec.tools.structure import followed, operations, parameters, placed

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
_STATUSES: Final = sorted((one.value for one in HTTPStatus if one >= HTTPStatus.OK), reverse=True)
_LOCATIONS: Final = ("path", "query", "header", "cookie")
_SEPARATORS: Final = {"pipeDelimited": "|", "spaceDelimited": " "}


@dataclass(frozen=True)
class Question:
    """What the other process is to do and to see, worked out from the document alone."""

    document: dict[str, Any]
    operations: list[dict[str, Any]]  # each operation's requests and answers
    unproven: Notes

    @classmethod
    def of(cls, document: dict[str, Any], given: GeneratorInput) -> Question:
        """Work out what to ask about a document of which the generator is given a copy."""
        plan = _Plan(document, given)
        return cls(document, list(plan.operations()), list(dict.fromkeys(plan.unproven)))


def prove(question: Question, package: Path, environment: dict[str, str]) -> Notes:
    """Import the package, and use each of its operations; return what could not be proven.

    Where the client sends or reads something else than the document says, SpecError names the place.
    """
    path = map(str, (package.parent, Path(__file__).resolve().parents[2]))
    done = run_module(
        "spec.tools.proof_child",
        folder=package.parent,
        environment={**environment, "PYTHONPATH": os.pathsep.join(path)},
        given=json.dumps({"package": package.name, "operations": question.operations}),
    )
    try:
        seen = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        raise SpecError(f"the proof of the generated client broke off: {last[:300]}", keys=()) from None
    for finding in seen["findings"]:
        keys = tuple(finding["keys"]) or _guess(question.document, finding["problem"])
        raise SpecError(f"the generated client is wrong here: {finding['problem']}. {_ADVICE}", keys=keys)
    unread = [(tuple(keys), "the generated client leaves `parsed` None here") for keys in seen["unread"]]
    return [*question.unproven, *dict.fromkeys(unread)]


def run_module(
    module: str, *arguments: str, folder: Path, environment: dict[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a module in a process of its own; SpecError if it takes too long."""
    try:
        return subprocess.run(  # noqa: S603 - our own modules, with paths as separate words
            [sys.executable, "-m", module, *arguments],
            input=given,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SpecError(f"{module} did not end within {_PATIENCE_S} s: try again") from error


def _guess(document: dict[str, Any], problem: str) -> Keys:
    """Find the operation or schema that a module which can't be imported was made of."""
    names: list[tuple[str, Keys]] = [
        (operation["operationId"], ("paths", path, method))
        for path, method, operation in operations(document)
    ]
    schemas = document.get("components", {}).get("schemas", {})
    names += [(name, ("components", "schemas", name)) for name in schemas]
    found = [(name, keys) for name, keys in names if bare(name) in bare(problem)]
    return max(found, key=lambda one: len(one[0]), default=("", ()))[1]


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
            try:
                asked = {
                    "parameters": list(self._parameters(path, method)),
                    **self._bodies(operation, made, keys),
                    "answers": list(self._answers(operation, made, keys)),
                }
            except UNFORESEEN as error:
                problem = f"no values can be made for its proof ({type(error).__name__}: {brief(str(error))})"
                raise SpecError(problem, keys=keys) from error
            yield {
                "keys": keys,
                "method": method,
                "path": path,
                "tag": (made.get("tags") or ["default"])[0],
                "id": made["operationId"],
                **asked,
            }

    # -- requests

    def _parameters(self, path: str, method: str) -> Iterator[dict[str, Any]]:
        """Give the parameters in the order in which the generated function takes them."""
        found = [
            (one, keys)
            for one, keys in parameters(self.document, path, method)
            if ("schema" in one or "content" in one)
            and not (one["in"] == "header" and one["name"].lower() in IGNORED_HEADERS)
        ]

        def order(one: tuple[dict[str, Any], Keys]) -> tuple[int, int]:
            where, name = one[0]["in"], one[0]["name"]
            return _LOCATIONS.index(where), path.find(f"{{{name}}}") if where == "path" else 0

        for parameter, keys in sorted(found, key=order):
            yield self._parameter(parameter, keys)

    def _parameter(self, parameter: dict[str, Any], keys: Keys) -> dict[str, Any]:
        where, name = parameter["in"], parameter["name"]
        style = parameter.get("style", "form" if where in {"query", "cookie"} else "simple")
        explode = bool(parameter.get("explode", style == "form"))
        made: dict[str, Any] = {
            "keys": keys,
            "name": name,
            "in": where,
            "required": bool(parameter.get("required")),
            "as_text": keys in self.given.as_text,
        }
        if "content" in parameter:
            media_type = next(iter(parameter["content"]), "")
            values = self.samples.of((*keys, "content", media_type, "schema")) if media_type else []
            texts = [json.dumps(value) for value in values[:3]] or ["text"]
            return {**made, "values": texts, "sent": [[text] for text in texts]}
        schema = followed(self.document, parameter["schema"])
        values = [value for value in self.samples.of((*keys, "schema")) if value not in (None, [], "", {})]
        if made["as_text"] and "type" not in schema:
            values = [value for value in values if isinstance(value, str)]
        if where in {"header", "cookie"}:
            values = [value for value in values if _is_plain(value, where)]
        if style == "deepObject" or not values:
            self.unproven.append((keys, f"the {where} parameter {name} is not proven"))
            values = []
        sent = [_written(value, where, style, explode) for value in values]
        return {**made, "default": schema.get("default"), "values": values, "sent": sent}

    def _bodies(self, operation: dict[str, Any], made: dict[str, Any], keys: Keys) -> dict[str, Any]:
        if "requestBody" not in operation:
            return {"bodies": None}
        body, own = placed(self.document, operation["requestBody"], (*keys, "requestBody"))
        shown = followed(self.given.document, made["requestBody"])
        bodies = []
        for media_type, value in shown.get("content", {}).items():
            named = media_type if media_type in body["content"] else "*/*"
            place: Keys = (*own, "content", named)
            kind = plain_type(media_type)
            kind = "json" if is_json(media_type) else kind if kind in {FORM, MULTIPART} else "bytes"
            one = {"keys": place, "media_type": media_type, "values": [], "defaults": {}, "kind": kind}
            if kind == "bytes":
                one["values"] = ["some bytes"]
            elif "schema" in body["content"].get(named, {}):
                one |= self._model(body["content"][named]["schema"], value.get("schema", {}), place, kind)
            bodies.append(one)
        return {"bodies": bodies, "body_required": bool(shown.get("required")) and len(bodies) == 1}

    def _model(self, schema: Any, shown: Any, place: Keys, kind: str) -> dict[str, Any]:
        """Give values of a body that is a model, and what its properties become on the wire."""
        made = self.samples.of((*place, "schema"), "request")[:_MOST_BODIES]
        values = [value for value in made if value is not None]
        if len(values) < len(made):
            self.unproven.append((place, "the generated client can't send null as the whole body"))
        if not values:
            self.unproven.append((place, "no value could be made for this body: it is not proven"))
        properties = {
            name: followed(self.document, inner)
            for name, inner in followed(self.document, schema).get("properties", {}).items()
        }
        texts = shown.get("properties", {}) if kind != "json" else {}
        as_text = [
            name
            for name, inner in properties.items()
            if texts.get(name) == {"type": "string"} and inner.get("type") != "string"
        ]
        binary = [name for name, inner in properties.items() if kind == MULTIPART and self._is_binary(inner)]
        defaults = {name: inner.get("default") for name, inner in properties.items()}
        return {"values": values, "defaults": defaults, "as_text": as_text, "binary": binary}

    def _is_binary(self, schema: dict[str, Any]) -> bool:
        items = followed(self.document, schema.get("items", {})) if schema.get("type") == "array" else {}
        return schema.get("format") == "binary" or bool(items and self._is_binary(items))

    # -- answers

    def _answers(
        self, operation: dict[str, Any], made: dict[str, Any], keys: Keys
    ) -> Iterator[dict[str, Any]]:
        statuses = [status for status in operation.get("responses", {}) if not status.startswith("x-")]
        for status in statuses:
            place: Keys = (*keys, "responses", status)
            response, own = placed(self.document, operation["responses"][status], place)
            code = _status(status, statuses)
            if code is None:
                self.unproven.append((place, "the generated client can't read a status of this number"))
                continue
            shown = followed(self.given.document, made["responses"][status])
            read = next(iter(shown.get("content") or {}), None)
            one: dict[str, Any] = {"keys": own, "status": code, "media_type": read, "json": None}
            schema = (response.get("content") or {}).get(read, {}).get("schema")
            if read is None:
                yield {**one, "media_type": "text/plain", "values": [""]}
            elif not is_json(read):
                yield {**one, "media_type": read.replace("*", "octet-stream"), "values": ["some text"]}
            elif schema is None:
                yield {**one, "json": False, "values": ["any"]}
            else:
                values = self.samples.of((*own, "content", read, "schema"), "response")
                if not values:
                    self.unproven.append((own, "no value could be made for this answer: it is not proven"))
                yield {**one, "json": True, "values": values[:_MOST_BODIES]}


def _status(status: str, documented: list[str]) -> int | None:
    """Give a status of a documented one, of a range, or of none of them."""
    if status.isdecimal():
        return int(status) if int(status) in _STATUSES else None
    first = status[:1] if status.upper().endswith("XX") else ""
    return next(
        (one for one in _STATUSES if str(one)[: len(first)] == first and str(one) not in documented), None
    )


def _is_plain(value: Any, where: str) -> bool:
    """Tell whether a value can stand in a header, or a cookie, as it is."""
    text = json.dumps(value, ensure_ascii=False)
    is_apart = where != "cookie" or not set(text.strip('"')) & set(' ;,"\\&=')
    return text.isascii() and text.isprintable() and is_apart


def _scalar(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) or value is None else str(value)


def _written(value: Any, where: str, style: str, explode: bool) -> list[Any]:  # noqa: FBT001 - as OpenAPI has it
    """Write a value as OpenAPI's styles do: the texts of pairs in the query, one text elsewhere."""
    if isinstance(value, dict):
        pairs = [[name, _scalar(inner)] for name, inner in value.items()]
        if where == "query" and explode:
            return pairs
        return [",".join(("=" if explode and style == "simple" else ",").join(pair) for pair in pairs)]
    if isinstance(value, list):
        if where == "query" and explode and style == "form":
            return [_scalar(one) for one in value]
        return [_SEPARATORS.get(style, ",").join(map(_scalar, value))]
    return [_scalar(value)]
