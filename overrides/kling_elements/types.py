"""Plain values that every floor uses: a task's data, and what is asked of the service and comes of it.

Nothing here does I/O, and nothing here imports another module of this package. Annotations are evaluated, so
that type hints can be read at run time.
"""

import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from kling_elements.printable import printable

CREATED = "CREATED"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
TERMINAL_STATUSES = frozenset({COMPLETED, FAILED})
UNKNOWN_STATUS = "UNKNOWN"
"""Stands for a status that a response did not state."""
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_RESPONSE_BYTES = 1024 * 1024
"""Of the service; a task has some hundred bytes."""
SUCCESSES = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
"""The statuses of responses that are no errors."""

_MAX_ERROR_BODY_CHARS = 64 * 1024
_EXPIRY = r"(?:^|[?&=~])exp(?:ires)?=(\d{9,12})(?!\d)"  # compiled when it is needed
_LATEST_EPOCH = 253_402_300_799  # the last second that datetime can represent
_REASON_NAMES = (
    "message",
    "error",
    "reason",
    "detail",
    "details",
    "description",
    "title",
    "error_message",
    "msg",
    "text",
)
_FAILURE_NAMES = ("error", "errors", "error_message", "failure_reason", "fail_reason", "reason", "message")
_FAILURE_WORDS = "(?i)err|fail|reason|messag|msg|detail|cause|nsfw|moderat|reject|block"
_MAX_REASON_CHARS = 500
_DEEPEST = 6  # levels of JSON that are searched


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


_JSON = json.JSONDecoder(parse_constant=lambda _: None, parse_float=_finite)
_REPR = reprlib.Repr()  # bounded in depth, too
_REPR.maxstring = _MAX_REASON_CHARS


def url_expiry(url: str) -> datetime | None:
    """Return when a result URL expires, from its query (`token=exp=<epoch>~hmac=<hex>`), if it says so.

    Recorded on sibling endpoints: 3600 s after the task completed.
    """
    _, _, query = url.partition("?")
    found = re.search(_EXPIRY, query)
    if not found or (epoch := int(found[1])) > _LATEST_EPOCH:
        return None
    return datetime.fromtimestamp(epoch, UTC)


