"""The other process of `proof`: import a generated package, send its requests to a stub, have answers parsed.

It reads one JSON question on stdin and prints one JSON object: the findings, at most one for each operation,
and the answers that the client leaves unread.
"""

from __future__ import annotations

import contextlib
import email.parser
import importlib
import inspect
import json
import pathlib
import pkgutil
import sys
import traceback
import typing
import urllib.parse
import warnings
from typing import TYPE_CHECKING, Any, Final

import httpx

from spec.tools.errors import brief
from spec.tools.generator_media import FORM
from spec.tools.generator_names import bare
from spec.tools.proof_values import convert, plain, same

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ORIGIN: Final = "https://proof.example"

Given = dict[tuple[str, str], tuple[dict[str, Any], int]]
"""Parameters by location and name: how each is described, and which of its values is meant."""


class Finding(Exception):  # noqa: N818 - what it is called everywhere here
    """The client does something else than the document says."""

    def __init__(self, keys: list[Any], problem: str) -> None:
        super().__init__(problem)
        self.keys, self.problem = keys, problem


def _brief(value: Any) -> str:
    return brief(value if isinstance(value, str) else repr(value))


@contextlib.contextmanager
def _finding(keys: list[Any], what: str) -> Iterator[None]:
    """Make a finding of whatever generated code raises."""
    try:
        yield
    except Finding:
        raise
    except Exception as error:
        raise Finding(keys, f"{what} ({type(error).__name__}: {_brief(str(error))})") from error


def _import_all(name: str) -> list[ModuleType]:
    warnings.simplefilter("error")
    sys.dont_write_bytecode = True  # nothing beside the generated modules
    try:
        root = importlib.import_module(name)
        found = [module.name for module in pkgutil.walk_packages(root.__path__, name + ".")]
        modules = [importlib.import_module(one) for one in found]
    except Exception as error:
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        stems = [pathlib.Path(file).stem for file in files if name in pathlib.Path(file).parts]
        what = f"{stems[-1] if stems else name} can't be imported"
        raise Finding([], f"{what} ({type(error).__name__}: {_brief(str(error))})") from error
    warnings.simplefilter("ignore")  # What httpx deprecates is not the package's fault.
    return [module for module in modules if hasattr(module, "_get_kwargs")]


# --- one operation


