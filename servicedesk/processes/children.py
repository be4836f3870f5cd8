"""Child processes: started on a leash, started again when they die, ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from config import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEASH = Path(__file__).with_name("leash.py")
QUICK_DEATHS = 5  # so many within the window, and it is not worth another try
WINDOW = 60.0  # seconds
LONGEST_PAUSE = 8.0  # seconds before a restart
GRACE = 8.0  # seconds between asking to end and ending


class KeepsDying(Exception):
    """A child died again and again; the message names it."""


def start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own: a Ctrl-C of the terminal reaches only us."""
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command],
        env=dict(environment),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def pause_before(deaths: int) -> float:
    """Return the seconds to wait before the start that follows so many deaths in the window."""
    return min(0.5 * 2.0 ** (deaths - 1), LONGEST_PAUSE)


@dataclass(eq=False, kw_only=True)
class Child:
    """One process that is to run as long as the desk does."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    _deaths: list[float] = field(default_factory=list)
    _start_at: float = 0.0

    def watch(self) -> str | None:
        """Start it if it is due; return what is worth telling. Raises KeepsDying."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self.process = start(self.command, self.environment)
            return None
        status = self.process.poll()
        if status is None:
            return None
        kill_group(self.process)  # what it may have left behind
        self.process = None
        self._deaths = [at for at in self._deaths if now - at < WINDOW] + [now]
        if len(self._deaths) >= QUICK_DEATHS:
            raise KeepsDying(
                f"The {self.name} ended {QUICK_DEATHS} times within {WINDOW:.0f} s,"
                f" last with {describe(status)}. Its messages are above."
            )
        pause = pause_before(len(self._deaths))
        self._start_at = now + pause
        return f"The {self.name} ended with {describe(status)}; it starts again in {pause:.1f} s."


def describe(status: int) -> str:
    """Put the end of a process into words."""
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def end(processes: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """Ask all to end, end those that have not after the grace; return whom that befell."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    deadline = time.monotonic() + GRACE
    late = []
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            late.append(process.pid)
        kill_group(process)
        process.wait()
    return late


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the process and those it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
