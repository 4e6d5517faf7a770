"""Measurements at stated sizes: `make bench`, or `python -m benchmarks [pages] [sessions] [submissions]`."""
