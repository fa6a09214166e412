"""Show text without what a terminal or a log would obey. It imports nothing, as `--help` uses it."""

_MAX_SHOWN = 60


def printable(text: str) -> str:
    """Return text with all that a terminal or a log would obey, line breaks included, as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shown_value(value: object) -> str:
    """Return how a caller's value shows itself, short enough for one line."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - whatever its class raises; an integer may have too many digits
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
