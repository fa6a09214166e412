"""Bodies and media types in words that the generator knows."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import SpecError
from spec.tools.structure import followed, placed, same, walk

if TYPE_CHECKING:
    from spec.tools.errors import Keys, Notes
    from spec.tools.structure import Node

BYTES: Final = "application/octet-stream"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
_BINARY: Final = {"type": "string", "format": "binary"}


def plain_type(media_type: str) -> str:
    """Give a media type without its parameters."""
    return media_type.split(";", maxsplit=1)[0].strip().lower()


def is_json(media_type: str) -> bool:
    """Tell whether a media type is JSON."""
    return plain_type(media_type) == "application/json" or plain_type(media_type).endswith("+json")


def bytes_media_types(document: dict[str, Any]) -> dict[str, str]:
    """Find the media types that the generator can't parse, and would leave out.

    Images, video, XML and the like are handed over as they are: the generator calls that an octet stream, and
    takes what is returned here for its `content_type_overrides`.
    """
    found: dict[str, str] = {}
    for node in walk(document):
        media_types = list(node.value.get("content", {})) if node.kind in {"response", "request body"} else []
        # Of several media types of an answer the generator takes the first that it can parse.
        if node.kind == "response" and not any(
            is_json(one) or plain_type(one) == BYTES or one.startswith("text/") for one in media_types
        ):
            found.update(dict.fromkeys(media_types[:1], BYTES))
        if node.kind == "request body":
            found.update({one: BYTES for one in media_types if _is_sent_as_bytes(one)})
    return found


def _is_sent_as_bytes(media_type: str) -> bool:
    return not is_json(media_type) and plain_type(media_type) not in {BYTES, FORM, MULTIPART}


def say_answer(node: Node, reports: Notes, as_bytes: dict[str, str]) -> None:
    """Leave one media type of an answer, JSON where there is some, with a schema that its reader can take."""
    content = node.value.get("content") or {}
    if not content:
        return
    chosen = next((one for one in content if is_json(one)), next(iter(content)))
    for media_type in [one for one in content if one != chosen]:
        left = content.pop(media_type)
        if not is_json(media_type):
            text = f"of its media types the generated client reads {chosen} alone: an answer of {media_type}"
            reports.append((node.keys, f"{text} raises in its functions"))
        elif not same(left.get("schema"), content[chosen].get("schema")) and str(node.keys[-1])[:1] in "23":
            reports.append((node.keys, f"the generated client reads {media_type} as {chosen}"))
    value = content[chosen]
    if "schema" in value and not is_json(chosen):
        is_text = chosen.startswith("text/") and chosen not in as_bytes
        value["schema"] = {"type": "string"} if is_text else dict(_BINARY)


def say_body(made: dict[str, Any], node: Node, reports: Notes) -> None:
    """Leave the media types of a request that the generator can tell apart, with schemas that it can send."""
    content = node.value.get("content") or {}
    for media_type in list(content):
        value, keys = content[media_type], (*node.keys, "content", media_type)
        kind = plain_type(media_type)
        if kind == "*/*":
            content.pop(media_type)
            content.setdefault(BYTES, {"schema": dict(_BINARY)})
            reports.append((keys, f"the generated client sends it as {BYTES}"))
        elif "*" in kind:
            problem = f"a request can't be sent as {media_type}: name a media type by an action in"
            raise SpecError(f"{problem} spec/overlay.yaml", keys=keys)
        elif kind == BYTES or _is_sent_as_bytes(media_type):
            value["schema"] = dict(_BINARY)
        elif kind in {FORM, MULTIPART}:
            _flatten_form(made, value, keys, reports)
        else:
            schema = followed(made, value.setdefault("schema", {}))
            if {"anyOf", "oneOf", "nullable"} & set(schema) and not node.value.get("required"):
                node.value["required"] = True  # Left out, a choice, null's too, crashes in its functions.
                reports.append((keys, "the generated client insists on the body, which is optional"))
    _leave_distinct(made, node, reports)


def _flatten_form(made: dict[str, Any], value: dict[str, Any], keys: Keys, reports: Notes) -> None:
    """Say as text what the generator writes as Python does: objects in a form, booleans in several parts."""
    given = value.get("schema", {})
    schema = followed(made, given)
    is_form = plain_type(str(keys[-1])) == FORM

    def is_written_otherwise(inner: dict[str, Any]) -> bool:
        kind = followed(made, inner).get("type")
        compound = {"properties", "allOf", "anyOf", "oneOf"} & set(followed(made, inner))
        return kind in {"object", "array"} or bool(compound) if is_form else kind == "boolean"

    properties = schema.get("properties", {})
    nested = [key for key, inner in properties.items() if is_written_otherwise(inner)]
    if not nested:
        return
    value["schema"] = copied = copy.deepcopy(schema)
    if given is not schema:
        _, place = placed(made, given, ())
        copied["title"] = f"{schema.get('title') or place[-1]} form"
    for key in nested:
        copied["properties"][key] = {"type": "string"}
        text = "the generated client takes it as text, as the form has it"
        reports.append(((*keys, "schema", "properties", key), text))


def drop_binary_in_json(made: dict[str, Any]) -> None:
    """Say a binary string in JSON as text, which is what JSON has: the generator would make a file of it."""
    seen: dict[int, set[bool]] = {}
    for node in list(walk(made)):
        if node.kind == "media type" and "schema" in node.value:
            for inner in _schemas_in(made, node.value["schema"]):
                if inner.get("format") == "binary":
                    seen.setdefault(id(inner), set()).add(is_json(str(node.keys[-1])))
    for node in list(walk(made)):
        if node.kind == "schema" and seen.get(id(node.value)) == {True}:
            del node.value["format"]


def _schemas_in(made: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Give a schema with all that it holds or refers to."""
    found: list[dict[str, Any]] = []
    waiting, done = [schema], set[str]()
    while waiting:
        for node in walk(waiting.pop(), "schema"):
            found.append(node.value)
            reference = node.value.get("$ref")
            if reference is not None and reference not in done:
                done.add(reference)
                waiting.append(followed(made, node.value))
    return found


def _leave_distinct(made: dict[str, Any], node: Node, reports: Notes) -> None:
    """Of several media types keep those that are classes of their own: the function goes by the class."""
    content = node.value.get("content") or {}
    if len(content) < 2:  # noqa: PLR2004 - several
        return
    first = next((one for one in content if is_json(one)), next(iter(content)))
    kept = [first]
    seen = {_class_of(made, first, content[first])}
    for media_type in content:
        one = _class_of(made, media_type, content[media_type])
        if media_type != first and one is not None and None not in seen and one not in seen:
            seen.add(one)
            kept.append(media_type)
    left = [media_type for media_type in content if media_type not in kept]
    node.value["content"] = {media_type: content[media_type] for media_type in content if media_type in kept}
    if left:
        reports.append((node.keys, f"the generated client sends {', '.join(kept)} and not {', '.join(left)}"))
    if len(kept) > 1 and node.value.pop("required", False):
        # The generator makes a body of several media types optional, and forgets to import what that takes.
        reports.append((node.keys, "the generated client doesn't insist on the required body"))


def _class_of(made: dict[str, Any], media_type: str, value: dict[str, Any]) -> str | None:
    """Name the class that a body of a media type becomes; None where it is none of its own."""
    schema, keys = placed(made, value.get("schema", {}), ())
    if schema.get("format") == "binary":
        return "File"
    if schema.get("type") != "object" and not schema.get("properties"):
        return None
    kind = plain_type(media_type)
    return "/".join(map(str, keys)) or (kind if kind in {FORM, MULTIPART} else "json")
