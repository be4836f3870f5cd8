"""Benchmarks: measured, not timed tests. `make bench` runs them all and prints a table."""

from servicedesk.processes.logs import configure_logs, quieten

configure_logs(as_json=False)
quieten()  # what is measured stands alone in the output
