"""Every default of the webhook side, in one place. Seconds unless the name says otherwise."""

from __future__ import annotations

SECRET_VARIABLE = "KLING_ELEMENTS_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable, not a secret

TOLERANCE = 300.0  # how far a delivery's timestamp may be from our clock, before or behind
MAX_HEADER_CHARS = 16 * 1024  # some 300 signatures; a service that rotates its secret sends two or three
MAX_ID_CHARS = 1024

MAX_BODY_BYTES = 1024 * 1024  # a real delivery has some 300 bytes
MAX_REMEMBERED_IDS = 10_000
MAX_REMEMBERED_TASKS = 10_000

HOST = "127.0.0.1"
PORT = 8765
IDLE_TIMEOUT = 20.0  # a connection that sends nothing is closed
MAX_CONNECTIONS = 64
