"""Says what a project's readers of the document make of one operation. A test runs it in that project."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys

import httpx

from contract_tests.schema.server.operations import operations
from kling_elements_mock import create_app


async def ask(method: str, path: str, body: str) -> httpx.Response:
    """Ask the mock, in this process."""
    transport = httpx.ASGITransport(app=create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as client:
        headers = {"x-freepik-api-key": "any", "content-type": "application/json"}
        return await client.request(method, path, content=body, headers=headers)


def main() -> None:
    """Print it as JSON."""
    module, method, path, body, bad_body = sys.argv[1:]
    built = importlib.import_module(f"kling_elements_api.api.{module}")
    loan = importlib.import_module("kling_elements_api.models").Loan
    request = built._get_kwargs(7, body=loan.from_dict(json.loads(body)))
    good, bad = (asyncio.run(ask(method, path, text)) for text in (body, bad_body))
    said = {
        "client": [request["method"], request["url"], request["json"]],
        "mock": [good.status_code, good.headers.get("x-mock-life-cycle"), good.json()],
        "mock refuses": bad.status_code,
        "suite": [[one.method, one.path] for one in operations()],
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
