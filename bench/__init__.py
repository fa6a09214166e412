"""Benchmarks: `make bench` measures this client beside raw httpx and other clients, and writes docs/benchmarks.md."""
