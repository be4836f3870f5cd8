"""`python -m servicedesk.processes run | worker | scheduler | migrate | check-migrations`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

COMMANDS = {
    "run": ("supervisor", "the whole desk in the foreground, until Ctrl-C"),
    "worker": ("worker", "run jobs, until told to stop"),
    "scheduler": ("scheduler", "tick if elected, until told to stop"),
    "migrate": ("migrating", "bring the tables of the database up to date"),
    "check-migrations": ("migration_check", "compare migrations and models on an empty database"),
}


def main() -> int:
    """Load only what the asked command needs, and do it."""
    parser = argparse.ArgumentParser(prog="python -m servicedesk.processes")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose)
    module = COMMANDS[parser.parse_args().command][0]
    code: int = import_module(f"servicedesk.processes.{module}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
