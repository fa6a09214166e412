"""Where requests go and with which key: arguments, then the environment, then the document."""

from __future__ import annotations

import base64
import html
import json
import logging
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from contract_tests.support.answers import ID, shown
from contract_tests.support.clients import KEY, Script
from contract_tests.support.contract import document, key_headers
from kling_elements import KlingElements, ValidationError
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.document import load_document
from kling_elements.settings import resolve_settings

if TYPE_CHECKING:
    from pathlib import Path

    from contract_tests.support.clients import Driver

ORIGINS = list(key_headers())


def resolve(environ: dict[str, str] | None = None, **options: Any) -> Settings:
    given = {"api_key": None, "base_url": None, "auth_header": None, "timeout": 60, **options}
    return resolve_settings(environ=environ or {}, **given)


OURS, FREEPIK, MAGNIFIC = "KLING_ELEMENTS_API_KEY", "FREEPIK_API_KEY", "MAGNIFIC_API_KEY"


def test_where_the_key_comes_from() -> None:
    """The argument goes before the environment, whose variables have an order; keys have any format."""
    for environ, given, found in (
        ({OURS: "a", FREEPIK: "b", MAGNIFIC: "c"}, None, "a"),
        ({FREEPIK: "b", MAGNIFIC: "c"}, None, "b"),
        ({OURS: " ", MAGNIFIC: "c\n"}, None, "c"),
        ({OURS: "a"}, " given\n", "given"),
        ({}, "a b/c+d==", "a b/c+d=="),
    ):
        assert resolve(environ, api_key=given).key.reveal() == found


@pytest.mark.parametrize(
    "key", ["", " ", "\n", 5, "schlüssel-0123456789", "line\nbreak-0123456789", "nul\0-0123456789"]
)
def test_keys_that_cannot_be_sent(key: Any) -> None:
    """A key that no header can carry is refused, and the error does not hold it."""
    with pytest.raises(ValidationError) as caught:
        KlingElements(key)
    assert not str(key).strip() or str(key) not in repr(caught.value)


def test_a_key_is_hidden() -> None:
    """A key has one way to show itself; one that is no ordinary word is struck out of any text."""
    key = ApiKey("12345678")
    assert (repr(key), f"{key}", key.reveal()) == ("ApiKey('***')", "ApiKey('***')", "12345678")
    assert key.redact("a 12345678 b12345678") == "a [API key] b[API key]"
    assert ApiKey("1234567").redact("a 1234567") == "a 1234567"


