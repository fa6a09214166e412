"""Asserts what a project's readers of the document make of the page of bicycles. Run there by a test."""

import contextlib
import importlib
import io
import os
import re
from pathlib import Path
from typing import Any

import httpx

from contract_tests.schema.server.operations import operations
from kling_elements_mock import MockSettings, serve

BODY: dict[str, Any] = {"minutes": 30, "rider": {"name": "Ada", "friends": [None, {"name": "Bo"}]}}


def main() -> None:
    """Look at the generated client, the suite, the guide's example and the mock."""
    borrow = importlib.import_module("kling_elements_api.api.bicycles.borrow_bicycle")
    loan = importlib.import_module("kling_elements_api.models").Loan
    request = borrow._get_kwargs(7, body=loan.from_dict(BODY))
    assert (request["method"], request["url"], request["json"]) == ("put", "/v1/bicycles/7/loan", BODY)
    listed = {(one.method, one.path) for one in operations()}
    mine = {("PUT", "/v1/bicycles/{bicycle-id}/loan"), ("POST", "/v1/ai/image-to-video/kling-elements-std")}
    assert mine <= listed
    (code,) = re.findall(r"```python\n(.*?)```", Path("docs/generated.md").read_text("utf-8"), re.DOTALL)
    with serve(MockSettings()) as mock, contextlib.redirect_stdout(io.StringIO()) as printed:
        os.environ.update(KLING_ELEMENTS_API_KEY="any-key-will-do", KLING_ELEMENTS_BASE_URL=mock.url)
        exec(code, {})  # noqa: S102 - our own example
        with httpx.Client(headers={"x-freepik-api-key": "any"}, trust_env=False) as client:
            good, bad = (client.put(mock.url + request["url"], json=body) for body in (BODY, {"minutes": 0}))
    assert "201 Loan(" in printed.getvalue()
    assert (good.status_code, good.headers["x-mock-life-cycle"]) == (201, "none")
    assert good.json() == {"minutes": 30, "rider": {"name": "Ada"}}
    assert bad.status_code in range(400, 500)


if __name__ == "__main__":
    main()
