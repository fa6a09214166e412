"""Images as callers pass them (URLs, paths, bytes, base64): recognise, read, check, without the network."""