ODD_KEY = 'Ab/c+d"e\\f=='
RAW_KEY = ODD_KEY.encode()
SPELLINGS = {
    "as it is": ODD_KEY,
    "upper case": ODD_KEY.upper(),
    "JSON": json.dumps(ODD_KEY)[1:-1],
    "JSON with slashes escaped": json.dumps(ODD_KEY)[1:-1].replace("/", "\\/"),
    "JSON with signs escaped": json.dumps(ODD_KEY)[1:-1].replace("+", "\\u002B").replace("=", "\\u003d"),
    "JSON with all escaped": "".join(f"\\u{ord(char):04X}" for char in ODD_KEY),
    "JSON in JSON": json.dumps(json.dumps(ODD_KEY)[1:-1].replace("/", "\\u002f"))[1:-1],
    "JSON with NULs": "\\u0000".join(json.dumps(char)[1:-1] for char in ODD_KEY),
    "broken over lines": json.dumps(f"{ODD_KEY[:5]}\n{ODD_KEY[5:]}")[1:-1],
    "octal": "".join(f"\\{ord(char):03o}" for char in ODD_KEY),
    "hexadecimal escapes": "".join(f"\\x{ord(char):02x}" for char in ODD_KEY),
    "of a URL": quote(ODD_KEY, safe=""),
    "of a URL, twice": quote(quote(ODD_KEY, safe=""), safe=""),
    "of a URL, all": "".join(f"%{byte:02x}" for byte in RAW_KEY),
    "HTML": html.escape(ODD_KEY),
    "HTML, decimal": "".join(f"&#{byte};" for byte in RAW_KEY),
    "HTML, hexadecimal, twice": "".join(f"&amp;#x{byte:X};" for byte in RAW_KEY),
    "quoted-printable": "".join(f"={byte:02X}" for byte in RAW_KEY),
    "hexadecimal": RAW_KEY.hex(),
    "hexadecimal, in capitals": RAW_KEY.hex(":").upper(),
    "UTF-16 as UTF-8": RAW_KEY.decode("latin-1").encode("utf-16-le").decode(),
    "base64": base64.b64encode(RAW_KEY).decode(),
    "base64 of a URL": base64.urlsafe_b64encode(RAW_KEY).decode(),
    "base64, escaped": quote(base64.b64encode(RAW_KEY).decode(), safe=""),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_key_is_struck_out_however_it_is_written(spelling: str) -> None:
    """An echo may write the key in many ways; what stands around it stays as it is."""
    key = ApiKey(ODD_KEY)
    assert key.redact(f"the key {spelling}, İ {spelling}: no").replace("\0", "") == (
        "the key [API key], İ [API key]: no"
    )
    assert key.redact(spelling[:-6]) == spelling[:-6]


def test_a_key_is_struck_out_of_credentials() -> None:
    """In base64 a key looks otherwise after each length of a user's name."""
    for user in ("u:", "us:", "use:", ""):
        shown = ApiKey("sk-0123456789").redact(base64.b64encode(f"{user}sk-0123456789:".encode()).decode())
        before, struck, after = shown.partition("[API key]")
        assert struck
        assert len(before) <= len(user) * 8 // 6
        assert len(after) <= len(":==")


def test_the_environment_sets_the_origin(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The origin comes from the argument, the environment, the document; the header goes by it."""
    variable = {"KLING_ELEMENTS_BASE_URL": ORIGINS[1]}
    assert resolve(variable, api_key=KEY).base_url == ORIGINS[1]
    assert resolve(variable, api_key=KEY, base_url="https://a.example").base_url == "https://a.example"
    assert resolve(api_key=KEY).base_url == ORIGINS[0]
    monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", ORIGINS[1])
    server = Script.of(shown())
    driver.open(server).get(ID)
    driver.open(server, base_url=ORIGINS[0]).get(ID)
    first, second = server.requests
    assert str(first.url).startswith(ORIGINS[1])
    assert first.headers[key_headers()[ORIGINS[1]]] == KEY
    assert str(second.url).startswith(ORIGINS[0])


@pytest.mark.parametrize(
    ("url", "base_url", "origin"),
    [
        (ORIGINS[1].upper().replace("HTTPS", "https"), None, ORIGINS[1]),
        (ORIGINS[1] + ":443", None, ORIGINS[1]),
        (ORIGINS[1] + "/prefix/", ORIGINS[1] + "/prefix", ORIGINS[1]),
        (" https://staging.example/a/X// ", "https://staging.example/a/X", ORIGINS[0]),
        (ORIGINS[1] + ".evil.example", None, ORIGINS[0]),
    ],
)
def test_the_header_goes_by_the_host(url: str, base_url: str | None, origin: str) -> None:
    """The header goes by the host, however it is written; an unknown host gets the default one."""
    found = resolve(api_key=KEY, base_url=url)
    assert (found.key_header, found.base_url) == (key_headers()[origin], base_url or found.base_url)


ODD_URLS: tuple[Any, ...] = (
    *(
        "api.example",
        "ftp://api.example",
        "https://",
        "https:///path",
        "http://[::1",
        "https://a.example:99999",
    ),
    *("https://a.example:0", "https://a.example:x", "https://me:pw@a.example", "https://a.example/?x=1"),
    *("https://a.example?", "https://a.example/#", "https://a .example", "https://a.example\n.evil.example"),
    *("https://\ud800.example", 5),
)


@pytest.mark.parametrize("url", ODD_URLS)
def test_odd_origins(url: Any) -> None:
    """What is no origin is refused, without a traceback of another kind."""
    with pytest.raises(ValidationError, match="base_url must be"):
        resolve(api_key=KEY, base_url=url)


def test_odd_headers_and_timeouts() -> None:
    """A name that could smuggle in a header is refused; more time than a socket can be told is a day."""
    for header in ("x key", "x:key", "x\r\nkey", "schlüssel"):
        with pytest.raises(ValidationError, match="auth_header"):
            resolve(api_key=KEY, auth_header=header)
    for timeout in (math.inf, 1e300, 10**400):
        assert resolve(api_key=KEY, timeout=timeout).timeout == 86_400


def test_unencrypted_origins_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Plain http is warned of, unless it stays on the machine."""
    for url in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://mock.localhost"):
        resolve(api_key=KEY, base_url=url)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        resolve(api_key=KEY, base_url="http://api.example")
    assert "unencrypted to api.example" in caplog.text


def test_the_copy_beside_the_code_is_read_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installed package reads its own copy, whatever lies where a checkout has the document."""
    assert load_document().content == document()
    assert load_document() is load_document()
    code = tmp_path / "site" / "kling_elements" / "document.py"
    in_checkout = tmp_path / "spec" / "openapi.json"
    for folder in (code.parent, in_checkout.parent):
        folder.mkdir(parents=True)
    monkeypatch.setattr("kling_elements.document.__file__", str(code))
    for file in (in_checkout, code.with_name("openapi.json")):
        file.write_text(f'{{"paths": {{"/{file.parent.name}": {{}}}}}}')
        assert load_document.__wrapped__().content == {"paths": {f"/{file.parent.name}": {}}}


def test_what_the_document_lacks() -> None:
    """A lookup that finds nothing names what is missing."""
    for ask in (load_document().operation, load_document().endpoint):
        with pytest.raises(LookupError, match="'three'"):
            ask("three")
    with pytest.raises(LookupError, match="'x'"):
        load_document().parameter("getKlingElementsTask", "x")
