"""Where requests go and with which key: arguments, then the environment, then the document."""

import base64
import html
import json
import logging
import math
import sys
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from contract_tests.support.answers import ID, shown
from contract_tests.support.clients import KEY, Driver, Script
from contract_tests.support.contract import key_headers
from kling_elements import ValidationError
from kling_elements.api.auth import ApiKey, Settings
from kling_elements.settings import adjust_settings, resolve_settings

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


def test_keys_that_cannot_be_sent() -> None:
    """A key that no header can carry is refused, and the error does not hold it."""
    for key in ("", " ", "\n", 5, "schlüssel-0123456789", "line\nbreak-0123456789", "nul\0-0123456789"):
        with pytest.raises(ValidationError) as caught:
            resolve(api_key=key)
        assert not str(key).strip() or str(key) not in repr(caught.value)


def test_a_key_is_hidden() -> None:
    """A key has one way to show itself; one that is no ordinary word is struck out of any text."""
    key = ApiKey("12345678")
    assert (repr(key), f"{key}", key.reveal()) == ("ApiKey('***')", "ApiKey('***')", "12345678")
    assert key.redact("a 12345678 b12345678") == "a [API key] b[API key]"
    assert ApiKey("1234567").redact("a 1234567") == "a 1234567"


ODD_KEY = 'Ab/c+d"e\\f=='
RAW_KEY = ODD_KEY.encode()
SPELLINGS = (
    ODD_KEY,
    ODD_KEY.upper(),
    json.dumps(ODD_KEY)[1:-1].replace("/", "\\/").replace("+", "\\u002B"),
    json.dumps(json.dumps(ODD_KEY)[1:-1].replace("/", "\\u002f"))[1:-1],
    "\\u0000".join(json.dumps(char)[1:-1] for char in ODD_KEY),
    json.dumps(f"{ODD_KEY[:5]}\n{ODD_KEY[5:]}")[1:-1],
    f"{ODD_KEY[:5]}\r\n\t{ODD_KEY[5:]}",
    "".join(f"\\{ord(char):03o}" for char in ODD_KEY),
    "".join(f"\\x{ord(char):02x}" for char in ODD_KEY),
    quote(quote(ODD_KEY, safe=""), safe=""),
    quote(json.dumps(ODD_KEY)[1:-1].replace("/", "\\/"), safe=""),
    "".join(f"%{byte:02x}" for byte in RAW_KEY),
    html.escape(html.escape(ODD_KEY)),
    "".join(f"&#{byte};" for byte in RAW_KEY),
    "".join(f"&amp;#x{byte:X};" for byte in RAW_KEY),
    "".join(f"={byte:02X}" for byte in RAW_KEY),  # quoted-printable
    RAW_KEY.hex(":").upper(),
    RAW_KEY.decode("latin-1").encode("utf-16-le").decode(),
    base64.urlsafe_b64encode(RAW_KEY).decode(),
    quote(base64.b64encode(RAW_KEY).decode(), safe=""),
)
SPACED_KEY = "two words-KEY 12345"
SPACED_SPELLINGS = (SPACED_KEY, quote(SPACED_KEY), quote_plus(SPACED_KEY), SPACED_KEY.replace(" ", "\\u0020"))


def test_a_key_is_struck_out_however_it_is_written() -> None:
    """An echo may write the key in many ways; what stands around it stays as it is."""
    spelled = ((ODD_KEY, SPELLINGS), (SPACED_KEY, SPACED_SPELLINGS))
    for key, spelling in ((ApiKey(key), spelling) for key, spellings in spelled for spelling in spellings):
        shown = key.redact(f"the key {spelling}, İ {spelling}: no").replace("\0", "")
        assert shown == "the key [API key], İ [API key]: no", spelling
        assert key.redact(spelling[:-6]) == spelling[:-6]


def test_a_key_is_struck_out_of_credentials() -> None:
    """In base64 a key looks otherwise after each length of a user's name, and may be on two lines."""
    for user in ("u:", "us:", "use:", "", "long" * 13):
        coded = base64.encodebytes(f"{user}sk-0123456789:".encode()).decode().strip()
        before, struck, after = ApiKey("sk-0123456789").redact(coded).partition("[API key]")
        assert struck
        assert len(before) <= len(user) * 8 // 6
        assert len(after) <= len(":==")


def test_a_long_text_takes_no_more_steps() -> None:
    """Where the key is not found, the length costs no step in Python; else only each key found does."""

    def steps(text: str) -> int:
        events: list[str] = []
        sys.setprofile(lambda _frame, event, _: events.append(event))
        try:
            key.redact(text)
        finally:
            sys.setprofile(None)
        return len(events)

    key, almost = ApiKey(KEY), "".join(f"%{ord(char):02x}" for char in KEY[:-1])
    pieces = (almost, "\\", "\\n", "\\u{0", "%41", "%25", "&amp;", "=41", "İ", "a\0")
    key.redact("%=")  # compiles its patterns
    for begin, piece in (*(("", piece) for piece in pieces), ("%", "25"), ("&", "amp;"), ("&#", "0")):
        assert steps(begin + piece * 20_000) <= 2 * steps(begin + piece * 10), piece
    for found in (KEY, f"{KEY[:9]}\n{KEY[9:]} ", f"{almost}{KEY[-1]} "):
        assert steps(found * 1000) <= 100 * steps(found * 10), found