def redact_url(url: str) -> str:
    """Return a URL without user, query and fragment, fit for a log: a signed URL is as good as the video."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "[not a URL]"
    netloc = parts.netloc.rpartition("@")[2]
    shown = urlunsplit((parts.scheme, netloc, parts.path, "…" if parts.query else "", ""))
    return shown.encode("utf-8", "backslashreplace").decode()


def _reason(value: object, depth: int = 0) -> str:
    """Return the text of an error in a JSON value; empty if there is none."""
    if isinstance(value, str):
        return " ".join(value.split())
    if not value or isinstance(value, bool) or depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_reason(item, depth + 1) for item in value)))
    if isinstance(value, dict):
        texts = (_reason(value.get(name), depth + 1) for name in _REASON_NAMES)
        return next(filter(None, texts), "") or _REPR.repr(value)
    return str(value)


def _named_reason(name: str, value: object) -> str:
    """Return what a field says of a failure; a number or a flag says little without its name."""
    text = _reason(value)
    if text:
        return text if isinstance(value, (str, dict)) else f"{name}: {text}"
    is_set = value is True or (isinstance(value, list) and True in value)
    return name if is_set else ""


@dataclass(frozen=True, repr=False, slots=True, weakref_slot=True)
class TaskData:
    """A task, as one response shows it.

    Attributes:
        id: The task's id, exactly as sent.
        status: The service's word: CREATED, IN_PROGRESS, COMPLETED, FAILED, or an undocumented one.
        urls: URLs of the result, empty unless COMPLETED. Whoever has one can fetch the video.
        raw: The task's JSON object as sent, unknown fields included.
        request_id: The service's id of the request that this came from.
    """

    id: str
    status: str
    urls: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)
    request_id: str | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        urls = tuple(map(redact_url, self.urls))
        shown = f"id={self.id!r}, status={self.status!r}, urls={urls!r}, request_id={self.request_id!r}"
        return f"{type(self).__name__}({shown})"

    @property
    def is_terminal(self) -> bool:
        """Whether the status is final. An unknown status is not."""
        return self.status in TERMINAL_STATUSES

    @property
    def expires_at(self) -> datetime | None:
        """When the first of the URLs expires (UTC); None if there is none or it doesn't say."""
        return min(filter(None, map(url_expiry, self.urls)), default=None)

    @property
    def failure_reason(self) -> str | None:
        """Why the service says that the task failed, in one line; None unless it is FAILED and says so."""
        if self.status != FAILED:
            return None
        named = (_reason(self.raw.get(name)) for name in _FAILURE_NAMES)
        others = (_named_reason(*item) for item in self.raw.items() if re.search(_FAILURE_WORDS, item[0]))
        reason = next(filter(None, chain(named, others)), "")[:_MAX_REASON_CHARS]
        return printable(reason) or None

    def to_dict(self) -> dict[str, Any]:
        """Return the task as plain data that `json.dumps` takes. Its URLs are in it, in full."""
        return {
            "id": self.id,
            "status": self.status,
            "urls": list(self.urls),
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "request_id": self.request_id,
            "raw": json.loads(json.dumps(dict(self.raw), default=str)),
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the task as JSON text; see `to_dict`."""
        return json.dumps(self.to_dict(), indent=indent)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the task that `to_dict` made this data of; it belongs to no client.

        Raises:
            ValueError: It is no such data: it has no id, say.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a task's data is a mapping: got {type(data).__name__}")  # noqa: TRY004 - so pydantic reports it
        urls, raw, request_id = data.get("urls", ()), data.get("raw", {}), data.get("request_id")
        kinds = {
            "an id": isinstance(data.get("id"), str),
            "a status": isinstance(data.get("status"), str),
            "a list of urls": isinstance(urls, (list, tuple)) and all(isinstance(url, str) for url in urls),
            "an object raw": isinstance(raw, Mapping),
            "a text request_id, or none": isinstance(request_id, (str, type(None))),
        }
        if missing := [name for name, is_right in kinds.items() if not is_right]:
            raise ValueError(f"a task's data needs {' and '.join(missing)}, as `to_dict` gives it")
        return cls(data["id"], data["status"], tuple(urls), dict(raw), request_id)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        # Called by pydantic only, so that it is there: models and FastAPI take and give a task as `to_dict`.
        from pydantic_core import core_schema as pydantic  # noqa: PLC0415

        text = pydantic.str_schema()
        optional = pydantic.nullable_schema(text)
        fields = {
            "id": pydantic.typed_dict_field(text),
            "status": pydantic.typed_dict_field(text),
            "urls": pydantic.typed_dict_field(pydantic.list_schema(text), required=False),
            "expires_at": pydantic.typed_dict_field(optional, required=False),
            "request_id": pydantic.typed_dict_field(optional, required=False),
            "raw": pydantic.typed_dict_field(pydantic.dict_schema(text), required=False),
        }
        plain = pydantic.typed_dict_schema(fields)
        from_plain = pydantic.no_info_after_validator_function(cls.from_dict, plain)
        return pydantic.json_or_python_schema(
            json_schema=from_plain,
            python_schema=pydantic.union_schema([pydantic.is_instance_schema(cls), from_plain]),
            serialization=pydantic.plain_serializer_function_ser_schema(cls.to_dict, return_schema=plain),
        )


class Request(NamedTuple):
    """A request to the service; the transport adds the origin and the key.

    Attributes:
        method: The HTTP method.
        path: The path below the origin.
        headers: Headers without the key.
        content: The body.
        task_id: The one task that it asks for; a response about another task is rejected.
    """

    method: str
    path: str
    headers: Mapping[str, str] = MappingProxyType({})
    content: bytes | None = None
    task_id: str | None = None

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


class Response(NamedTuple):
    """An HTTP response, read whole.

    Attributes:
        status: The status code.
        headers: The headers, names in lower case.
        body: The body, decompressed; cut off at the client's limit.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.status in SUCCESSES

    @property
    def request_id(self) -> str | None:
        """The service's id of the request; on every recorded response of sibling endpoints."""
        return self.headers.get("x-request-id") or None

    @property
    def content_type(self) -> str:
        """The media type as sent."""
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        """The body as text for errors: at most 64 Ki characters, undecodable bytes replaced."""
        limit = _MAX_ERROR_BODY_CHARS
        return self.body[: limit * 4].decode("utf-8", "replace")[:limit].strip()

    def json(self) -> Any:
        """Parse the body as JSON, ignoring its media type; NaN and infinities become null.

        Raises:
            ValueError: It is not JSON.
        """
        try:
            return _JSON.decode(self.body.decode(json.detect_encoding(self.body), "surrogatepass"))
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None


class NoResponse(NamedTuple):
    """A request that got no response.

    Attributes:
        text: What happened, in the transport's words.
        was_sent: Whether the service may have got the whole request, and so may have acted on it.
        is_permanent: Whether another attempt would end in the same way.
    """

    text: str
    was_sent: bool
    is_permanent: bool = False


Outcome: TypeAlias = Response | NoResponse


class SendState:
    """What an interruption of a request leaves in doubt.

    Attributes:
        may_have_arrived: Whether a byte of the request may have been sent, and no response says that nothing
            was done.
    """

    def __init__(self) -> None:
        self.may_have_arrived = False


class BinaryWriter(Protocol):
    """A file opened for writing bytes, or what can be written like one."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""
        ...


Sink: TypeAlias = Callable[[bytes], bool]
"""Takes a chunk of a body; returns whether it wants more."""
