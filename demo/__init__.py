"""`make demo`: two images drawn here, the real command line, and the mock as the service."""
