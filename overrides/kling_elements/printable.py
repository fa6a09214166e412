"""Show text without what a terminal or a log would obey. It imports nothing, as `--help` uses it."""


def printable(text: str) -> str:
    """Return text with all that a terminal or a log would obey, line breaks included, as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
