"""The command `kling-elements`: parse, call the client, print."""