class Operation:
    """One operation's functions, and what the document says of it."""

    def __init__(self, module: ModuleType, package: str, asked: dict[str, Any]) -> None:
        self.module: Any = module
        self.package, self.asked, self.keys = package, asked, asked["keys"]
        self.unread: list[list[Any]] = []
        names = list(inspect.signature(self.module._get_kwargs).parameters)  # noqa: SLF001 - what is judged
        self.hints = typing.get_type_hints(self.module._get_kwargs)  # noqa: SLF001
        in_path = [one for one in asked["parameters"] if one["in"] == "path"]
        others = [one for one in asked["parameters"] if one["in"] != "path"]
        has_body = bool(asked["bodies"])
        if len(names) != len(in_path) + has_body + len(others):
            raise Finding(self.keys, f"the function takes {names}, and the document has other parameters")
        self.body = names.pop(len(in_path)) if has_body else None
        self.names = dict(zip([(one["in"], one["name"]) for one in (*in_path, *others)], names, strict=True))

    def check(self) -> None:
        """Send the requests, then have the answers parsed."""
        given: Given = {
            (one["in"], one["name"]): (one, 0) for one in self.asked["parameters"] if one["values"]
        }
        bodies = [(body, value) for body in self.asked["bodies"] or () for value in body["values"]]
        needed = [one["values"] for one in self.asked["parameters"] if one["required"]]
        if all(needed) and (bodies or not self.asked.get("body_required")):
            self.check_requests(given, bodies)
        for answer in self.asked["answers"]:
            for value in answer["values"]:
                self.answer(answer, value)

    def check_requests(self, given: Given, bodies: list[Any]) -> None:
        """Send every value of each parameter and body, and the least that is required."""
        first = bodies[0] if bodies else None
        required = {key: one for key, one in given.items() if one[0]["required"]}
        for body in bodies or [None]:
            self.send(given, body)
        for key, (one, _) in given.items():
            for number in range(1, len(one["values"])):
                self.send({**given, key: (one, number)}, first)
        self.send(required, first if self.asked.get("body_required") else None)
        for body in self.asked["bodies"] or ():
            if body["kind"] == "json" and body["values"]:
                self.check_defaults(body)

    def arguments(self, given: Given, body: Any) -> dict[str, Any]:
        """Make the arguments of the generated functions."""
        made = {}
        for key, (one, number) in given.items():
            name = self.names[key]
            value = one["sent"][number][0] if one["as_text"] else one["values"][number]
            with _finding(one["keys"], f"the {key[0]} parameter {key[1]!r} does not take {_brief(value)}"):
                made[name] = convert(value, self.hints.get(name, Any))
        if body is not None and self.body is not None:
            described, value = body
            with _finding(described["keys"], f"the body does not take {_brief(value)}"):
                made[self.body] = convert(_prepared(described, value), self.hint_of(described))
        return made

    def hint_of(self, described: dict[str, Any]) -> Any:
        """Give the type of one body: that of its media type, where each has one of its own."""
        hint, bodies = self.hints.get(str(self.body), Any), self.asked["bodies"]
        kinds = [one for one in typing.get_args(hint) if getattr(one, "__name__", "") != "Unset"]
        return kinds[bodies.index(described)] if len(kinds) == len(bodies) > 1 else hint

    def send(self, given: Given, body: Any) -> None:
        """Send one request to a stub, and compare what arrives with the document."""
        seen: list[httpx.Request] = []

        def stub(request: httpx.Request) -> httpx.Response:
            request.read()
            seen.append(request)
            return httpx.Response(200)

        arguments = self.arguments(given, body)
        only = [one["keys"] for one, _ in given.values()] if body is None else []
        named = f" with {', '.join(name for _, name in given)}" if given else ""
        with _finding(only[0] if len(only) == 1 else self.keys, f"its request can't be sent{named}"):
            kwargs = self.module._get_kwargs(**arguments)  # noqa: SLF001 - what is judged
            with httpx.Client(base_url=ORIGIN, transport=httpx.MockTransport(stub)) as client:
                client.request(**kwargs)
        self.check_request(seen[0], given, body)

    def check_request(self, request: httpx.Request, given: Given, body: Any) -> None:
        """Compare a request with the document."""
        if request.method.lower() != self.asked["method"]:
            raise Finding(self.keys, f"it sends {request.method} instead of {self.asked['method'].upper()}")
        url = urllib.parse.urlsplit(str(request.url))
        wanted = [self.segment(one, given) for one in self.asked["path"].split("/")]
        if [urllib.parse.unquote(one) for one in url.path.split("/")] != wanted:
            found = [one["keys"] for (where, _), (one, _) in given.items() if where == "path"]
            keys = found[0] if len(found) == 1 else self.keys
            raise Finding(keys, f"it sends the path {url.path} instead of {'/'.join(wanted)}")
        self.check_query(urllib.parse.parse_qsl(url.query, keep_blank_values=True), given)
        pairs = [part.strip().partition("=") for part in request.headers.get("cookie", "").split(";")]
        cookies = {name: value for name, _, value in pairs if name}
        for one in self.asked["parameters"]:
            where, name = key = (one["in"], one["name"])
            if where not in {"header", "cookie"}:
                continue
            sent = (request.headers if where == "header" else cookies).get(name)
            expected = one["sent"][given[key][1]][0] if key in given else None
            if sent != expected and not (key not in given and _is_default(sent, one)):
                problem = f"it sends the {where} {name!r} as {sent!r} instead of {expected!r}"
                raise Finding(one["keys"], problem)
        if body is not None:
            _check_body(request, *body)
        elif request.content and not self.asked["bodies"]:
            raise Finding(self.keys, f"it sends a body, and the document has none: {_brief(request.content)}")

    @staticmethod
    def segment(template: str, given: Given) -> str:
        """Fill a segment of the path."""
        for (where, name), (one, number) in given.items():
            if where == "path":
                template = template.replace(f"{{{name}}}", one["sent"][number][0])
        return template

    def check_query(self, sent: list[tuple[str, str]], given: Given) -> None:
        """Compare the pairs of the query with the document, whatever their order."""
        left = list(sent)
        for one in self.asked["parameters"]:
            key = (one["in"], one["name"])
            if one["in"] != "query":
                continue
            if key not in given:
                extra = [pair for pair in left if pair[0] == one["name"]]
                if extra and not _is_default([text for _, text in extra], one):
                    raise Finding(one["keys"], f"it sends {extra} where {one['name']!r} is left out")
                left = [pair for pair in left if pair not in extra]
                continue
            for text in one["sent"][given[key][1]]:
                pair = (one["name"], text) if isinstance(text, str) else tuple(text)
                found = next((other for other in left if same(list(other), list(pair))), None)
                if found is None:
                    problem = f"it sends {one['name']!r} as {_brief(urllib.parse.urlencode(sent))}"
                    raise Finding(one["keys"], f"{problem} instead of {urllib.parse.urlencode([pair])}")
                left.remove(found)
        if left:
            problem = f"it sends {_brief(urllib.parse.urlencode(left))}, which no parameter is"
            raise Finding(self.keys, problem)

    def check_defaults(self, body: dict[str, Any]) -> None:
        """See that what is left out of a body's model goes out as the document's default, or not at all."""
        values = [value for value in body["values"] if isinstance(value, dict)]
        smallest = min(values, key=len, default={})
        made: Any = self.arguments({}, (body, smallest)).get(str(self.body)) if values else None
        model = type(made)
        if not hasattr(model, "from_dict"):
            return
        init = inspect.signature(model).parameters
        required = {
            name: getattr(made, name) for name, one in init.items() if one.default is inspect.Parameter.empty
        }
        for name, value in model(**required).to_dict().items():
            default = body["defaults"].get(name)
            if name not in smallest and not same(value, default):
                problem = f"left alone, {name!r} goes out as {value!r} instead of {default!r}"
                raise Finding(body["keys"], problem)

    def answer(self, answer: dict[str, Any], value: Any) -> None:
        """Have one answer parsed, and compare what comes of it."""
        content = (json.dumps(value) if answer["json"] is not None else value).encode()
        response = httpx.Response(
            answer["status"], headers={"content-type": answer["media_type"]}, content=content
        )
        client = importlib.import_module(self.package).Client(base_url=ORIGIN)
        what = f"an answer {answer['status']} of {answer['media_type']}, {_brief(content.decode())},"
        with _finding(answer["keys"], f"{what} raises"):
            got = self.module._build_response(client=client, response=response)  # noqa: SLF001
            parsed = plain(got.parsed)
        if got.content != content or int(got.status_code) != answer["status"]:
            raise Finding(answer["keys"], f"{what} comes back as another one")
        is_any = parsed is None and (not answer["json"] or not hasattr(self.module, "sync"))
        if is_any and answer["json"] is not None and value is not None:
            self.unread.append(answer["keys"])
        elif answer["json"] and not same(parsed, value):
            raise Finding(answer["keys"], f"{what} is read as {_brief(parsed)}")


