"""Uploads: signed URLs to put a file to, and to use it as an image."""

from typing import Any

import pytest

from contract_tests.mock.api import KEY, Api, image

UPLOAD = "/v1/ai/uploads/request-url"
DATA = image((500, 400), (10, 200, 10))


def asked(api: Api, count: int = 1) -> list[dict[str, Any]]:
    answer = api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}] * count})
    files: list[dict[str, Any]] = answer.json()["files"]
    return files


def put(api: Api, file: dict[str, Any], url: str = "", **headers: str) -> int:
    """Put a file with its headers, or with others."""
    given = {**file["headers"], **headers}
    return api.call("PUT", url or file["upload_url"], content=DATA, headers=given).status_code


def test_a_file_can_be_uploaded_and_used(api: Api) -> None:
    """Address, PUT without the key, then the asset's address as an image: the video is made of that image."""
    (file,) = asked(api)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 404
    assert put(api, file, **{"content-type": "image/jpeg"}) == 403
    assert put(api, file, **KEY) == 403
    assert api.call("POST", file["upload_url"], content=DATA, headers=file["headers"]).status_code == 405
    assert put(api, file) == 200
    assert api.call("GET", file["asset_url"], headers={}).content == DATA
    task_id = api.created(images=[file["asset_url"]])
    assert api.mock.tasks[0].pictures[0].png is not None
    assert api.status(task_id)["status"] == "COMPLETED"
    assert api.mock.upload_requests[-2].body == DATA


def test_upload_addresses_expire(api: Api) -> None:
    """A file can be put for two minutes, and read or used as an image for a day; a reset forgets it."""
    (file,) = asked(api)
    api.clock.advance(119)
    assert put(api, file) == 200
    api.clock.advance(2)
    assert put(api, file) == 403
    api.clock.advance(86_000)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 200
    api.clock.advance(400)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 403
    refused = api.create(images=[file["asset_url"]])
    assert refused.status_code == 400
    assert "images" in refused.json()["message"]
    api.mock.reset()
    assert api.mock.uploads.all() == ()


@pytest.mark.parametrize(("name", "method"), [("upload_url", "PUT"), ("asset_url", "GET")])
def test_a_token_is_of_one_file_and_use(api: Api, name: str, method: str) -> None:
    """A file is put and read with its own tokens alone."""
    first, second = asked(api, 2)
    assert put(api, first) == 200
    path = first[name].split("?")[0]
    other = first["asset_url" if name == "upload_url" else "upload_url"]
    for token in (second[name].split("?")[1], other.split("?")[1], "token=" + "0" * 64, ""):
        assert api.call(method, f"{path}?{token}", headers=first["headers"]).status_code == 403