def test_where_requests_go(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The origin comes from the argument, the environment, the document; the header goes by its host."""
    assert resolve(api_key=KEY).base_url == ORIGINS[0]
    monkeypatch.setenv("KLING_ELEMENTS_BASE_URL", ORIGINS[1])
    server = Script.of(shown())
    driver.open(server).get(ID)
    driver.open(server, base_url=ORIGINS[0]).get(ID)
    for request, origin in zip(server.requests, reversed(ORIGINS), strict=True):
        assert str(request.url).startswith(origin)
        assert request.headers[key_headers()[origin]] == KEY
    for url, base_url, origin in (
        (ORIGINS[1].upper().replace("HTTPS", "https"), None, ORIGINS[1]),
        (ORIGINS[1] + ":443", None, ORIGINS[1]),
        (ORIGINS[1] + "/prefix/", ORIGINS[1] + "/prefix", ORIGINS[1]),
        (" https://staging.example/a/X// ", "https://staging.example/a/X", ORIGINS[0]),
        (ORIGINS[1] + ".evil.example", None, ORIGINS[0]),
    ):
        found = resolve(api_key=KEY, base_url=url)
        assert (found.key_header, found.base_url) == (key_headers()[origin], base_url or found.base_url)


ODD_URLS: tuple[Any, ...] = (
    *("", "api.example", "ftp://api.example", "https://", "https:///path", "http://[::1", 5),
    *("https://a.example:0", "https://a.example:x", "https://me:pw@a.example", "https://a.example/?x=1"),
    *("https://a.example?", "https://a.example/#", "https://a .example", "https://a.example\n.evil.example"),
    *("https://a.example:99999", "https://\ud800.example"),
)
ODD_NAMES = ("", "x key", "x:key", "x\r\nkey", "schlüssel", "Host", "user-agent", "Proxy-Authorization")
ODD_HEADERS: tuple[Any, ...] = (
    *({name: "k"} for name in ("X-Freepik-API-Key", "Host", "a b", 5)),
    *({"a": value} for value in ("b\r\nc: d", 5)),
    "x",
)


def test_odd_arguments() -> None:
    """What is no origin is refused, or no header, or could smuggle one in, in place of the key's or ours."""
    for url in ODD_URLS:
        with pytest.raises(ValidationError, match="base_url must be"):
            resolve(api_key=KEY, base_url=url)
    for header in ODD_NAMES:
        with pytest.raises(ValidationError, match="auth_header"):
            resolve(api_key=KEY, auth_header=header)
    for headers in ODD_HEADERS:
        with pytest.raises(ValidationError, match="default_headers"):
            resolve(api_key=KEY, headers=headers)
        with pytest.raises(ValidationError, match=r"^headers"):
            adjust_settings(resolve(api_key=KEY), headers=headers)


def test_time_and_headers() -> None:
    """More time than a socket can be told is a day; other settings keep what they don't change."""
    for timeout in (math.inf, 1e300, 10**400, httpx.Timeout(None)):
        assert resolve(api_key=KEY, timeout=timeout).timeout == 86_400
    with pytest.raises(ValidationError, match=r"timeout\.connect"):
        resolve(api_key=KEY, timeout=httpx.Timeout(0))
    first = resolve(api_key=KEY, timeout=httpx.Timeout(9, connect=2), headers={"X-Tag": "a", "X-Team": "t"})
    second = adjust_settings(first, headers={"x-tag": "b"})
    assert (second.timeout, second.connect_timeout) == (first.timeout, first.connect_timeout) == (9, 2)
    assert second.headers == {"X-Team": "t", "x-tag": "b"}
    assert adjust_settings(first, timeout=4).timeout == 4
    assert "'a'" not in repr(first)  # it may be a secret


def test_unencrypted_origins_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Plain http is warned of, unless it stays on the machine."""
    addresses = ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]")
    for host in (*addresses, "localhost", "LOCALHOST.", "mock.localhost", "ip6-localhost"):
        resolve(api_key=KEY, base_url=f"http://{host}:1")
    assert not caplog.records
    for host in ("128.1", "[::ffff:10.0.0.1]", "mylocalhost", "api.example"):
        with caplog.at_level(logging.WARNING):
            resolve(api_key=KEY, base_url=f"http://{host}")
        assert f"unencrypted to {host}" in caplog.text
