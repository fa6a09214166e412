"""Names that the generator can't give, or would give twice: others are chosen by rule before it runs.

Classes and enum members get a title or `x-enum-varnames`. A property or parameter keeps its name on the wire:
the generator is given a stand-in for it, and `restore_names` puts the real one back into the code.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from spec.tools.errors import SpecError
from spec.tools.generator_media import plain_type
from spec.tools.naming import numbered
from spec.tools.structure import followed, operations, same, walk

if TYPE_CHECKING:
    from pathlib import Path

    from spec.tools.errors import Keys, Notes

# What generated modules import, the local `d` of their methods, and the names inside methods and functions.
_CLASSES: Final = re.compile(
    "any|authenticatedclient|binaryio|bytesio|client|d|enum|file|filetypes|generator|generic|httpstatus"
    "|intenum|io|literal|mapping|mutablemapping|requestfiles|response|strenum|t|textio|typechecking|typevar"
    "|unset|uuid"
)
_IN_MODELS: Final = re.compile(
    "additional_keys|additional_properties|cast|cls|d|field_dict|from_dict|prop|prop_dict|prop_name|src_dict"
    "|to_dict|to_multipart"
)
_IN_FUNCTIONS: Final = re.compile("body|cookies|headers|kwargs|params|quote|response")
_IN_TEMPLATE: Final = re.compile("[a-zA-Z_-][a-zA-Z0-9_-]*")
_LOCAL: Final = re.compile(r"(.+?)(?:_item|_data|_item_data|_type_\d+)")
_LONGEST: Final = 200  # File systems take 255 bytes, and each name gets a module with an ending.
_KINDS_OF_BODY: Final = {"multipart/form-data": "files", "application/x-www-form-urlencoded": "data"}


def bare(name: str) -> str:
    """Give what is left of a name in any of Python's ways to write it."""
    plain = unicodedata.normalize("NFKC", name)  # as Python reads identifiers
    return "".join(character for character in plain.lower() if character.isalnum())


