"""The command `kling-elements`: a thin layer over the client. Results go to stdout, the rest to stderr."""
