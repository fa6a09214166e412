"""The newer format of a page's block: a complete OpenAPI document of one operation.

It is taken over as it is. Only what the generator and the merging need is moved: a top-level `security` goes
to each operation, 3.1 is said in the words of 3.0.3, and a missing operation id or tag is derived.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, Final

from spec.tools.naming import derived_operation_id, derived_tag
from spec.tools.schemas import SchemaReader
from spec.tools.structure import UnknownKeyError, operations, parts, resolve, walk

if TYPE_CHECKING:
    from spec.tools.page import Block
    from spec.tools.yaml_source import Source

_VERSIONS: Final = re.compile(r"3\.[01]\.\d+")
_LEFT_OUT: Final = ("webhooks", "jsonSchemaDialect")
_MOST_STEPS: Final = 20


def read_embedded(source: Source, block: Block, reports: list[str]) -> dict[str, Any]:
    """Make an OpenAPI 3.0.3 document of one block, which must have the operation that its fence names."""
    document = read_document(source, reports)
    item = document["paths"].get(block.path)
    if not isinstance(item, dict) or block.method not in item:
        problem = f"the fence names {block.method.upper()} {block.path}, and the block has no such operation"
        raise source.error(f"{problem}: the page contradicts itself; fetch it again", ("paths",))
    operation = item[block.method]
    if block.title:
        operation.setdefault("summary", block.title)
    if block.summary:
        operation.setdefault("description", block.summary)
    return document


def read_document(source: Source, reports: list[str]) -> dict[str, Any]:
    """Make an OpenAPI 3.0.3 document of one of 3.0 or 3.1; its operations get an id, a tag and security."""
    document: dict[str, Any] = copy.deepcopy(source.value)
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSIONS.fullmatch(version):
        raise source.error(f"OpenAPI {version!r} can't be read: only 3.0 and 3.1 can", ("openapi",))
    document["openapi"] = "3.0.3"
    if not isinstance(document.get("paths"), dict):
        raise source.error("no `paths`: it is cut off or wrong; fetch it again", ())
    _say_info_in_3_0(document, source)
    for key in [key for key in _LEFT_OUT if key in document]:
        reports.append(f"{source.file}:{source.line((key,))}: `{key}` is left out: no operation needs it")
        del document[key]
    _write_out_path_items(document, source)
    _convert(document, source, reports)
    security = document.pop("security", None)
    for path, method, operation in operations(document):
        if not operation.get("tags"):
            operation["tags"] = [derived_tag(path)]
        if not operation.get("operationId"):
            operation["operationId"] = derived_operation_id(method, path)
        if security is not None:
            operation.setdefault("security", copy.deepcopy(security))
        if version.startswith("3.1"):
            operation.setdefault("responses", {"default": {"description": "Not described"}})
    return document


def _say_info_in_3_0(document: dict[str, Any], source: Source) -> None:
    info = document.get("info")
    if not isinstance(info, dict):
        raise source.error("no `info`: it is cut off or wrong; fetch it again", ())
    if "summary" in info:
        info["x-summary"] = info.pop("summary")
    if isinstance(info.get("license"), dict) and "identifier" in info["license"]:
        info["license"]["x-identifier"] = info["license"].pop("identifier")


def _write_out_path_items(document: dict[str, Any], source: Source) -> None:
    """Write out the paths that are references: to another path, or to 3.1's shared path items."""
    for path, given in document["paths"].items():
        item, steps = given, 0
        while isinstance(item, dict) and "$ref" in item:
            steps += 1
            try:
                found = resolve(document, str(item["$ref"]))
            except LookupError:
                found = None
            if not isinstance(found, dict) or steps > _MOST_STEPS:
                raise source.error(f"the path item {item['$ref']} leads nowhere", ("paths", path))
            own = {key: value for key, value in item.items() if key != "$ref"}
            item = {**copy.deepcopy(found), **own}
        document["paths"][path] = item
    if isinstance(document.get("components"), dict):
        document["components"].pop("pathItems", None)


def _convert(document: dict[str, Any], source: Source, reports: list[str]) -> None:
    """Convert every schema where it stands, and refuse keys that aren't OpenAPI's."""
    reader = SchemaReader(source)
    try:
        for node in walk(document):
            if node.kind == "schema":
                continue
            if "$ref" in node.value and not str(node.value["$ref"]).startswith("#/"):
                problem = "a reference must begin with #/ and stay in the document"
                raise source.error(problem, (*node.keys, "$ref"))
            for kind, keys, value in list(parts(node)):
                if kind == "schema":
                    holder = node.value if len(keys) == len(node.keys) + 1 else node.value[str(keys[-2])]
                    holder[str(keys[-1])] = reader.schema(value, keys)
    except UnknownKeyError as error:
        advice = "correct it in the page's copy, or teach spec/tools/structure.py what it means"
        raise source.error(f"{error.problem}: {advice}", error.keys) from error
    reports.extend(reader.notes())
