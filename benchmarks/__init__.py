"""Benchmarks: measured, not timed tests. `make bench` runs them all and prints a table."""
