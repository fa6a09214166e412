"""Fetch a video to a file: stream it beside its target, resume, check, and only then give it its name."""
