"""OpenAPI Overlay 1.0.0, where each action gives its reason, its source, and how sure that is.

See https://spec.openapis.org/overlay/v1.0.0.html. A target that matches nothing is an error here: the page
has changed under the action, and someone must look. The exception is an action that says when that is
right, in `x-may-match-nothing`: it stands in for a page that isn't there yet.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jsonpath_rfc9535 import JSONPathError, find

from spec.tools.merge import Home
from spec.tools.structure import same

if TYPE_CHECKING:
    from spec.tools.errors import Keys
    from spec.tools.yaml_source import Source

SURENESS: Final = ("A", "B", "C", "D")
"""A: recorded traffic or the vendor's own text. B: the vendor's example code, or two independent clients that
agree.
C: one third party's claim. D: an inference."""

_OWN_KEYS: Final = frozenset({"target", "description", "update", "remove"})
_SERVER: Final = "x-default-server"
_KEY: Final = "x-default-key-header"
# A target that takes any path or component: new ones come under it without anybody having chosen so.
_WILDCARD: Final = re.compile(
    r"\$\s*(\.\.|\.\*|\[\s*\*|(\.paths|\.components(\.\w+)?|\[['\"]paths['\"]\])\s*(\.\.|\.\*|\[\s*[*?]))"
)
_ROOT_KEYS: Final = frozenset({"overlay", "info", "extends", "actions"})


@dataclass(frozen=True)
class Action:
    """One action of an overlay."""

    number: int  # its place in the file, counted from one
    target: str  # an RFC 9535 JSONPath
    reason: str
    update: Any  # what to merge in; None where it removes
    remove: bool
    keys: Keys  # the way to it in the overlay file
    nothing: str | None = None  # what it means that it matches nothing; None where that is an error
    unless: str | None = None  # a key; places that have it are left alone

    @property
    def name(self) -> str:
        """The action, as errors and reports name it."""
        return f"action {self.number} ({self.target})"


def read_overlay(source: Source) -> list[Action]:
    """Read an overlay file."""
    root = source.value
    if not isinstance(root, dict) or not str(root.get("overlay", "")).startswith("1.0."):
        raise source.error("this is no overlay: expected `overlay: 1.0.0`")
    for key in root:
        if key not in _ROOT_KEYS and not key.startswith("x-"):
            raise source.error(f"`{key}` is not known in an overlay", (key,))
    info = root.get("info")
    if not isinstance(info, dict) or not {"title", "version"} <= set(info):
        raise source.error("`info` with a title and a version must be here", ("info",))
    actions = root.get("actions")
    if not isinstance(actions, list) or not actions:
        raise source.error("`actions` must be a list of at least one action", ("actions",))
    return [_read_action(source, action, number) for number, action in enumerate(actions, start=1)]


def _read_action(source: Source, action: Any, number: int) -> Action:
    keys = ("actions", number - 1)
    if not isinstance(action, dict) or not isinstance(action.get("target"), str):
        raise source.error(f"action {number} needs a `target`", keys)
    name = f"action {number} ({action['target']})"
    for key in action:
        if key not in _OWN_KEYS and not key.startswith("x-"):
            raise source.error(f"{name}: `{key}` is not known in an action", (*keys, key))
    _check_texts(source, action, name, keys)
    if action.get("x-sureness") not in SURENESS:
        raise source.error(f"{name} needs `x-sureness`: one of {', '.join(SURENESS)}", keys)
    remove = action.get("remove", False)
    if not isinstance(remove, bool):
        raise source.error(f"{name}: `remove` is true or false", (*keys, "remove"))
    if not remove and "update" not in action:
        raise source.error(f"{name} does nothing: give it `update` or `remove: true`", keys)
    nothing, unless = action.get("x-may-match-nothing"), action.get("x-unless-there")
    target, reason = action["target"], action["description"]
    return Action(number, target, reason, action.get("update"), remove, keys, nothing, unless)


def _check_texts(source: Source, action: dict[str, Any], name: str, keys: Keys) -> None:
    def is_text(key: str) -> bool:
        return isinstance(action.get(key), str) and bool(action[key].strip())

    for key, wanted in (("description", "why it is needed"), ("x-source", "where the fact comes from")):
        if not is_text(key):
            raise source.error(f"{name} needs `{key}`: {wanted}", keys)
    for key in ("x-may-match-nothing", "x-unless-there"):
        if key in action and not is_text(key):
            raise source.error(f"{name}: `{key}` must be said in words", (*keys, key))


