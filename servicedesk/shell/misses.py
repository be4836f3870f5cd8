"""Doors without sign-in: who asks too often for what is not there has to wait."""

from __future__ import annotations

from collections import OrderedDict, deque
from threading import Lock
from time import monotonic

MISSES = 60  # an address, within a minute; whole fleets stand behind one
WITHIN = 60  # seconds
MOST_ADDRESSES = 10_000  # remembered; the ones longest quiet are forgotten first


class Misses:
    """Counts how often an address asked for what is not there, in this process.

    Nothing is written down for strangers: that would be a way to wear the desk out.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = Lock()

    def wait_of(self, address: str) -> float:
        """Return for how many seconds an address is not answered; 0: it may ask."""
        with self._lock:
            times = self._times.get(address)
            full = times is not None and len(times) == MISSES
            return times[0] + WITHIN - monotonic() if times and full else 0

    def note(self, address: str) -> None:
        """Count a miss."""
        with self._lock:
            # the last so many: when the first of them is a while ago, it is not too many
            self._times.setdefault(address, deque(maxlen=MISSES)).append(monotonic())
            self._times.move_to_end(address)
            while len(self._times) > MOST_ADDRESSES:
                self._times.popitem(last=False)
