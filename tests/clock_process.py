"""A clock of its own, as a process: looks again and again at the database named on the command line."""

from __future__ import annotations

import sys
import time

from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from servicedesk import registry
from servicedesk.core import database
from servicedesk.core.actors import SYSTEM
from servicedesk.sla.jobs import watch


def main(address: str) -> None:
    """Look until somebody ends the process."""
    database.use_sessions(scoped_session(sessionmaker(create_engine(address))))
    registry.listen()
    database.become(SYSTEM)
    while True:
        watch()
        time.sleep(0.05)  # what another clock held may be free now


if __name__ == "__main__":
    main(sys.argv[1])
