"""Every default of the client, in one place. Seconds unless the name says otherwise."""

from __future__ import annotations

API_KEY_VARIABLES = ("KLING_ELEMENTS_API_KEY", "FREEPIK_API_KEY", "MAGNIFIC_API_KEY")
BASE_URL_VARIABLE = "KLING_ELEMENTS_BASE_URL"

REQUEST_TIMEOUT = 60.0
LONGEST_REQUEST_TIMEOUT = 86_400.0
WAIT_TIMEOUT = 1800.0  # claims about sibling models go up to 30 minutes
NOT_FOUND_GRACE = 30.0  # a task may not be visible right after it was created
LONGEST_PAUSE = 3600.0  # whatever the service hints: a task is looked at once an hour
LEAST_REQUEST_TIMEOUT = 1.0  # a look just before the deadline still gets this long

MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_ERROR_BODY_CHARS = 64 * 1024

DOWNLOAD_TIMEOUT = 60.0  # without a byte
DOWNLOAD_PROGRESS = 1024 * 1024  # bytes; an attempt that brought as many does not count as a failed one
MAX_VIDEO_BYTES = 2 * 1024 * 1024 * 1024
UPLOAD_TIMEOUT = 60.0  # without a byte going out or coming in
UPLOAD_REUSE_MARGIN = (
    3600.0  # an address that ends sooner is not used again: the service fetches it when it likes
)
UPLOAD_PUT_MARGIN = 10.0  # nor is a file put to one that ends sooner
UPLOADS_KEPT = 1000  # addresses that a client remembers
URL_CHECK_BYTES = 64 * 1024
URL_CHECK_TIMEOUT = 15.0
MAX_REDIRECTS = 5
