"""One module a command; `kling_elements.command_line.table` lists them."""
