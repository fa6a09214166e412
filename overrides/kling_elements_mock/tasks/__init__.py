"""Tasks: their life cycle, limits, uploads, results and webhooks. Nothing here knows HTTP requests."""