def _prepared(described: dict[str, Any], value: Any) -> Any:
    """Make bytes of what is binary, and text of what the form has as text."""
    if not isinstance(value, dict):
        return value
    made = dict(value)
    for name in [name for name in described.get("binary", ()) if name in made]:
        is_list = isinstance(made[name], list)
        made[name] = [one.encode() for one in made[name]] if is_list else made[name].encode()
    for name in [name for name in described.get("as_text", ()) if name in made]:
        made[name] = json.dumps(made[name])
    return made


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else "" if value is None else str(value)


def _is_default(sent: Any, parameter: dict[str, Any]) -> bool:
    default = parameter.get("default")
    if isinstance(sent, list):
        return same(sent, [_text(one) for one in (default if isinstance(default, list) else [default])])
    return sent is None or same(sent, _text(default))


def _check_body(request: httpx.Request, described: dict[str, Any], value: Any) -> None:
    keys, kind = described["keys"], described["kind"]
    sent = request.headers.get("content-type", "")
    if not sent.startswith(described["media_type"]):
        raise Finding(keys, f"it sends the content type {sent!r} instead of {described['media_type']!r}")
    text = request.content.decode("utf-8", "replace")
    if kind == "json":
        with _finding(keys, f"it sends a body that is no JSON: {_brief(text)!r}"):
            got = json.loads(text)
        if not same(got, value):
            raise Finding(keys, f"it sends the body {_brief(got)} instead of {_brief(value)}")
    elif kind == "bytes":
        if text != value:
            raise Finding(keys, f"it sends the body {_brief(text)!r} instead of {_brief(value)!r}")
    elif isinstance(value, dict):
        is_form = kind == FORM
        expected = [
            (name, _text(one) if is_form or not isinstance(one, (dict, list)) else None)
            for name, inner in _prepared({**described, "binary": ()}, value).items()
            for one in (inner if isinstance(inner, list) else [inner])
        ]
        parse = urllib.parse.parse_qsl
        fields = parse(text, keep_blank_values=True) if is_form else _parts(sent, request.content)
        missing = [pair for pair in expected if pair[1] is not None and pair not in fields]
        if missing or sorted(name for name, _ in fields) != sorted(name for name, _ in expected):
            raise Finding(keys, f"it sends the fields {_brief(fields)} instead of {_brief(expected)}")


