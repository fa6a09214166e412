"""Sends a test's requests to what answers them: an origin, or an application in this process."""

import asyncio
from typing import Final

import httpx
from attrs import define

from contract_tests.schema.server.exchange import Answer, NoAnswerError, Sent

_HOP_BY_HOP: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})


@define
class Backend:
    """Sends requests, one at a time, to an origin or to the application that answers for it."""

    origin: httpx.URL
    client: httpx.AsyncClient
    loop: asyncio.AbstractEventLoop
    offered: frozenset[str] | None = None  # names of scenarios, once they were asked for

    def send(self, sent: Sent) -> Answer:
        """Send one request; a target that is a whole address is called there."""
        # Redirects are followed there. At the origin they are not: the key must not leave it.
        is_address = not sent.target.startswith("/")
        # Blanks around a value mean nothing, and httpx sends none.
        kept = [pair for pair in sent.headers if pair[0].lower() not in _HOP_BY_HOP]
        headers = [(name.encode("ascii"), value.strip(" \t").encode("latin-1")) for name, value in kept]
        try:
            raw = sent.target.encode("latin-1")
            url = httpx.URL(sent.target) if is_address else self.origin.copy_with(raw_path=raw)
            request = httpx.Request(sent.method, url, headers=headers, content=sent.body or None)
            response = self.loop.run_until_complete(self.client.send(request, follow_redirects=is_address))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from None
        return Answer(response.status_code, tuple(response.headers.multi_items()), response.content)
