"""Says what a project's readers of the document make of one operation. A test runs it in that project."""

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
from kling_elements_mock import MockSettings, serve


def main() -> None:
    """Print it as JSON."""
    module, method, path, *bodies = sys.argv[1:]
    built = importlib.import_module(f"kling_elements_api.api.{module}")
    loan = importlib.import_module("kling_elements_api.models").Loan
    request = built._get_kwargs(7, body=loan.from_dict(json.loads(bodies[0])))
    # The example of the guide, with the mock as the service.
    (code,) = re.findall(r"```python\n(.*?)```", Path("docs/generated.md").read_text("utf-8"), re.DOTALL)
    with serve(MockSettings()) as mock, contextlib.redirect_stdout(io.StringIO()) as printed:
        os.environ.update(KLING_ELEMENTS_API_KEY="any-key-will-do", KLING_ELEMENTS_BASE_URL=mock.url)
        exec(code, {})  # noqa: S102 - our own example
        headers = {"x-freepik-api-key": "any", "content-type": "application/json"}
        good, bad = (
            httpx.request(method, mock.url + path, content=body, headers=headers, trust_env=False)
            for body in bodies
        )
    said = {
        "page": printed.getvalue(),
        "client": [request["method"], request["url"], request["json"]],
        "mock": [good.status_code, good.headers.get("x-mock-life-cycle"), good.json()],
        "mock refuses": bad.status_code,
        "suite": [[one.method, one.path] for one in operations()],
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
