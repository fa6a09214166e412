"""Deliveries as the vendor's samples make them: plain hmac, by no code of the client's or the mock's."""

import base64
import hashlib
import hmac
import json

SECRET = "whs-secret-of-the-tests-0123"
KEY = SECRET.encode()
NOW = 1_767_225_600
TASK_ID = "046b6c7f-0b8a-43b9-b35d-6489e6daee91"
BODY = b'{"task_id":"046b6c7f-0b8a-43b9-b35d-6489e6daee91","status":"IN_PROGRESS","generated":[]}'
MESSAGE_ID = "msg_2f1c"
SIGNATURE = "8dc/0PGNa/eWGO1I6MrtZ6FkNYTdDc4kdZ56aouJcKI="
"""Of MESSAGE_ID, NOW and BODY under SECRET, as `openssl dgst -sha256 -hmac` gives it."""


def sign(body: bytes, key: bytes = KEY, message_id: str = MESSAGE_ID, timestamp: object = NOW) -> str:
    """The signature, as the vendor's page tells to make it."""
    text = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def headers(
    body: bytes = BODY,
    *,
    message_id: str = MESSAGE_ID,
    timestamp: object = NOW,
    signature: str | None = None,
    key: bytes = KEY,
) -> dict[str, str]:
    signature = signature or f"v1,{sign(body, key, message_id, timestamp)}"
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def body_of(status: str, task_id: str = TASK_ID, urls: tuple[str, ...] = ()) -> bytes:
    return json.dumps({"task_id": task_id, "status": status, "generated": list(urls)}).encode()
