"""Violations of the mock: what docs/mock.md promises, changed by import path. `mock` must find each."""

import math
from typing import Any, Final
from uuid import uuid4

from attrs import evolve

from contract_tests.violations.violation import replaced, table

_TASKS: Final = "kling_elements_mock.tasks"


def _ignoring_owner(real: Any) -> Any:
    return lambda self, owner, *rest: real(self, "everybody", *rest)


def _3xx_is_delivered(real: Any) -> Any:
    def attempt(*args: Any) -> Any:
        done = real(*args)
        return evolve(done, outcome="delivered") if done.response_status in range(300, 400) else done

    return attempt


VIOLATIONS: Final = table("mock", {
    "token-not-compared": ("A file can be put or read with any token.",
      replaced(lambda real: lambda one, other: True, "hmac:compare_digest")),
    "asset-never-expires": ("An asset can be read for ever.",
      replaced(lambda real: property(lambda self: math.inf, lambda self, value: None),
        f"{_TASKS}.uploads:Upload.asset_until")),
    "one-token-for-both": ("The token of an asset is good for its upload.",
      replaced(lambda real: lambda self, prefix, name: real(self, "/assets/", name),
        f"{_TASKS}.uploads:Uploads._token")),
    "one-token-for-all": ("The token of one file is good for all.",
      replaced(lambda real: lambda self, prefix, name: real(self, prefix, "any"),
        f"{_TASKS}.uploads:Uploads._token")),
    "result-never-expires": ("A result can be read for ever.",
      replaced(lambda real: lambda self, *rest: real(self, *rest) and 10**12,
        f"{_TASKS}.signed_urls:Signer.expiry")),
    "result-signed-for-any-task": ("The signature of one result is good for all.",
      replaced(lambda real: lambda self, task_id, expires: real(self, "any", expires),
        f"{_TASKS}.signed_urls:Signer._mac")),
    "quota-of-all-keys": ("The day's quota is counted for all keys together.",
      replaced(_ignoring_owner, f"{_TASKS}.limits:DailyQuota.used_up", f"{_TASKS}.limits:DailyQuota.spend")),
    "quota-for-good": ("The day's quota does not begin again.",
      replaced(lambda real: lambda self, owner, time: real(self, owner, 0.0),
        f"{_TASKS}.limits:DailyQuota.used_up", f"{_TASKS}.limits:DailyQuota.spend")),
    "concurrency-of-all-keys": ("Concurrent tasks are counted for all keys together.",
      replaced(lambda real: lambda self, owner: sum(real(self, o) for o in {t.owner for t in self.all()}),
        f"{_TASKS}.store:Store.unfinished")),
    "rate-of-all-addresses": ("The rate is counted for all addresses together.",
      replaced(lambda real: lambda self, client, now: real(self, "any", now),
        f"{_TASKS}.limits:RateLimiter.count")),
    "3xx-is-delivered": ("A redirect counts as delivered.",
      replaced(_3xx_is_delivered, f"{_TASKS}.webhooks:Dispatcher._attempt")),
    "delivery-anywhere": ("Receivers outside the loopback are told.",
      replaced(lambda real: lambda url: True, f"{_TASKS}.loopback:is_loopback")),
    "delivery-body-unsigned": ("The body is not part of what is signed.",
      replaced(lambda real: lambda secret, name, moment, body: real(secret, name, moment, b""),
        f"{_TASKS}.webhooks:sign")),
    "ids-by-chance": ("Ids do not come from the seed.",
      replaced(lambda real: lambda text: str(uuid4()), f"{_TASKS}.store:seeded_uuid")),
    "pages-may-post": ("A web page of another origin may use the controls.",
      replaced(lambda real: lambda request: None, "kling_elements_mock.http.control:_require_same_origin")),
    "reset-keeps-uploads": ("A reset keeps uploads.",
      replaced(lambda real: lambda self: None, f"{_TASKS}.uploads:Uploads.clear")),
})  # fmt: skip
