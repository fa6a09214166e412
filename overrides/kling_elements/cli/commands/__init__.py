"""The work of each command, one module each; `kling_elements.cli.arguments` lists them."""
