"""The table of rules: what each kind of difference is called, how it is rated, and why.

A rule has a rating for what the caller sends and one for what the caller receives. `{name}`, `{old}` and
`{new}` in its words are those of the finding.

The ratings are this project's own decisions. Those that follow from how the client is made say so in their
reason: the generator names classes by `title`, functions by `operationId` and modules by the first tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spec.tools.diff.model import Rating

_B, _R, _S, _D = Rating.BREAKING, Rating.RISK, Rating.SAFE, Rating.DOCUMENTATION


@dataclass(frozen=True)
class Rule:
    """How one kind of difference is told and rated.

    Attributes:
        words: What differs.
        sent: The rating where the caller sends the value.
        received: The rating where the caller receives it.
        why_sent: What it means to a caller who sends it.
        why_received: What it means to a caller who receives it.
        unused: The rating in a component that no operation uses; the generator still makes its classes.
    """

    words: str
    sent: Rating
    received: Rating
    why_sent: str
    why_received: str
    unused: Rating = Rating.SAFE


def _rule(words: str, sent: Rating, received: Rating, why_sent: str, why_received: str) -> Rule:
    return Rule(words, sent, received, why_sent, why_received, min(sent, received, _S))


def _always(words: str, rating: Rating, why: str) -> Rule:
    return Rule(words, rating, rating, why, why, rating)


_REFUSED: Final = "calls that were accepted are refused"
_ACCEPTED: Final = "every call that was accepted still is"
_WITHIN: Final = "answers are still of the old kind"
_BEYOND: Final = "answers may hold values that were ruled out before"
_CLASS: Final = "the generated package names its class by it: imports of the old name fail"
_READERS: Final = "for readers only"

RULES: Final[dict[str, Rule]] = {
    # --- The document ---
    "openapi-changed": _always("OpenAPI version {old} → {new}", _R, "tools may read the document otherwise"),
    "info-changed": _always("{name} changed", _D, "about the document, not the service"),
    "server-added": _always("server {new} added", _S, "the servers there were are still there"),
    "server-removed": _always("server {old} removed", _B, "calls to it are no longer promised"),
    "first-server-changed": _always("first server {old} → {new}", _B, "the first server is the default"),
    "server-variable-changed": _always(
        "server variable {name} changed: {old} → {new}", _B, "calls go to another address"
    ),
    # --- Paths and operations ---
    "path-parameter-renamed": _always(
        "path {old} is now written {new}", _B, "same URLs, but the generated functions' arguments are renamed"
    ),
    "operation-added": _always("operation added", _S, "nothing that exists changes"),
    "operation-removed": _always("operation removed", _B, "calls to it fail"),
    "operation-moved": _always("moved from {old} to {new}", _B, "calls to the old place fail"),
    "operation-id-changed": _always(
        "operationId {old} → {new}", _B, "the generated function is named by it: imports of the old name fail"
    ),
    "callback-operation-id-changed": _always(
        "operationId {old} → {new}", _S, "no function is generated from a callback"
    ),
    "first-tag-changed": _always(
        "first tag {old} → {new}", _B, "the generated module lies in a package of this name: imports fail"
    ),
    "tags-changed": _always("tags {old} → {new}", _D, _READERS),
    "deprecated": _always("{name} is now deprecated", _R, "it may go away: plan for it"),
    "not-deprecated": _always("{name} is no longer deprecated", _S, "it stays"),
    # --- Parameters and headers ---
    "parameter-removed": _rule(
        "{name} removed",
        _B,
        _B,
        "calls that pass it fail or are ignored",
        "callers that read it find nothing",
    ),
    "optional-parameter-added": _rule("optional {name} added", _S, _S, _ACCEPTED, "one more to read"),
    "required-parameter-added": _rule(
        "required {name} added", _B, _S, "calls without it are refused", "one more to read"
    ),
    "became-required": _rule(
        "{name} became required", _B, _S, "calls without it are refused", "what was sometimes there always is"
    ),
    "became-optional": _rule(
        "{name} became optional", _S, _B, _ACCEPTED, "callers that rely on it may find nothing"
    ),
    "serialization-changed": _rule(
        "{name} {old} → {new}", _B, _B, "values are written another way", "values are to be read another way"
    ),
    "empty-value-allowed": _rule("empty values allowed", _S, _R, _ACCEPTED, _BEYOND),
    "empty-value-refused": _rule("empty values no longer allowed", _B, _S, _REFUSED, _WITHIN),
    "header-added": _rule("header {name} added", _S, _S, _ACCEPTED, "one more to read"),
    "required-header-added": _rule(
        "required header {name} added", _B, _S, "calls without it are refused", "one more to read"
    ),
    "header-removed": _rule(
        "header {name} removed",
        _R,
        _B,
        "calls that send it may be ignored",
        "callers that read it find nothing",
    ),
    # --- Bodies, media types, responses ---
    "required-body-added": _rule(
        "required body added", _B, _S, "calls without one are refused", "one more to read"
    ),
    "optional-body-added": _rule("optional body added", _S, _S, _ACCEPTED, "one more to read"),
    "body-removed": _rule(
        "body removed", _B, _B, "calls that send one fail", "callers that read it find nothing"
    ),
    "media-type-added": _rule(
        "media type {name} added",
        _S,
        _R,
        _ACCEPTED,
        "answers may come in a form that callers don't parse yet",
    ),
    "media-type-removed": _rule(
        "media type {name} removed",
        _B,
        _B,
        "bodies of this type are refused",
        "callers that parse it get another form",
    ),
    "encoding-changed": _rule(
        "encoding of {name}: {old} → {new}",
        _B,
        _R,
        "parts are written another way",
        "parts may be read another way",
    ),
    "response-added": _rule(
        "response {name} added",
        _S,
        _R,
        "one more way to answer",
        "callers may meet an answer that they don't know",
    ),
    "success-response-removed": _rule(
        "response {name} removed", _B, _B, "answering so is no longer accepted", "callers wait for it in vain"
    ),
    "error-response-removed": _rule(
        "response {name} removed",
        _R,
        _R,
        "answering so may no longer be accepted",
        "the error may come undescribed, and code that names its type has nothing to catch",
    ),
    "link-added": _always("link {name} added", _S, "one more way to go on"),
    "link-removed": _always("link {name} removed", _R, "tools that follow it stop here"),
    "link-changed": _always("link {name}: {old} → {new}", _R, "tools that follow it go elsewhere"),
    "callback-added": _always("callback {name} added", _S, "comes only to callers who ask for it"),
    "callback-removed": _always("callback {name} removed", _B, "callers who wait for it wait in vain"),
    # --- Security ---
    "security-alternative-added": _always("may also be called with {new}", _S, _ACCEPTED),
    "security-alternative-removed": _always("may no longer be called with {old}", _B, "such calls get 401"),
    "security-required": _always("now needs {new}", _B, "calls without it get 401"),
    "security-dropped": _always("no longer needs {old}", _S, _ACCEPTED),
    "security-scheme-added": _always("security scheme added", _S, "the others are still there"),
    "security-scheme-removed": _always("security scheme removed", _B, "calls with it get 401"),
    "security-scheme-changed": _always("{name} {old} → {new}", _B, "keys sent the old way get 401"),
    # --- of schemas, kinds of values ---
    "schema-described": _rule(
        "described now, as {new}",
        _B,
        _R,
        "calls with others are refused",
        "the generated attribute gets a type of its own",
    ),
    "schema-lost": _rule("no longer described; it was {old}", _S, _B, _ACCEPTED, "callers may meet anything"),
    "type-changed": _rule("type {old} → {new}", _B, _B, _REFUSED, "callers read another kind of value"),
    "type-narrowed": _rule("type {old} → {new}: fewer kinds", _B, _S, _REFUSED, _WITHIN),
    "type-widened": _rule("type {old} → {new}: more kinds", _S, _B, _ACCEPTED, _BEYOND),
    "null-allowed": _rule(
        "null is allowed now", _S, _B, _ACCEPTED, "callers may meet null where a value was promised"
    ),
    "null-refused": _rule("null is no longer allowed", _B, _S, "calls that send null are refused", _WITHIN),
    "typed-format-changed": _rule(
        "format {old} → {new}",
        _B,
        _B,
        "the generated attribute gets another Python type",
        "the generated attribute gets another Python type",
    ),
    "format-added": _rule("format {new} added", _B, _S, _REFUSED, _WITHIN),
    "format-removed": _rule("format {old} removed", _S, _R, _ACCEPTED, _BEYOND),
    "format-changed": _rule("format {old} → {new}", _B, _R, _REFUSED, _BEYOND),
    "pattern-added": _rule("pattern {new} added", _B, _S, _REFUSED, _WITHIN),
    "pattern-removed": _rule("pattern {old} removed", _S, _R, _ACCEPTED, _BEYOND),
    "pattern-changed": _rule(
        "pattern {old} → {new}", _B, _R, "calls that were accepted may be refused", _BEYOND
    ),
    "limit-tightened": _rule("{name} {old} → {new}: tighter", _B, _S, _REFUSED, _WITHIN),
    "limit-loosened": _rule("{name} {old} → {new}: looser", _S, _R, _ACCEPTED, _BEYOND),
    "limit-changed": _rule(
        "{name} {old} → {new}", _B, _R, "calls that were accepted may be refused", _BEYOND
    ),
    "enum-value-added": _rule(
        "value {new} added", _S, _R, _ACCEPTED, "callers may meet a value that they don't know"
    ),
    "enum-value-removed": _rule(
        "value {old} removed",
        _B,
        _R,
        "calls that send it are refused",
        "code that names the generated enum's member fails",
    ),
    "enum-added": _rule(
        "only these values now: {new}",
        _B,
        _R,
        "calls with others are refused",
        "the generated attribute gets a type of its own",
    ),
    "enum-removed": _rule(
        "no longer limited to {old}",
        _B,
        _B,
        "the generated enum is gone: imports fail",
        "the generated enum is gone, and callers may meet values that they don't know",
    ),
    "enum-name-changed": _always(
        "the generated name of value {name}: {old} → {new}", _B, "code that uses the old name fails"
    ),
    # --- of schemas, objects and arrays ---
    "property-removed": _rule(
        "property {name} removed",
        _B,
        _B,
        "calls that send it fail or are ignored",
        "callers that read it find nothing",
    ),
    "optional-property-added": _rule("optional property {name} added", _S, _S, _ACCEPTED, "one more to read"),
    "required-property-added": _rule(
        "required property {name} added", _B, _S, "calls without it are refused", "one more to read"
    ),
    "additional-properties-refused": _rule("other properties no longer allowed", _B, _S, _REFUSED, _WITHIN),
    "additional-properties-allowed": _rule("other properties allowed now", _S, _R, _ACCEPTED, _BEYOND),
    "direction-limited": _rule("{name} now", _B, _B, "calls no longer send it", "answers no longer hold it"),
    "direction-freed": _rule("no longer {name}", _S, _S, _ACCEPTED, "one more to read"),
    # --- of schemas, compositions ---
    "branch-added": _rule(
        "{name} may also be {new}", _S, _R, _ACCEPTED, "callers may meet a shape that they don't know"
    ),
    "branch-removed": _rule("{name} may no longer be {old}", _B, _S, _REFUSED, _WITHIN),
    "part-added": _always("part {new} of allOf added", _S, "it says nothing that wasn't said before"),
    "part-removed": _always("part {old} of allOf removed", _S, "the rest says the same"),
    "branches-reordered": _always(
        "{name} in another order", _R, "the generated client takes the first branch that fits"
    ),
    "choice-changed": _always("{old} became {new}", _R, "values that fit several branches count otherwise"),
    "discriminator-changed": _always(
        "discriminator {name}: {old} → {new}", _B, "the branch is told by something else"
    ),
    # --- of schemas, the rest ---
    "default-changed": _rule(
        "default {old} → {new}", _R, _D, "calls that leave it out may mean something else", _READERS
    ),
    "class-renamed": _always("title {old} → {new}", _B, _CLASS),
    "component-renamed": _always(
        "component {old} is now {new}", _S, "its title, and so its generated class, is told apart"
    ),
    "reference-moved": _always("now {new} instead of {old}", _S, "it says the same"),
    "reference-changed": _always("reference {old} → {new}", _R, "outside this document: look at it"),
    "schema-added": _always("schema added", _S, "told where it is used"),
    "schema-removed": _always("schema removed", _B, "the generated class is gone: imports fail"),
    "component-added": _always("added to the components", _S, "told where it is used"),
    "component-removed": _always("removed from the components", _S, "told where it was used"),
    "extension-value-added": _rule("{name}: {new} added", _S, _R, _ACCEPTED, _BEYOND),
    "extension-value-removed": _rule("{name}: {old} removed", _B, _S, _REFUSED, _WITHIN),
    "extension-choice-added": _rule("{name}: only {new} now", _B, _S, _REFUSED, _WITHIN),
    "extension-choice-removed": _rule("{name}: no longer only {old}", _S, _R, _ACCEPTED, _BEYOND),
    "extension-changed": _rule(
        "extension {name}: {old} → {new}",
        _R,
        _R,
        "its meaning is unknown here: look at it",
        "its meaning is unknown here: look at it",
    ),
    "unknown-changed": _rule(
        "{name}: {old} → {new}",
        _R,
        _R,
        "these tools don't know this keyword: look at it",
        "these tools don't know this keyword: look at it",
    ),
    "documentation-changed": _always("{name} changed", _D, _READERS),
    "documentation-added": _always("{name} added", _D, _READERS),
    "documentation-removed": _always("{name} removed", _D, _READERS),
    "rewritten": _always("{name} written otherwise: {old} → {new}", _D, "it means the same"),
}