def _parts(content_type: str, content: bytes) -> list[tuple[str, str]]:
    head = f"content-type: {content_type}\r\n\r\n".encode()
    message: Any = email.parser.BytesParser().parsebytes(head + content)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_payload(decode=True).decode("utf-8", "replace"),
        )
        for part in (message.get_payload() if message.is_multipart() else ())
    ]


def _find(modules: list[ModuleType], asked: dict[str, Any]) -> ModuleType:
    wanted, tag = bare(asked["id"]), bare(asked["tag"])
    names = [[bare(part) for part in module.__name__.split(".")[-2:]] for module in modules]
    pairs = list(zip(modules, names, strict=True))
    found = [module for module, name in pairs if name[1] in {wanted, f"field{wanted}"}]
    if len(found) > 1:
        found = [module for module, name in pairs if module in found and name[0] in {tag, f"tag{tag}"}]
    if len(found) != 1:
        problem = f"the client has {len(found)} functions for {asked['id']} instead of one"
        raise Finding(asked["keys"], problem)
    return found[0]


def main() -> None:
    """Answer one question."""
    question = json.load(sys.stdin)
    findings: list[Finding] = []
    unread: list[list[Any]] = []
    modules: list[ModuleType] = []
    try:
        modules = _import_all(question["package"])
    except Finding as finding:
        findings.append(finding)
    for asked in question["operations"] if not findings else ():
        try:
            with _finding(asked["keys"], "it can't be used"):
                operation = Operation(_find(modules, asked), question["package"], asked)
                operation.check()
                unread += operation.unread
        except Finding as finding:
            findings.append(finding)
    told = [{"keys": finding.keys, "problem": finding.problem} for finding in findings]
    sys.stdout.write(json.dumps({"findings": told, "unread": unread}) + "\n")


if __name__ == "__main__":
    main()
