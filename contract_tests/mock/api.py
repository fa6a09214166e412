"""Calls a mock in process, and judges its answers by the document, with another validator than the mock's."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import jsonschema_rs
from PIL import Image

from contract_tests.support.contract import document, in_json_schema, resolve
from kling_elements_mock import INSTANT, ManualClock, Mock, MockSettings, create_app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.applications import Starlette

CREATE = "/v1/ai/image-to-video/kling-elements-std"
STATUS = "/v1/ai/image-to-video/kling-elements/"
KEY = {"x-freepik-api-key": "a-key"}
DOCUMENT = document()


class Api:
    """A mock and a way to call it without a socket.

    Args:
        settings: As for the mock; by default tasks are done when first asked for.
        **options: As for `create_app`.
    """

    def __init__(self, settings: MockSettings | None = None, **options: Any) -> None:
        self.clock = options.setdefault("clock", ManualClock())
        self.app: Starlette = create_app(settings or MockSettings(pace=INSTANT), **options)
        self.mock: Mock = self.app.state.mock

    def call(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send one request; a key goes with it unless `headers` are given."""
        options.setdefault("headers", KEY)

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://mock.test:8080") as client:
                return await client.request(method, url, **options)

        return anyio.run(send)

    def create(self, scenario: str | None = None, **body: Any) -> httpx.Response:
        headers = KEY if scenario is None else {**KEY, "x-mock-scenario": scenario}
        return self.call(
            "POST", CREATE, json={"images": ["https://example.com/a.png"], **body}, headers=headers
        )

    def created(self, scenario: str | None = None, **body: Any) -> str:
        answer = self.create(scenario, **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["task_id"])

    def status(self, task_id: str) -> dict[str, Any]:
        answer = self.call("GET", STATUS + task_id)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


def image(
    size: tuple[int, int] = (640, 480),
    color: Any = "red",
    kind: str = "PNG",
    mode: str = "RGB",
    **options: Any,
) -> bytes:
    """Make an image file."""
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, kind, **options)
    return out.getvalue()


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def problems(answer: httpx.Response, method: str, path: str) -> list[str]:
    """Give what is wrong with an answer by the document: status, media type, body, headers."""
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    response = resolve(responses.get(str(answer.status_code)) or responses["default"])
    found = []
    media_type = answer.headers.get("content-type", "").split(";")[0]
    content = response.get("content", {})
    if media_type not in content:
        return [f"{media_type!r} is not documented for {answer.status_code}"]
    if media_type.endswith("json"):
        found += errors(content[media_type]["schema"], answer.json())
    for name, header in response.get("headers", {}).items():
        value: Any = answer.headers.get(name)
        schema = resolve(header)["schema"]
        if value is not None:
            found += errors(schema, int(value) if schema["type"] == "integer" else value)
    if "x-request-id" not in answer.headers:
        found.append("no x-request-id")
    return found


def errors(schema: Mapping[str, Any], value: Any) -> list[str]:
    whole = {"components": DOCUMENT["components"], "allOf": [schema]}
    validator = jsonschema_rs.Draft4Validator(in_json_schema(whole), validate_formats=True)
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)]
