"""What the client does, written once for both clients: create, get, list, wait, generate, upload."""
