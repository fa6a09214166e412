"""The service on the wire: requests, responses, what an outcome means, and the transports."""
