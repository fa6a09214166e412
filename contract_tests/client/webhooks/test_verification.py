"""Whether a delivery is the service's."""

import base64
import hashlib
import hmac
import pickle
import traceback
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract_tests.support.contract import document
from contract_tests.support.deliveries import BODY, MESSAGE_ID, NOW, SECRET, SIGNATURE, TASK_ID, headers, sign
from contract_tests.support.examples import examples
from kling_elements import Task, ValidationError, WebhookVerificationError
from kling_elements.webhooks import WebhookReceiver, sign_webhook, signing_keys, verify_webhook
from kling_elements.webhooks.receiver import METHOD
from kling_elements.webhooks.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from kling_elements.webhooks.verification import TOLERANCE

PHP_SECRET = "cmF3IGtleSBieXRlcyD/ACBvZiB0aGUgcGhwIHNhbXBsZQ=="
PHP_SIGNATURE = "w7rPV76JlN1d5SBLfHcVusSdPHkrENSnBuDWoUsZoXk="
HEX_SECRET = "726177206b657920627974657320ff00206f6620746865207068702073616d706c65"


def verify(
    given: Any = None, body: Any = BODY, secrets: Any = SECRET, now: float = NOW, **options: Any
) -> Task:
    return verify_webhook(body, headers() if given is None else given, secrets, now=lambda: now, **options)


def refused(*args: Any, **options: Any) -> str:
    """The text of the refusal."""
    with pytest.raises(WebhookVerificationError) as caught:
        verify(*args, **options)
    return str(caught.value)


def test_the_names_are_the_documents() -> None:
    """Header names, method and success code are those of the document's callback."""
    post = document()["paths"]["/v1/ai/image-to-video/kling-elements-std"]["post"]
    [(method, callback)] = next(iter(post["callbacks"]["statusChanged"].values())).items()
    names = {parameter["name"] for parameter in callback["parameters"]}
    assert names == {ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER}
    assert (method.upper(), list(callback["requestBody"]["content"])) == (METHOD, ["application/json"])
    assert "200" in callback["responses"]


SHAPES: dict[str, Any] = {
    "a dict": lambda plain: plain,
    "capitals": lambda plain: {name.upper(): value for name, value in plain.items()},
    "httpx": httpx.Headers,
    "pairs": lambda plain: iter(plain.items()),
    "ASGI": lambda plain: [(name.encode(), value.encode()) for name, value in plain.items()],
    "WSGI": lambda plain: {
        "wsgi.input": object(),
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in plain.items()},
    },
    "white space": lambda plain: {name: f" {value}\t" for name, value in plain.items()},
    "others beside": lambda plain: {**plain, "x-other": "ü\x00", b"bytes": b"\xff"},
}


def test_headers_come_in_any_shape() -> None:
    """A dict, httpx.Headers, pairs, ASGI's raw list and a WSGI environ are all read, in any case."""
    for name, shape in SHAPES.items():
        task = verify(shape(headers(signature=f"v1,{SIGNATURE}")))  # what openssl signed
        assert (task.id, task.status, task.urls) == (TASK_ID, "IN_PROGRESS", ()), name
    assert verify(body=bytearray(BODY)).id == verify(body=memoryview(BODY)).id == TASK_ID


MALFORMED = ("v1,AAAA", "v1", ",", ",AAAA", "v1,%%%", "v1,ü", "v1,A,B", "  ", "v1,\x00", f"v1,{'A' * 5000}")


def test_a_malformed_entry_hides_no_valid_one() -> None:
    """Whatever stands before or after a valid signature, it is found, under any version's label."""
    for before in MALFORMED:
        assert verify(headers(signature=f"{before} v1,{SIGNATURE}")).id == TASK_ID
        assert verify(headers(signature=f"2026-01,{SIGNATURE} {before}")).id == TASK_ID


DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).digest()
FORGED = {
    "no label": SIGNATURE,
    "an empty label": f",{SIGNATURE}",
    "cut off": f"v1,{SIGNATURE[:-1]}",
    "longer": f"v1,{SIGNATURE}=",
    "lower case": f"v1,{SIGNATURE.lower()}",
    "hex": f"v1,{base64.b64decode(SIGNATURE).hex()}",
    "of the body alone": f"v1,{base64.b64encode(DIGEST).decode()}",
    "another order": f"v1,{sign(BODY, message_id=str(NOW), timestamp=MESSAGE_ID)}",
    "no key": f"v1,{base64.b64encode(hashlib.sha256(BODY).digest()).decode()}",
    "another secret": f"v1,{sign(BODY, b'another secret')}",
    "another id": f"v1,{sign(BODY, message_id='msg_other')}",
    "another time": f"v1,{sign(BODY, timestamp=NOW + 1)}",
    "empty": "v1,",
}


def test_no_other_signature_is_taken() -> None:
    """Hex, another order, another secret, another id or time, or no label: refused."""
    for name, signature in FORGED.items():
        assert "no signature" in refused(headers(signature=signature)), name


def test_every_secret_is_tried_with_every_entry() -> None:
    """While one secret replaces another, any of them may be at any place of the list."""
    for secrets in ([SECRET, "old"], ["old", "older", SECRET], iter(["old", SECRET])):
        given = headers(signature=f"v1,AAAA v2,{SIGNATURE} v1,BBBB")
        assert verify(given, secrets=secrets).id == TASK_ID
    assert refused(secrets=["old", "older"])


