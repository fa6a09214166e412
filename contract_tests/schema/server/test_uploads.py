"""Uploads: addresses for files, which take the bytes and give them back."""

# ruff: noqa: E501 - tables

import re
from typing import Any, Final

import pytest

from contract_tests.schema.server.exchange import Exchange
from contract_tests.schema.server.films import picture
from contract_tests.schema.server.operations import Operation, operations, properties
from contract_tests.schema.server.target import Target
from contract_tests.support.contract import resolve

_A_DAY: Final = 86_400
_PLAIN: Final = ("application/octet-stream", "binary/octet-stream", "")


def listed(operation: Operation) -> str:
    """Return the property of the answer that lists addresses; empty if it is no upload."""
    media = operation.success.get("content", {}).get("application/json", {})
    for name, node in properties(media.get("schema", {})).items():
        if {"upload_url", "asset_url"} <= properties(node.get("items", {})).keys():
            return name
    return ""


pytestmark = pytest.mark.parametrize("operation", [op for op in operations() if listed(op)], ids=str)


def kinds(operation: Operation) -> list[str]:
    node = properties(operation.body_schema)[listed(operation)]
    return list(properties(resolve(node["items"]))["content_type"]["enum"])


def ask(target: Target, operation: Operation, wanted: list[Any]) -> Exchange:
    return target.request(operation, body={listed(operation): [{"content_type": kind} for kind in wanted]})


def files_of(target: Target, operation: Operation, wanted: list[Any]) -> list[Any]:
    exchange = ask(target, operation, wanted)
    target.demand(exchange.answer.is_success, "documented files are refused", exchange)
    files: list[Any] = exchange.answer.json()[listed(operation)]
    target.demand(len(files) == len(wanted), f"{len(wanted)} files were asked for", exchange)
    return [(exchange, kind, file) for kind, file in zip(wanted, files, strict=True)]


def test_each_file_gets_its_own_address(target: Target, operation: Operation) -> None:
    """There is one address for each file, in the same order, distinct, with the headers of its content type."""
    known, seen = kinds(operation), set()
    keys = {place.name for way in target.ways() for place in way if place.part == "header"}
    node = properties(operation.body_schema)[listed(operation)]
    most = [known[place % len(known)] for place in range(node.get("maxItems", 14))]
    for wanted in ([known[0]], known, known[::-1], [known[-1], known[-1]], most):
        for exchange, kind, file in files_of(target, operation, wanted):
            signed = {name.lower(): value for name, value in file["headers"].items()}
            is_right = signed.get("content-type") == kind and not keys & signed.keys()
            target.expect(is_right, f"{kind} was asked for, and {signed} signed", exchange)
            for name in ("file_id", "upload_url", "asset_url"):
                target.expect(file[name] not in seen, f"{name} {file[name]} comes twice", exchange)
                seen.add(file[name])


def test_addresses_expire_in_a_sane_time(target: Target, operation: Operation) -> None:
    """Each address is good for some seconds, counted from now: long enough to put a file, and the asset longer."""
    ((exchange, _, file),) = files_of(target, operation, kinds(operation)[:1])
    puts, gets = file["expires_in"], file["asset_url_expires_in"]
    target.expect(10 <= puts <= _A_DAY, f"expires_in is {puts}", exchange)
    target.expect(60 <= gets <= 31 * _A_DAY, f"asset_url_expires_in is {gets}", exchange)
    target.expect(puts <= gets, f"the asset is good for {gets} s, and the upload for {puts}", exchange)


def test_what_was_put_is_fetched(target: Target, operation: Operation) -> None:
    """The bytes are put with the signed headers and no key, and are then at the asset's address, unchanged."""
    put: list[tuple[str, str, bytes]] = []
    for number, (_, kind, file) in enumerate(files_of(target, operation, kinds(operation))):
        for name in ("upload_url", "asset_url"):
            assert re.match("https?://[^/]", str(file[name])), f"{name} {file[name]} is no address"
        early = target.fetch("GET", file["asset_url"])
        target.expect(not early.answer.is_success, "there is an asset before its bytes were put", early)
        data = picture(kind) + bytes([number])
        done = target.fetch("PUT", file["upload_url"], dict(file["headers"]), data)
        target.wants(done, range(200, 300), "a PUT with the signed headers is refused")
        put.append((kind, file["asset_url"], data))
    for kind, url, data in put:
        got = target.fetch("GET", url)
        is_same, size = got.answer.status == 200 and got.answer.body == data, len(got.answer.body)
        target.expect(is_same, f"{got.answer.status}, with {size} bytes, for {len(data)}", got)
        found = got.answer.media_type
        target.expect(found in {kind, *_PLAIN}, f"the asset is {found}, and was put as {kind}", got)


def test_only_documented_types_are_taken(target: Target, operation: Operation) -> None:
    """A content type that the document does not list is a 400, alone and beside good ones."""
    good = kinds(operation)[0]
    for near_miss in (
        "image/gif", "image/svg+xml", "image/jpg", "image/*", "*/*", "IMAGE/PNG", "Image/Png", "image/png ", " image/png",
        "image/png; charset=utf-8", "image/png;q=1", "image/pngx", "ximage/png", "image", "png", "image/tiff", "image/bmp",
        "image/avif", "image/heic", "video/mp4", "application/octet-stream", "text/html", "application/pdf", "", None, 1,
        ["image/png"], {"a": "image/png"}, True, "image/png\n", "image/x-png", "image/pjpeg", "image/png,image/jpeg",
    ):  # fmt: skip
        if near_miss not in kinds(operation):
            for wanted in ([near_miss], [good, near_miss], [near_miss, good]):
                target.wants(ask(target, operation, wanted), {400, 403}, f"{near_miss!r} is taken")
