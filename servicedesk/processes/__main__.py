"""`python -m servicedesk.processes run | migrate | check-migrations`."""

from __future__ import annotations

import argparse
import sys

from servicedesk.processes import migrating, supervisor

COMMANDS = {
    "run": (supervisor.main, "the whole desk in the foreground, until Ctrl-C"),
    "migrate": (migrating.migrate, "bring the tables of the database up to date"),
    "check-migrations": (migrating.check, "build a throw-away database and compare the models"),
}


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m servicedesk.processes")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, purpose) in COMMANDS.items():
        commands.add_parser(name, help=purpose)
    return COMMANDS[parser.parse_args().command][0]()


if __name__ == "__main__":
    sys.exit(main())
