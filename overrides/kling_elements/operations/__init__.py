"""What both clients do, written once: create, get, list, wait, generate, upload, download."""
