"""Says what a project's readers of the document make of one operation. A test runs it in that project."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import os
import re
import sys
from pathlib import Path

import httpx

from contract_tests.schema.server.operations import operations
from kling_elements_mock import MockSettings, create_app, serve


async def ask(method: str, path: str, body: str) -> httpx.Response:
    """Ask the mock, in this process."""
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
        headers = {"x-freepik-api-key": "any", "content-type": "application/json"}
        return await client.request(method, path, content=body, headers=headers)


def documented() -> str:
    """Run the example of docs/generated.md, with the mock as the service; return what it prints."""
    (code,) = re.findall(r"```python\n(.*?)```", Path("docs/generated.md").read_text("utf-8"), re.DOTALL)
    with serve(MockSettings()) as mock, contextlib.redirect_stdout(io.StringIO()) as printed:
        os.environ.update(KLING_ELEMENTS_API_KEY="any-key-will-do", KLING_ELEMENTS_BASE_URL=mock.url)
        exec(code, {})  # noqa: S102 - our own example
    return f"{code.count(chr(10))} lines: {printed.getvalue()}"


def main() -> None:
    """Print it as JSON."""
    module, method, path, body, bad_body = sys.argv[1:]
    built = importlib.import_module(f"kling_elements_api.api.{module}")
    loan = importlib.import_module("kling_elements_api.models").Loan
    request = built._get_kwargs(7, body=loan.from_dict(json.loads(body)))
    good, bad = (asyncio.run(ask(method, path, text)) for text in (body, bad_body))
    said = {
        "page": documented(),
        "client": [request["method"], request["url"], request["json"]],
        "mock": [good.status_code, good.headers.get("x-mock-life-cycle"), good.json()],
        "mock refuses": bad.status_code,
        "suite": [[one.method, one.path] for one in operations()],
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
