"""The work of each command, one module each; `kling_elements.cli.command_list` lists them."""
