"""One module a command; `kling_elements.cli.parser` lists them."""
