"""The mock over HTTP: routing, admission, responses, control routes, the server."""
