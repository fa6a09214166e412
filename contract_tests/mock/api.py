"""Calls a mock in process. That its answers fit the document is held by `contract_tests.schema.server`."""

import base64
from typing import Any

import anyio
import httpx
from PIL import Image

from contract_tests.support import pictures
from kling_elements_mock import INSTANT, ManualClock, Mock, MockSettings, create_app

CREATE = "/v1/ai/image-to-video/kling-elements-std"
STATUS = "/v1/ai/image-to-video/kling-elements/"
KEY = {"x-freepik-api-key": "a-key"}


class Api:
    """A mock and a way to call it without a socket; by default tasks are done when first asked for."""

    def __init__(self, settings: MockSettings | None = None, **options: Any) -> None:
        self.clock = options.setdefault("clock", ManualClock())
        self.app = create_app(settings or MockSettings(pace=INSTANT), **options)
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
        given = {"images": ["https://example.com/a.png"], **body}
        return self.call("POST", CREATE, json=given, headers=headers)

    def created(self, scenario: str | None = None, **body: Any) -> str:
        answer = self.create(scenario, **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["task_id"])

    def status(self, task_id: str) -> dict[str, Any]:
        answer = self.call("GET", STATUS + task_id)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data


def image(size: tuple[int, int] = (640, 480), color: Any = "red", kind: str = "PNG") -> bytes:
    return pictures.encoded(Image.new("RGB", size, color), kind)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
