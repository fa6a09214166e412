"""Violations of the mock: what docs/mock.md promises, changed by import path. `mock` must find each."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from attrs import evolve

from contract_tests.violations.violation import replaced, table

if TYPE_CHECKING:
    from collections.abc import Callable

_TASKS: Final = "kling_elements_mock.tasks"


def _found(putting: bool, *, by_token: bool) -> Callable[[Any], Any]:  # noqa: FBT001 - which of two URLs
    """Find files at one kind of URL whatever its token says, or for ever."""

    def make(real: Any) -> Any:
        def find(self: Any, path: str, query: str) -> Any:
            upload = self._files.get(path.rpartition("/")[2])
            if path.startswith("/uploads/") != putting or upload is None:
                return real(self, path, query)
            good = query == f"token={self._token(path[: path.rindex('/') + 1], upload.id)}"
            live = self._clock.time() <= (upload.put_until if putting else upload.asset_until)
            return upload if (live if by_token else good) else None

        return find

    return make


def _ignoring_owner(real: Any) -> Any:
    return lambda self, owner, *rest: real(self, "everybody", *rest)


def _any_signature(real: Any) -> Any:
    return lambda self, task_id, query: int((re.findall(r"exp=(\d+)", query) or ["0"])[0]) or None


def _outcome(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda real: lambda self, *arguments: change(real(self, *arguments))


def _3xx_is_delivered(delivery: Any) -> Any:
    is_redirect = delivery.response_status in range(300, 400)
    return evolve(delivery, outcome="delivered") if is_redirect else delivery


def _counted_when_refused(real: Any) -> Any:
    def count(self: Any, client: str, now: float) -> Any:
        standing = real(self, client, now)
        if standing.exceeded:
            self._seen[client].append(now)
        return standing

    return count


VIOLATIONS: Final = table("mock", (
    ("put-token-not-compared", "A file can be put with any token.", "test_uploads", "mock",
     replaced(_found(putting=True, by_token=True), f"{_TASKS}.uploads:Uploads.find")),
    ("asset-token-not-compared", "An asset can be read with any token.", "test_uploads", "mock",
     replaced(_found(putting=False, by_token=True), f"{_TASKS}.uploads:Uploads.find")),
    ("put-never-expires", "A file can be put for ever.", "test_uploads", "mock",
     replaced(_found(putting=True, by_token=False), f"{_TASKS}.uploads:Uploads.find")),
    ("asset-never-expires", "An asset can be read for ever.", "test_uploads", "mock",
     replaced(_found(putting=False, by_token=False), f"{_TASKS}.uploads:Uploads.find")),
    ("one-token-for-both", "The token of an asset is good for its upload.", "test_uploads", "mock",
     replaced(lambda real: lambda self, prefix, name: real(self, "/assets/", name),
              f"{_TASKS}.uploads:Uploads._token")),
    ("one-token-for-all", "The token of one file is good for all.", "test_uploads", "mock",
     replaced(lambda real: lambda self, prefix, name: real(self, prefix, "any"),
              f"{_TASKS}.uploads:Uploads._token")),
    ("result-token-not-compared", "A result can be read with any signature.", "test_results", "mock",
     replaced(_any_signature, f"{_TASKS}.signed_urls:Signer.expiry")),
    ("result-never-expires", "A result can be read for ever.", "test_results", "mock",
     replaced(lambda real: lambda self, *rest: real(self, *rest) and 10**12,
              f"{_TASKS}.signed_urls:Signer.expiry")),
    ("result-signed-for-any-task", "The signature of one result is good for all.", "test_results", "mock",
     replaced(lambda real: lambda self, task_id, expires: real(self, "any", expires),
              f"{_TASKS}.signed_urls:Signer._mac")),
    ("quota-of-all-keys", "The day's quota is counted for all keys together.", "test_limits", "mock",
     replaced(_ignoring_owner, f"{_TASKS}.limits:DailyQuota.used_up", f"{_TASKS}.limits:DailyQuota.spend")),
    ("quota-never-used-up", "The day's quota is not kept.", "test_limits", "mock",
     replaced(lambda real: lambda self, *rest: False, f"{_TASKS}.limits:DailyQuota.used_up")),
    ("quota-for-good", "The day's quota does not begin again.", "test_limits", "mock",
     replaced(lambda real: lambda self, owner, time: real(self, owner, 0.0),
              f"{_TASKS}.limits:DailyQuota.used_up", f"{_TASKS}.limits:DailyQuota.spend")),
    ("concurrency-of-all-keys", "Concurrent tasks are counted for all keys together.", "test_limits", "mock",
     replaced(lambda real: lambda self, owner: sum(real(self, o) for o in {t.owner for t in self.all()}),
              f"{_TASKS}.store:Store.unfinished")),
    ("rate-of-all-addresses", "The rate is counted for all addresses together.", "test_limits", "mock",
     replaced(lambda real: lambda self, client, now: real(self, "any", now),
              f"{_TASKS}.limits:RateLimiter.count")),
    ("rate-counts-refusals", "A request that is refused for the rate counts against it.", "test_limits", "mock",
     replaced(_counted_when_refused, f"{_TASKS}.limits:RateLimiter.count")),
    ("3xx-is-delivered", "A redirect counts as delivered.", "test_webhooks", "mock",
     replaced(_outcome(_3xx_is_delivered), f"{_TASKS}.webhooks:Dispatcher._attempt")),
    ("delivery-anywhere", "Receivers outside the loopback are told.", "test_webhooks", "mock",
     replaced(lambda real: lambda url: True, f"{_TASKS}.loopback:is_loopback")),
    ("delivery-body-unsigned", "The body is not part of what is signed.", "test_webhooks", "mock",
     replaced(lambda real: lambda secret, name, moment, body: real(secret, name, moment, b""),
              f"{_TASKS}.webhooks:sign")),
    ("ids-by-chance", "Ids do not come from the seed.", "test_life_cycle", "mock",
     replaced(lambda real: lambda text: str(uuid4()), f"{_TASKS}.store:seeded_uuid")),
    ("pages-may-post", "A web page of another origin may use the controls.", "test_control", "mock",
     replaced(lambda real: lambda request: None, "kling_elements_mock.http.control:_require_same_origin")),
    ("reset-keeps-uploads", "A reset keeps uploads.", "test_uploads", "mock",
     replaced(lambda real: lambda self: None, f"{_TASKS}.uploads:Uploads.clear")),
))  # fmt: skip
