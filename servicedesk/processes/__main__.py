"""`python -m servicedesk.processes run | worker | scheduler | migrate | check-migrations`."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from config import Settings, SettingsError
from servicedesk.processes import measuring

COMMANDS = {
    "run": ("supervisor", "the whole desk in the foreground, until Ctrl-C"),
    "worker": ("worker", "run jobs, until told to stop"),
    "scheduler": ("scheduler", "tick if elected, until told to stop"),
    "migrate": ("migrating", "bring the tables of the database up to date"),
    "check-migrations": ("migration_check", "compare migrations and models on an empty database"),
}
MEASURED = {"worker", "scheduler"}


def main() -> int:
    """Load only what the asked command needs, and do it."""
    parser = argparse.ArgumentParser(prog="python -m servicedesk.processes")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose)
    command = parser.parse_args().command
    module = COMMANDS[command][0]
    if command in MEASURED:
        try:
            measuring.share(Settings.from_environment().metrics_folder)
        except SettingsError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    code: int = import_module(f"servicedesk.processes.{module}").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
