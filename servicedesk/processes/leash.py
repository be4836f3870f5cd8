"""Run a command that is told to end when its parent dies: `leash.py PARENT COMMAND…`.

A program of its own, because what is set between fork and exec must not be threaded Python.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1  # prctl, Linux only; elsewhere the parent's own tidying must do


def main() -> None:
    """Tie this process to its parent and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent is gone already")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