def test_every_pair_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each secret meets each entry in `hmac.compare_digest`, also after a match."""
    compare = Mock(side_effect=hmac.compare_digest)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    verify(headers(signature=f"v1,{SIGNATURE} v2,AAAA v3,BBBB"), secrets=[SECRET, "other"])
    assert compare.call_count == 6


def test_a_secret_is_read_as_the_samples_do() -> None:
    """UTF-8 bytes by default, base64-decoded as in the PHP sample, or hex."""
    php = headers(signature=f"v1,{PHP_SIGNATURE}")
    assert verify(php, secrets=PHP_SECRET, encoding="base64").id == TASK_ID
    assert verify(php, secrets=PHP_SECRET.rstrip("="), encoding="base64").id == TASK_ID
    assert verify(php, secrets=HEX_SECRET, encoding="hex").id == TASK_ID
    assert verify(php, secrets=bytes.fromhex(HEX_SECRET)).id == TASK_ID
    assert verify(headers(key="schlüssel".encode()), secrets="schlüssel").id == TASK_ID
    refused(php, secrets=PHP_SECRET)
    refused(headers(key=PHP_SECRET.encode()), secrets=PHP_SECRET, encoding="base64")


def test_the_tolerance_holds_both_ways() -> None:
    """As old, or as far in the future, as the tolerance is taken; more is refused, and told which."""
    for age in (TOLERANCE, 0, -TOLERANCE):
        assert verify(now=NOW + age).id == TASK_ID
    for age, where in ((TOLERANCE + 0.5, "ago"), (-TOLERANCE - 0.5, "in the future")):
        assert where in refused(now=NOW + age)
    assert verify(now=NOW + 10, tolerance=10).id == TASK_ID
    refused(now=NOW + 11, tolerance=10)
    refused(now=NOW - 1, tolerance=0)
    assert verify(now=NOW + 1e8, tolerance=float("inf")).id == TASK_ID


TIMES = ("", "nan", "-1", "+1", "1e9", "1767225600.0", "0x10", "١٧٦٧٢٢٥٦٠٠", "²", "1_767_225_600", "9" * 5000)


def test_only_unix_seconds_are_a_timestamp() -> None:
    """Even correctly signed, anything but ASCII digits is refused."""
    for timestamp in TIMES:
        assert "webhook-timestamp" in refused(headers(timestamp=timestamp))


CHANGES: dict[str, Any] = {
    "missing": lambda given, name: [p for p in given if p[0] != name],
    "another": lambda given, name: [*given, (name, "another")],
    "twice": lambda given, name: [*given, (name.upper(), dict(given)[name])],
    "empty": lambda given, name: [(n, "" if n == name else v) for n, v in given],
    "a list": lambda given, name: [(n, [v] if n == name else v) for n, v in given],
    "NUL": lambda given, name: [(n, v + "\x00" if n == name else v) for n, v in given],
    "enormous": lambda given, name: [(n, v * 100_000 if n == name else v) for n, v in given],
    "a Kelvin sign": lambda given, name: [(n.replace("k", "\u212a"), v) for n, v in given],
    "no pair": lambda given, name: [7 if n == name else (n, v) for n, v in given],
}


def test_hostile_headers_are_refused() -> None:
    """Missing, doubled, damaged or enormous: one type of error, whichever header it is."""
    for what, change in CHANGES.items():
        for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER):
            assert len(refused(change(list(headers().items()), name))) < 500, what


NO_TASKS = (b"", b"null", b"[]", b'"x"', b"{}", b'{"status":"COMPLETED"}', b"{" * 100_000, b'{"task_id":"a"}',
            b'{"task_id":"","status":"a"}', b'{"task_id":"a","status":7}', b"\xff\xfe", b"<html>",
            b'{"task_id":' + b"9" * 5000 + b"}", b'[{"task_id":"a","status":"b"}]')  # fmt: skip


def test_a_genuine_body_without_a_task_is_refused() -> None:
    """What is signed and shows no task is told so, by the same type of error."""
    for body in NO_TASKS:
        assert "genuine" in refused(headers(body), body=body)


URL = "https://a.example/?token=exp=1767229200"
TASKS = (
    (b'{"task_id":"a","status":"QUEUED","generated":null,"new":{"x":[NaN]}}', "QUEUED", ()),
    (b'{"data":{"task_id":"a","status":"FAILED"}}', "FAILED", ()),
    (b'{"task_id":"a","status":"COMPLETED","generated":["%b"]}' % URL.encode(), "COMPLETED", (URL,)),
)


def test_a_task_is_read_with_tolerance() -> None:
    """Unknown words, unknown fields, a missing list and an envelope are no reason to refuse."""
    for body, status, urls in TASKS:
        task = verify(headers(body), body=body)
        assert (task.status, task.urls, bool(task.expires_at)) == (status, urls, bool(urls))


def test_a_request_of_another_kind_is_the_callers_fault() -> None:
    """A decoded or parsed body is refused with words that tell what to pass; so are headers."""
    for body in ("text", None, 7, {"task_id": "a"}, [1, 2]):
        with pytest.raises(ValidationError, match="raw bytes"):
            verify(body=body)
    broken = Mock(items=Mock(side_effect=RuntimeError("no request")))  # as a proxy outside of a request
    unusable: tuple[Any, ...] = (None, 7, "webhook-id: a", b"x", broken)
    for wrong in unusable:
        with pytest.raises(ValidationError, match="headers"):
            verify_webhook(BODY, wrong, SECRET)


@pytest.mark.parametrize(
    ("secrets", "encoding"),
    [("", "utf-8"), (b"", "utf-8"), ([], "utf-8"), ([""], "utf-8"), ([SECRET, ""], "utf-8"),
     (None, "utf-8"), (7, "utf-8"), ([None], "utf-8"),
     ("\udc80" + SECRET, "utf-8"), (SECRET + "%", "base64"), (SECRET + "ü", "base64"),
     ("====", "base64"), (SECRET, "hex"), ("abc", "hex"), (SECRET, "latin-1")],
)  # fmt: skip
def test_secrets_that_can_not_be_used_are_the_callers_fault(secrets: Any, encoding: Any) -> None:
    """No secret, an empty one, one that doesn't decode: an error without the secret in any traceback."""
    for call in (
        lambda: verify(secrets=secrets, encoding=encoding),
        lambda: WebhookReceiver(secrets, encoding=encoding),
        lambda: sign_webhook(b"", secrets, webhook_id="a", encoding=encoding),
    ):
        with pytest.raises(ValidationError) as caught:
            call()
        assert SECRET not in shown(caught.value)
    with pytest.raises(ValidationError) as caught:
        verify(secrets=[5, "good", b""])
    first, third = caught.value.problems
    assert ("secret 1" in first, "secret 3" in third) == (True, True)


