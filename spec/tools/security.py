"""The older format's ways to authenticate → OpenAPI's security schemes and requirements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spec.tools.place import Place


def read_security(request: Place, schemes: dict[str, Any]) -> list[dict[str, list[str]]] | None:
    """Read the ways to authenticate. Each entry is one way; its parameters are needed together."""
    if "security" not in request.value:
        return None
    requirements = []
    for entry in request.places("security"):
        title = entry.text("title")
        by_location = entry.place("parameters")
        found = [
            (location, name, scheme)
            for location in ("query", "header", "cookie")
            for name, scheme in by_location.place(location).each()
        ]
        by_location.close()
        entry.close()
        titles = title.split(" & ") if len(found) > 1 else [title]
        if len(titles) != len(found):
            titles = [f"{title}-{name}" if len(found) > 1 else title for _, name, _ in found]
        requirement: dict[str, list[str]] = {}
        for shown, (location, name, scheme) in zip(titles, found, strict=True):
            # As OpenAPI takes it: `api key` becomes `api-key`.
            scheme_name = re.sub(r"[^A-Za-z0-9._-]+", "-", shown or name).strip("-") or "unnamed"
            requirement[scheme_name] = []
            made = _read_scheme(location, name, scheme)
            if shown and scheme_name != shown:
                made["x-title"] = shown
            if schemes.setdefault(scheme_name, made) != made:
                raise scheme.error(f"two security schemes are called {scheme_name!r} and differ: rename one")
        requirements.append(requirement)
    return requirements


def _read_scheme(location: str, name: str, scheme: Place) -> dict[str, Any]:
    kind = scheme.text("type")
    made: dict[str, Any] = {"type": kind}
    match kind:
        case "apiKey":
            made.update({"in": location, "name": name})
        case "http":
            made["scheme"] = scheme.text("scheme")
            if "bearerFormat" in scheme.value:
                made["bearerFormat"] = scheme.text("bearerFormat")
        case "oauth2":
            made["flows"] = scheme.take("flows", {})
        case "openIdConnect":
            made["openIdConnectUrl"] = scheme.text("openIdConnectUrl")
        case _:
            raise scheme.error(f"{kind!r} is no kind of security that OpenAPI knows", "type")
    if kind != "apiKey" and (location, name.lower()) != ("header", "authorization"):
        raise scheme.error(f"{kind} security goes in the Authorization header, not in {location} {name}")
    if "description" in scheme.value:
        made["description"] = scheme.text("description")
    made.update(scheme.extensions())
    scheme.close()
    return made