def read_home(source: Source | None) -> Home:
    """Read which server and key header the overlay names as the document's own."""
    root = {} if source is None or not isinstance(source.value, dict) else source.value
    for key in (_SERVER, _KEY):
        if source is not None and not isinstance(root.get(key, ""), str):
            raise source.error(f"`{key}` must be a string", (key,))
    return Home(root.get(_SERVER), root.get(_KEY))


def apply_overlay(
    document: dict[str, Any],
    source: Source,
    reports: list[str],
    touched: list[tuple[Keys, Action]] | None = None,
) -> dict[str, Any]:
    """Apply an overlay's actions, each to the result of those before it."""
    made = copy.deepcopy(document)
    unmatched: list[Action] = []
    for action in read_overlay(source):
        matched, changed = _apply(made, action, source, [] if touched is None else touched)
        place = f"{source.file}:{source.line(action.keys)}: {action.name}"
        if matched and _WILDCARD.match(action.target):
            reports.append(f"{place} hits {matched} places: name the paths or components that it may reach")
        if not matched and action.nothing is None:
            unmatched.append(action)
        elif not matched:
            reports.append(f"{place} matches nothing any more: {action.nothing}; remove it when you like")
        elif not changed:
            reports.append(f"{place} changes nothing any more: the pages say it now; remove it")
    if unmatched:
        names = ", ".join(action.name for action in unmatched)
        problem = f"{names} {'matches' if len(unmatched) == 1 else 'match'} nothing: the pages have changed"
        problem += " under the overlay; correct each target, or remove the action"
        raise source.error(problem, unmatched[0].keys)
    return made


def _apply(
    made: dict[str, Any], action: Action, source: Source, touched: list[tuple[Keys, Action]]
) -> tuple[int, bool]:
    """Apply one action in place. Tells how many places it matched, and whether it changed anything."""
    changed = False
    try:
        nodes = {
            node.location: node.value
            for node in find(action.target, made)
            if action.unless is None or not isinstance(node.value, dict) or action.unless not in node.value
        }
    except JSONPathError as error:
        message = f"{action.name}: the target is no JSONPath of RFC 9535: {str(error).splitlines()[0]}"
        raise source.error(message, (*action.keys, "target")) from error
    touched.extend((location, action) for location in nodes)
    # From the end: removing an element moves those behind it, and what is inside goes first.
    found = sorted(nodes.items(), key=_place, reverse=True) if action.remove else nodes.items()
    for location, value in found:
        if action.remove:
            if not location:
                raise source.error(f"{action.name} would remove the whole document", action.keys)
            _parent(made, location).pop(location[-1])
            changed = True
        else:
            before = copy.deepcopy(value)
            _update(value, action, source)
            changed = changed or not same(value, before)
    return len(nodes), changed


def _place(entry: tuple[Keys, Any]) -> list[tuple[int, int, str]]:
    return [(1, key, "") if isinstance(key, int) else (0, 0, key) for key in entry[0]]


def _parent(value: Any, location: Keys) -> Any:
    for key in location[:-1]:
        value = value[key]
    return value


def _update(value: Any, action: Action, source: Source) -> None:
    problem = ""
    if isinstance(value, list):
        _append(value, [action.update])  # The standard: an entry to append.
    elif not isinstance(value, dict):
        problem = "the target is neither a map nor a list: name the map around it"
    elif not isinstance(action.update, dict):
        problem = "`update` must be a map, as the target is"
    else:
        problem = _merge(value, action.update)
    if problem:
        raise source.error(f"{action.name}: {problem}", (*action.keys, "update"))


def _append(into: list[Any], entries: list[Any]) -> None:
    """Append what isn't there yet: once a page has an entry itself, the action for it is superfluous."""
    known = list(into)
    into.extend(copy.deepcopy(entry) for entry in entries if not any(same(entry, one) for one in known))


def _merge(into: dict[str, Any], update: dict[str, Any]) -> str:
    """Merge maps by key, join lists, replace the rest. Gives what is wrong, or an empty string."""
    if ("$ref" in {**into, **update}) and set(into) | set(update) != {"$ref"} and into and update:
        return "a `$ref` would stand beside other keys, which then count for nothing: remove it or them first"
    for key, value in update.items():
        if key not in into or not isinstance(into[key], (dict, list)):
            into[key] = copy.deepcopy(value)
        elif type(into[key]) is not type(value):
            return f"`{key}` is one kind of value in the document and another in `update`"
        elif isinstance(value, list):
            _append(into[key], value)
        elif problem := _merge(into[key], value):
            return problem
    return ""
