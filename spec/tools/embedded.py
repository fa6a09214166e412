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
from spec.tools.structure import UnknownKeyError, operations, parts, walk

if TYPE_CHECKING:
    from spec.tools.page import Block
    from spec.tools.yaml_source import Source

_VERSIONS: Final = re.compile(r"3\.[01]\.\d+")


def read_embedded(source: Source, block: Block) -> dict[str, Any]:
    """Make an OpenAPI 3.0.3 document of one block.

    Args:
        source: The block's YAML.
        block: The block, for the operation that its fence names.

    Raises:
        SpecError: As for `read_document`, or the fence's operation is missing.
    """
    document = read_document(source)
    item = document["paths"].get(block.path)
    if not isinstance(item, dict) or block.method not in item:
        raise source.error(
            f"the fence names {block.method.upper()} {block.path}, and the block has no such operation:"
            " the page contradicts itself; fetch it again",
            ("paths",),
        )
    operation = item[block.method]
    if block.title:
        operation.setdefault("summary", block.title)
    if block.summary:
        operation.setdefault("description", block.summary)
    return document


def read_document(source: Source) -> dict[str, Any]:
    """Make an OpenAPI 3.0.3 document of one of 3.0 or 3.1.

    Returns:
        A new document, whose operations have an id, a tag and their security.

    Raises:
        SpecError: It is of a version, or says something, that can't become 3.0.3.
    """
    document: dict[str, Any] = copy.deepcopy(source.value)
    version = document.get("openapi")
    if not isinstance(version, str) or not _VERSIONS.fullmatch(version):
        raise source.error(f"OpenAPI {version!r} can't be read: only 3.0 and 3.1 can", ("openapi",))
    document["openapi"] = "3.0.3"
    if not isinstance(document.get("paths"), dict):
        raise source.error("no `paths`: it is cut off or wrong; fetch it again", ())
    _say_info_in_3_0(document, source)
    _convert(document, source)
    security = document.pop("security", None)
    for path, method, operation in operations(document):
        if not operation.get("tags"):
            operation["tags"] = [derived_tag(path)]
        if not operation.get("operationId"):
            operation["operationId"] = derived_operation_id(method, path)
        if security is not None:
            operation.setdefault("security", copy.deepcopy(security))
    return document


def _say_info_in_3_0(document: dict[str, Any], source: Source) -> None:
    info = document.get("info")
    if not isinstance(info, dict):
        raise source.error("no `info`: it is cut off or wrong; fetch it again", ())
    if "summary" in info:
        info["x-summary"] = info.pop("summary")
    if isinstance(info.get("license"), dict) and "identifier" in info["license"]:
        info["license"]["x-identifier"] = info["license"].pop("identifier")


def _convert(document: dict[str, Any], source: Source) -> None:
    """Convert every schema where it stands, and refuse keys that aren't OpenAPI's."""
    reader = SchemaReader(source)
    try:
        for node in walk(document):
            if node.kind == "schema":
                continue
            if "$ref" in node.value and not str(node.value["$ref"]).startswith("#/"):
                raise source.error(
                    "a reference must begin with #/ and stay in the document", (*node.keys, "$ref")
                )
            for kind, keys, value in list(parts(node)):
                if kind == "schema":
                    holder = node.value if len(keys) == len(node.keys) + 1 else node.value[str(keys[-2])]
                    holder[str(keys[-1])] = reader.schema(value, keys)
    except UnknownKeyError as error:
        raise source.error(
            f"{error.problem}: correct it in the page's copy, or teach spec/tools/structure.py what it means",
            error.keys,
        ) from error
