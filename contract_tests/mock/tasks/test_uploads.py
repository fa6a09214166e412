"""Uploads: signed URLs to put a file to, and to use it as an image."""

import copy
from pathlib import Path
from typing import Any

from contract_tests.mock.api import DOCUMENT, KEY, image, served

UPLOAD = "/v1/ai/uploads/request-url"


def with_uploads() -> dict[str, Any]:
    """Give the shipped document with an upload operation in it, as the vendor's clients use it."""
    text = {"type": "string"}
    entry = {"type": "object", "required": ["content_type"], "properties": {"content_type": text}}
    names = ("file_id", "upload_url", "asset_url")
    file: dict[str, Any] = {
        "type": "object",
        "required": list(names),
        "properties": dict.fromkeys(names, text),
    }
    file["properties"] |= {"headers": {"type": "object"}, "expires_in": {"type": "integer"}}

    def listing(schema: dict[str, Any], **limits: int) -> dict[str, Any]:
        files = {"type": "array", "items": schema, **limits}
        whole = {"type": "object", "required": ["files"], "properties": {"files": files}}
        return {"content": {"application/json": {"schema": whole}}}

    document = copy.deepcopy(DOCUMENT)
    responses = {"200": {"description": "ok", **listing(file)}}
    document["paths"][UPLOAD] = {"post": {"requestBody": listing(entry, maxItems=14), "responses": responses}}
    return document


def test_a_file_can_be_uploaded_and_used(tmp_path: Path) -> None:
    """Address, PUT without the key, then the asset's address as an image: the video is made of that image."""
    api = served(tmp_path, with_uploads())
    answer = api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}]})
    (file,) = answer.json()["files"]
    assert set(file) == {"file_id", "upload_url", "asset_url", "headers", "expires_in"}
    assert api.call("GET", file["asset_url"], headers={}).status_code == 404
    data = image((500, 400), (10, 200, 10))
    assert (
        api.call("PUT", file["upload_url"], content=data, headers={"content-type": "image/jpeg"}).status_code
        == 403
    )
    assert api.call("PUT", file["upload_url"], content=data, headers=file["headers"]).status_code == 200
    assert api.call("GET", file["asset_url"], headers={}).content == data
    assert api.call("PUT", file["upload_url"] + "0", content=data, headers=file["headers"]).status_code == 403
    assert api.call("POST", file["upload_url"], content=data, headers=file["headers"]).status_code == 405
    other = file["upload_url"].split("?")[0] + "?" + file["asset_url"].split("?")[1]
    assert api.call("PUT", other, content=data, headers=file["headers"]).status_code == 403
    assert (
        api.call("PUT", file["upload_url"], content=data, headers={**file["headers"], **KEY}).status_code
        == 403
    )
    task_id = api.created(images=[file["asset_url"]])
    assert api.mock.tasks[0].pictures[0].png is not None
    assert api.status(task_id)["status"] == "COMPLETED"
    assert api.mock.upload_requests[2].body == data
    assert api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}] * 15}).status_code == 400


def test_upload_addresses_expire(tmp_path: Path) -> None:
    """A file can be put for two minutes, and read for a day."""
    api = served(tmp_path, with_uploads())
    (file,) = api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}]}).json()["files"]
    api.clock.advance(119)
    assert api.call("PUT", file["upload_url"], content=b"x", headers=file["headers"]).status_code == 200
    api.clock.advance(2)
    assert api.call("PUT", file["upload_url"], content=b"x", headers=file["headers"]).status_code == 403
    api.clock.advance(86_000)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 200
    api.clock.advance(400)
    assert api.call("GET", file["asset_url"], headers={}).status_code == 403


def test_a_token_is_of_one_file(tmp_path: Path) -> None:
    """A file is put and read with its own tokens alone; after a day its asset is no image any more."""
    api = served(tmp_path, with_uploads())
    answer = api.call("POST", UPLOAD, json={"files": [{"content_type": "image/png"}] * 2})
    first, second = answer.json()["files"]
    for name, method in (("upload_url", "PUT"), ("asset_url", "GET")):
        assert api.call("PUT", first["upload_url"], content=image(), headers=first["headers"]).is_success
        path, token = first[name].split("?")[0], second[name].split("?")[1]
        for wrong in (token, "token=" + "0" * 64):
            assert api.call(method, f"{path}?{wrong}", headers=first["headers"]).status_code == 403
    api.created(images=[first["asset_url"]])
    assert api.mock.tasks[0].pictures[0].png
    api.clock.advance(86_401)
    refused = api.create(images=[first["asset_url"]])
    assert refused.status_code == 400
    assert "images" in refused.json()["message"]
    api.mock.reset()
    assert api.mock.uploads.all() == ()
