"""Faults on the path of webhooks: signing and verifying, the inbox, the receiver, and the waits they wake."""

# ruff: noqa: E501 - tables: the texts that an edit replaces are as long as they are in the source

from __future__ import annotations

from typing import Final

from contract_tests.mutants.mutant import Place

_PLACE: Final = Place("webhook", "kling_elements.webhooks", ("webhooks",))
_mutant, _edit = _PLACE.mutant, _PLACE.edit

MUTANTS: Final = (
    _mutant("any-signature", "A signature is not compared: any is good.", _edit(
        "signing:SigningKeys.match", "found |= hmac.compare_digest(signature, candidate)", "found = True"),
        near="test_verification"),
    _mutant("plain-comparison", "Signatures are compared in a time that tells where they differ.", _edit(
        "signing:SigningKeys.match", "hmac.compare_digest(signature, candidate)", "signature == candidate"),
        near="constant_time"),
    _mutant("first-entry-only", "Only the first entry of the signature's list is looked at.", _edit(
        "verification:_candidates", 'signature.split(" ")', 'signature.split(" ")[:1]'), near="test_verification"),
    _mutant("v1-only", "Only entries of version v1 are looked at: a new secret is not taken.", _edit(
        "verification:_candidates", "if version and", 'if version == "v1" and'), near="version_label"),
    _mutant("first-secret-only", "Only the first of several secrets is tried.", _edit(
        "signing:SigningKeys.signatures", "in self._reveal())", "in self._reveal()[:1])"), near="every_secret"),
    _mutant("timestamp-unsigned", "The timestamp is not part of what is signed: old deliveries can be dated anew.", _edit(
        "signing:signed_content", "webhook_id.encode(), timestamp.encode(), body", "webhook_id.encode(), body"),
        near="test_verification"),
    _mutant("id-unsigned", "The id is not part of what is signed.", _edit(
        "signing:signed_content", "webhook_id.encode(), timestamp", "timestamp"), near="test_verification"),
    _mutant("old-is-good", "A delivery of any age is taken: it can be replayed.", _edit(
        "verification:_off_time", "abs(age) > tolerance", "-age > tolerance"), near="tolerance"),
    _mutant("future-is-good", "A delivery from the future is taken.", _edit(
        "verification:_off_time", "abs(age) > tolerance", "age > tolerance"), near="tolerance"),
    _mutant("tolerance-exclusive", "A delivery at the very edge of the tolerance is refused.", _edit(
        "verification:_off_time", "abs(age) > tolerance", "abs(age) >= tolerance"), near="tolerance"),
    _mutant("header-twice", "Of a header that is there twice the last one counts.", _edit(
        "verification:_find", "if name in found:", "if False:"), near="hostile"),
    _mutant("odd-timestamp", "A timestamp is whatever Python takes for a number.", _edit(
        "verification:_malformed", "if not _TIMESTAMP.fullmatch(timestamp):", "if not timestamp.strip().lstrip('+-').isdecimal():"),
        near="unix_seconds"),
    _mutant("header-case", "Headers count in small letters alone.", _edit(
        "verification:_name", "name = name.lower()", "name = name"), near="any_shape"),
    _mutant("base64-secret", "A secret is decoded as base64 unless said otherwise.", _edit(
        "signing:_key", 'if encoding == "base64":', 'if encoding != "hex":'), near="samples"),
    _mutant("hex-signature", "Signatures are written in hexadecimal.", _edit(
        "signing:SigningKeys.signatures", "base64.b64encode(", "base64.b16encode("), near="vendor"),
    _mutant("no-status-taken", "A body without a status is taken for a task.", _edit(
        "verification:_read_task", 'isinstance(task.raw.get("status"), str)', "True"), near="genuine_body"),
    _mutant("error-shows-signature", "The refusal repeats the signature.", _edit(
        "verification:examine", 'f"no signature of delivery {webhook_id!r} matches. Either',
        'f"no signature {signature} of delivery {webhook_id!r} matches. Either'), near="shows_neither"),
    _mutant("duplicate-is-news", "A delivery that is repeated counts as news.", _edit(
        "inbox:Inbox.receive", "if delivery.id in self._ids:", "if False:"), near="test_inbox"),
    _mutant("status-goes-back", "An IN_PROGRESS that comes late undoes COMPLETED.", _edit(
        "inbox:compare", "is_later = order[0] >= order[1] and not before.is_terminal",
        "is_later = delivery.timestamp >= known.timestamp"), near="test_inbox"),
    _mutant("memory-grows", "Ids are remembered for ever.", _edit(
        "inbox:_put", "if len(memory) > limit:", "if False:"), near="memory"),
    _mutant("refused-is-told", "A forged delivery is answered like a good one.", _edit(
        "receiver:WebhookReceiver._handle", "_reply(_STATUS_OF[result.reason], _public(result))",
        '_reply(200, "received")'), near="test_receiver"),
    _mutant("body-without-limit", "A body of any length is read.", _edit(
        "receiver:WebhookReceiver.refuse", "if body_bytes > self.max_body_bytes:", "if False:"), near="test_receiver"),
    _mutant("repeats-are-told", "The listener is told of what is no news.", _edit(
        "receiver:WebhookReceiver._handle", "if receipt is Receipt.NEW:", "if True:"), near="told_once"),
    _mutant("get-is-served", "Deliveries may come by any method.", _edit(
        "receiver:WebhookReceiver.refuse", "if method != contract.method:", "if False:"), near="only_post"),
    _mutant("nobody-wakes", "A delivery does not wake the wait for its task.", _edit(
        "waking:Hub.deliver", "self._changed.notify_all()", "pass"), _edit(
        "waking:Sleeper.sleep", "self._hub.await_change(self._task_id, self._seen, seconds)",
        "self._hub.await_change(None, self._seen, min(seconds, 0.2))"), near="test_waking"),
)  # fmt: skip