def shown(error: BaseException) -> str:
    """Everything that a tool can show of an error: the locals of the client's frames, and its origin."""
    parts = [f"{error} {error!r} {error.__dict__}"]
    chain: BaseException | None = error
    while chain is not None:
        for frame, _ in traceback.walk_tb(chain.__traceback__):
            if frame.f_globals["__name__"].startswith("kling_elements."):
                parts.append(repr(frame.f_locals))
        chain = chain.__cause__ or chain.__context__
    return "".join(parts)


REFUSED = {
    "forged": (headers(signature="v1,AAAA"), BODY, NOW),
    "changed": (headers(), BODY + b" ", NOW),
    "replayed": (headers(), BODY, NOW + 1000),
    "no task": (headers(b"{}"), b"{}", NOW),
    "no time": (headers(timestamp="x"), BODY, NOW),
}


@pytest.mark.parametrize(("given", "body", "now"), REFUSED.values(), ids=REFUSED)
def test_an_error_shows_neither_secret_nor_signature(given: dict[str, str], body: bytes, now: float) -> None:
    """Not in its text, its attributes, its origin, its pickle, nor in a traceback with locals."""
    with pytest.raises(WebhookVerificationError) as caught:
        verify_webhook(body, given, SECRET, now=lambda: now)
    expected = sign(body, message_id=given["webhook-id"], timestamp=given["webhook-timestamp"])
    # Of another body it may still be good: what came is shown as little as what was expected.
    came = given["webhook-signature"].partition(",")[2]
    for text in (shown(caught.value), str(pickle.loads(pickle.dumps(caught.value)))):  # noqa: S301 - our own
        assert not [secret for secret in (SECRET, expected, came) if secret in text]
    assert caught.value.__context__ is None
    keys = signing_keys(SECRET)
    assert SECRET not in f"{keys!r}{keys}{vars(type(keys))}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(keys)


def test_what_is_signed_here_is_what_the_vendor_signs() -> None:
    """`sign_webhook` gives the vendor's signatures, one for each secret, for tests of one's own receiver."""
    assert sign_webhook(BODY, SECRET, webhook_id=MESSAGE_ID, timestamp=NOW) == headers()
    both = sign_webhook(BODY, [SECRET, b"new"], webhook_id="a", now=lambda: NOW + 0.9)
    assert both["webhook-timestamp"] == str(NOW)
    assert both["webhook-signature"] == f"v1,{sign(BODY, message_id='a')} v2,{sign(BODY, b'new', 'a')}"
    assert verify(both, secrets="new").id == TASK_ID


NAMES = st.sampled_from((ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER, "HTTP_WEBHOOK_ID", b"webhook-id"))
VALUES = st.sampled_from([str(NOW), MESSAGE_ID, f"v1,{SIGNATURE}", "v1,é", "v1, ,,"])
ANY = VALUES | st.text() | st.binary() | st.none() | st.integers()


@examples(100)
@given(pairs=st.lists(st.tuples(NAMES | st.text(), ANY), max_size=8), body=st.just(BODY) | st.binary())
def test_whatever_is_sent_only_one_error_comes_of_it(pairs: Any, body: bytes) -> None:
    """Any headers and any body give a task or a WebhookVerificationError; a task only if all is genuine."""
    try:
        task = verify(pairs, body=body)
    except WebhookVerificationError:
        return
    assert (task.id, body) == (TASK_ID, BODY)