def _snake(name: str) -> str:
    """Write a name about as the generator writes an argument's."""
    kept = "".join(one for one in name if one.isidentifier() or one.isdecimal() or one in ". _-")
    return re.sub(r"[. _-]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kept)).strip("_").lower()


@dataclass
class Names:
    """The names that are chosen for the generator's copy of a document."""

    made: dict[str, Any]  # the copy, changed in place
    reports: Notes
    stand_ins: dict[str, str] = field(default_factory=dict)  # the real name of each stand-in
    _classes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _taken: str | None = None

    def choose(self) -> None:
        """Choose them all."""
        for node in walk(self.made):
            if node.kind == "schema":
                _name_enum_members(node.value)
                if isinstance(node.value.get("properties"), dict):
                    self._properties(node.value, node.keys)
        self._operation_ids()
        for path in list(self.made.get("paths", {})):
            if not path.startswith("x-"):
                self._parameters(path)
        self._all_classes()

    # -- properties and parameters

    def _stand_in(self, name: str, suffix: str, wish: Any) -> str:
        if self._taken is None:
            self._taken = json.dumps(self.made, ensure_ascii=False)
        is_usable = isinstance(wish, str) and wish.isidentifier()
        base = wish if is_usable else f"{_snake(name)}_{suffix}".strip("_")
        if suffix == "path" and not _IN_TEMPLATE.fullmatch(base):
            base = "in_path"
        taken = self._taken
        found = next(
            one for one in numbered(base) if f'"{one}"' not in taken and self.stand_ins.get(one, name) == name
        )
        self.stand_ins[found] = name
        return found

    def _properties(self, schema: dict[str, Any], keys: Keys) -> None:
        named: dict[str, Any] = schema["properties"]
        snakes = {_snake(name) for name in named}
        renamed: dict[str, str] = {}
        seen: set[str] = set()
        for name, inner in named.items():
            wish = inner.get("x-python-name") if isinstance(inner, dict) else None
            if wish or _unusable(name, _IN_MODELS, snakes) or _snake(name) in seen:
                renamed[name] = self._stand_in(name, "field", wish)
            seen.add(_snake(name))
        if not renamed:
            return
        schema["properties"] = {renamed.get(name, name): inner for name, inner in named.items()}
        if "required" in schema:
            schema["required"] = [renamed.get(name, name) for name in schema["required"]]
        for name, new in renamed.items():
            self.reports.append(((*keys, "properties", name), f"called {new!r} in the generated client"))

    def _parameters(self, path: str) -> None:
        paths = self.made["paths"]
        holders = [paths[path], *(one for one_path, _, one in operations(self.made) if one_path == path)]
        every = [followed(self.made, one) for holder in holders for one in holder.get("parameters", [])]
        snakes = {_snake(one["name"]) for one in every}
        in_path = {}
        for one in every:
            name, location = one["name"], one["in"]
            wish = one.pop("x-python-name", None)
            if name in self.stand_ins:  # A shared parameter that another path has met.
                if location == "path":
                    in_path[self.stand_ins[name]] = name
                continue
            is_unexpected = location == "path" and not _IN_TEMPLATE.fullmatch(name)
            if not (wish or is_unexpected or _unusable(name, _IN_FUNCTIONS, snakes)):
                continue
            one["name"] = self._stand_in(name, location, wish)
            if location == "path":
                in_path[name] = one["name"]
            text = f"the {location} parameter {name!r} is called {one['name']!r} in the generated client"
            self.reports.append((("paths", path), text))
        new = path
        for name, stand_in in in_path.items():
            new = new.replace(f"{{{name}}}", f"{{{stand_in}}}")
        self.made["paths"] = {new if one == path else one: value for one, value in paths.items()}

    # -- operations

    def _operation_ids(self) -> None:
        seen: set[tuple[str, str]] = set()
        for path, method, operation in operations(self.made):
            given = (operation.get("tags") or ["default"])[0]
            tag, name = bare(given), operation["operationId"]
            for one in (given, name):
                _check_length(one, ("paths", path, method))
            operation["operationId"] = new = next(
                one for one in numbered(name) if (tag, bare(one)) not in seen
            )
            if new != name:
                text = f"another operation's function has the name of {name!r}: called {new!r}"
                self.reports.append((("paths", path, method), f"{text} in the generated client"))
            seen.add((tag, bare(new)))

    # -- classes

    def _all_classes(self) -> None:
        schemas = self.made.get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            if _makes_class(schema):
                self._class(schema, schema.get("title") or name, ("components", "schemas", name))
        for name, schema in schemas.items():
            self._visit(schema, name, "", ("components", "schemas", name), is_component=True)
        for path, method, operation in operations(self.made):
            keys: Keys = ("paths", path, method)
            own = operation["operationId"]
            for number, one in enumerate(operation.get("parameters", [])):
                self._visit(one.get("schema", {}), one.get("name", ""), own, (*keys, "parameters", number))
            content = followed(self.made, operation.get("requestBody", {})).get("content", {})
            for media_type, value in content.items():
                parent = f"{own} {_kind_of_body(media_type)}" if len(content) > 1 else own
                place: Keys = (*keys, "requestBody", "content", media_type, "schema")
                self._visit(value.get("schema", {}), "body", parent, place)
            for status, response in operation.get("responses", {}).items():
                for media_type, value in followed(self.made, response).get("content", {}).items():
                    place = (*keys, "responses", status, "content", media_type, "schema")
                    self._visit(value.get("schema", {}), f"response {status}", own, place)

    def _visit(self, schema: Any, name: str, parent: str, keys: Keys, *, is_component: bool = False) -> None:
        """Name the classes in a schema as the generator does: after the title, or where they stand."""
        if not isinstance(schema, dict) or "$ref" in schema:
            return
        choice = [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
        parts = [*(schema.get("allOf") or ()), *choice]
        if len(parts) == 1 and "$ref" in parts[0]:
            return
        if schema.get("enum") and schema.get("type") != "boolean":
            if not is_component:
                self._class(schema, f"{parent} {schema.get('title') or name}", keys)
        elif choice:
            for number, one in enumerate(choice):
                self._visit(one, f"{name} type {number}", parent, keys)
        elif schema.get("type") == "array":
            self._visit(schema.get("items"), f"{name} item", parent, keys)
        elif _makes_class(schema):
            own = schema.get("title") or f"{parent} {name}"
            own = own if is_component else self._class(schema, own, keys)
            inside = [part for part in (schema, *parts) if "$ref" not in part]
            for key, inner in [pair for one in inside for pair in one.get("properties", {}).items()]:
                self._visit(inner, key, own, (*keys, "properties", key))
            self._visit(schema.get("additionalProperties"), "additional property", own, keys)

    def _class(self, schema: dict[str, Any], wanted: str, keys: Keys) -> str:
        _check_length(wanted, keys)
        name, number = wanted, 1
        if not any(one.isidentifier() or one.isdecimal() for one in name if one != "_"):
            name = "Model"
        if _CLASSES.fullmatch(bare(name)):
            name = f"{wanted} Model"
        while (other := self._classes.get(bare(name))) is not None:
            if schema.get("enum") and same(other.get("enum"), schema["enum"]):
                return name
            number += 1
            name = f"{wanted if bare(wanted) else 'Model'} {number}"
        self._classes[bare(name)] = schema
        if name != wanted:
            is_inline_enum = "enum" in schema and "components" not in keys[:1]
            own = f"{schema.get('title') or wanted.rsplit(maxsplit=1)[-1]} {number}"
            schema["title"] = own if is_inline_enum else name
            text = f"the class name of {wanted!r} is taken: the generated class is named after {name!r}"
            self.reports.append((keys, text))
        return name


def _check_length(name: str, keys: Keys) -> None:
    if len(_snake(name).encode()) > _LONGEST:
        text = f"the name {name[:20]}… is too long for a module: give it one of at most {_LONGEST} bytes"
        raise SpecError(text, keys=keys)


def _name_enum_members(schema: dict[str, Any]) -> None:
    given = schema.get("x-enum-varnames")
    values = [value for value in schema.get("enum") or () if value is not None]
    if not values or not all(isinstance(value, str) for value in values):
        if isinstance(given, list) and len({bare(str(name)) for name in given}) < len(values):
            del schema["x-enum-varnames"]
        return
    if not (isinstance(given, list) and len(given) == len(values) and all(map(str, given))):
        given = [value if value[:1].isalpha() else f"VALUE_{number}" for number, value in enumerate(values)]
    names = [str(name) for name in given]
    if all(_snake(name).isidentifier() for name in names) and len(set(map(bare, names))) == len(values):
        return
    chosen: list[str] = []
    for number, name in enumerate(names):
        plain = re.sub(r"\W+", "_", name).strip("_").upper()
        wanted = plain if plain[:1].isalpha() else f"VALUE_{number}"
        while bare(wanted) in set(map(bare, chosen)):
            wanted = f"{wanted}_{number}"
        chosen.append(wanted)
    schema["x-enum-varnames"] = chosen


def _unusable(name: str, reserved: re.Pattern[str], others: set[str]) -> bool:
    snake = _snake(name)
    local = _LOCAL.fullmatch(snake)
    return not snake or bool(reserved.fullmatch(snake)) or (local is not None and local[1] in others)


def _makes_class(schema: dict[str, Any]) -> bool:
    if "$ref" in schema or schema.get("anyOf") or schema.get("oneOf"):
        return False
    all_of: list[Any] = schema.get("allOf") or []
    if len(all_of) == 1 and "$ref" in all_of[0]:
        return False
    kind = schema.get("type")
    if schema.get("enum"):
        return kind != "boolean"
    return kind == "object" or bool(all_of) or (kind is None and bool(schema.get("properties")))


def _kind_of_body(media_type: str) -> str:
    plain = plain_type(media_type)
    return _KINDS_OF_BODY.get(plain) or ("json" if plain.endswith("json") else "content")


def restore_names(package: Path, stand_ins: dict[str, str]) -> None:
    """Put the names on the wire back into the generated code."""
    literals = {f'"{stand_in}"': json.dumps(name, ensure_ascii=False) for stand_in, name in stand_ins.items()}
    pattern = re.compile("|".join(map(re.escape, literals)))
    for module in sorted(package.rglob("*.py")) if literals else ():
        text = module.read_text(encoding="utf-8")
        if pattern.search(text):
            restored = pattern.sub(lambda found: literals[found[0]], text)
            module.write_text(restored, encoding="utf-8", newline="\n")
