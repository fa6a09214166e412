"""Violations of the mock: what docs/mock.md promises, changed by import path. `mock` must find each."""

import math
from typing import Any, Final
from uuid import uuid4

from attrs import evolve

from contract_tests.violations.violation import table

_TASKS: Final = "kling_elements_mock.tasks"


def _3xx_is_delivered(real: Any) -> Any:
    def attempt(*args: Any) -> Any:
        done = real(*args)
        return evolve(done, outcome="delivered") if done.response_status in range(300, 400) else done

    return attempt


VIOLATIONS: Final = table("mock", {
    "token-not-compared": ("A file can be put or read with any token.", "hmac:compare_digest",
      lambda real: lambda one, other: True),
    "asset-never-expires": ("An asset can be read for ever.", f"{_TASKS}.uploads:Upload.asset_until",
      lambda real: property(lambda self: math.inf, lambda self, value: None)),
    "one-token-for-both": ("The token of an asset is good for its upload.",
      f"{_TASKS}.uploads:Uploads._token",
      lambda real: lambda self, prefix, name: real(self, "/assets/", name)),
    "one-token-for-all": ("The token of one file is good for all.", f"{_TASKS}.uploads:Uploads._token",
      lambda real: lambda self, prefix, name: real(self, prefix, "any")),
    "result-never-expires": ("A result can be read for ever.", f"{_TASKS}.results:Signer.expiry",
      lambda real: lambda self, *rest: real(self, *rest) and 10**12),
    "result-signed-for-any-task": ("The signature of one result is good for all.",
      f"{_TASKS}.results:Signer._mac",
      lambda real: lambda self, task_id, expires: real(self, "any", expires)),
    "quota-of-all-keys": ("The day's quota is counted for all keys together.",
      f"{_TASKS}.limits:DailyQuota.used_up {_TASKS}.limits:DailyQuota.spend",
      lambda real: lambda self, owner, *rest: real(self, "everybody", *rest)),
    "quota-for-good": ("The day's quota does not begin again.",
      f"{_TASKS}.limits:DailyQuota.used_up {_TASKS}.limits:DailyQuota.spend",
      lambda real: lambda self, owner, time: real(self, owner, 0.0)),
    "concurrency-of-all-keys": ("Concurrent tasks are counted for all keys together.",
      f"{_TASKS}.store:Store.unfinished",
      lambda real: lambda self, owner: sum(real(self, o) for o in {t.owner for t in self.all()})),
    "rate-of-all-addresses": ("The rate is counted for all addresses together.",
      f"{_TASKS}.limits:RateLimiter.count", lambda real: lambda self, client, now: real(self, "any", now)),
    "3xx-is-delivered": ("A redirect counts as delivered.", f"{_TASKS}.webhooks:Dispatcher._attempt",
      _3xx_is_delivered),
    "delivery-anywhere": ("Receivers outside the loopback are told.", f"{_TASKS}.loopback:is_loopback",
      lambda real: lambda url: True),
    "delivery-body-unsigned": ("The body is not part of what is signed.", f"{_TASKS}.webhooks:sign",
      lambda real: lambda secret, name, moment, body: real(secret, name, moment, b"")),
    "ids-by-chance": ("Ids do not come from the seed.", f"{_TASKS}.store:seeded_uuid",
      lambda real: lambda text: str(uuid4())),
    "pages-may-post": ("A web page of another origin may use the controls.",
      "kling_elements_mock.http.control:_require_same_origin", lambda real: lambda request: None),
    "reset-keeps-uploads": ("A reset keeps uploads.", f"{_TASKS}.uploads:Uploads.clear",
      lambda real: lambda self: None),
})  # fmt: skip
