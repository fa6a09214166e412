"""The document's request bodies → `request_options.py`: their optional fields as keyword options.

openapi-python-client makes models and enum classes. Callers write plain text, and type checkers and editors
know its choices from a `Literal`.
"""

from __future__ import annotations

import keyword
import os.path
import re
import textwrap
from typing import TYPE_CHECKING, Any, Final

from spec.tools.naming import camel, numbered
from spec.tools.structure import followed, operations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODULE: Final = "request_options.py"
_WIDTH: Final = 100
_TYPES: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_HEAD: Final = '''"""Optional fields of request bodies, and the values that they may have, from the document.

Made by spec/tools/option_types.py.
"""

from typing import Any, Literal, TypeAlias, TypedDict
'''


def write_option_types(document: dict[str, Any], package: Path) -> None:
    """Write the module into the generated package.

    For each JSON body that is an object: a `TypedDict` of its optional fields, a `Literal` for each field of
    fixed choices, and one of what tells the paths apart that take this body.
    """
    parts = [_HEAD]
    bodies = list(_bodies(document))
    taken = {f"{name}{suffix}" for name, _, _ in bodies for suffix in ("Path", "Options")}
    for name, schema, paths in bodies:
        fields = {field: followed(document, one) for field, one in _optional(schema)}
        choices = {}
        for field in [field for field, one in fields.items() if _choices(one)]:
            choices[field] = next(one for one in numbered(name + camel(field), "") if one not in taken)
            taken.add(choices[field])
        parts.append(f"{name}Path: TypeAlias = Literal[{_literal(_endings(paths))}]\n")
        parts += [
            f"{choices[field]}: TypeAlias = Literal[{_literal(_choices(fields[field]))}]\n"
            for field in choices
        ]
        lines = [f"class {name}Options(TypedDict, total=False):"]
        lines.append(f'    """Optional fields of {name}; None leaves one out."""\n')
        for field, one in fields.items():
            lines.append(f"    {field}: {choices.get(field) or _type(one)} | None")
            lines.append(f"{_docstring(one)}\n")
        parts.append("\n" + "\n".join(lines))
    (package / MODULE).write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8", newline="\n")


def _bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Yield the name, the schema and the paths of each JSON request body that has optional fields."""
    found: dict[str, tuple[dict[str, Any], list[str]]] = {}
    for path, method, operation in operations(document):
        body = followed(document, operation.get("requestBody", {}))
        given = body.get("content", {}).get("application/json", {}).get("schema", {})
        schema = followed(document, given)
        if method == "post" and next(_optional(schema), None):
            reference = given.get("$ref", "").rpartition("/")[2]
            wanted = camel(schema.get("title") or reference or operation.get("operationId", ""))
            wanted = wanted if wanted[:1].isalpha() else f"Body{wanted}"
            name = next(one for one in numbered(wanted, "") if found.get(one, (schema,))[0] == schema)
            found.setdefault(name, (schema, []))[1].append(path)
    for name, (schema, paths) in found.items():
        yield name, schema, paths


def _optional(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the optional fields of an object that can be keywords of Python."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        if name.isidentifier() and not keyword.iskeyword(name) and name[:2] != "__" and name not in required:
            yield name, field


def _choices(schema: Mapping[str, Any]) -> list[Any]:
    values = [value for value in schema.get("enum", ()) if value is not None]
    return values if all(isinstance(value, (str, int)) for value in values) else []


def _literal(values: list[Any]) -> str:
    return ", ".join(f'"{_escaped(value)}"' if isinstance(value, str) else repr(value) for value in values)


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        return "list[Any]"
    return _TYPES.get(str(kind), "dict[str, Any]" if kind == "object" else "Any")


def _endings(paths: list[str]) -> list[str]:
    """Return what is different in the ends of paths: `std` and `pro`."""
    common = re.sub(r"[^-/]*$", "", os.path.commonprefix(paths))  # noqa: RUF071 - by characters, as meant
    return [path.removeprefix(common) for path in paths]


def _docstring(schema: Mapping[str, Any]) -> str:
    said = " ".join(str(schema.get("description", "")).split())
    facts = [f"{said.rstrip('.')}." if said else ""]
    if "maxLength" in schema:
        facts.append(f"At most {schema['maxLength']} characters.")
    if "default" in schema:
        facts.append(f"The service's default is {schema['default']!r}.")
    text = _escaped(" ".join(filter(None, facts)) or "Not described.")
    return textwrap.indent(textwrap.fill(f'"""{text}"""', _WIDTH, break_long_words=False), " " * 4)


def _escaped(text: str) -> str:
    """Return text for a literal in double quotes."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return printable.replace("\\", "\\\\").replace('"', '\\"')
