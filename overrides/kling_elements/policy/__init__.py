"""When to send: rate limits, retries with backoff, the polling schedule."""
