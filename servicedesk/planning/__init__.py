"""Planned tasks: when something is done by itself, and what became of it each time."""
