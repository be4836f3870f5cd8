"""The counting of what-ifs, in a worker."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from servicedesk.core.actors import SYSTEM
from servicedesk.core.jobs import job
from servicedesk.core.text import msgid
from servicedesk.core.unit_of_work import unit_of_work
from servicedesk.sla.calendar import CalendarError
from servicedesk.sla.what_if.asking import COUNT
from servicedesk.sla.what_if.counting import count_piece, give_up


@job(COUNT, stays_inside=True)
def count(what_if_id: int) -> None:
    """Count until all is counted, or somebody called it off."""
    try:
        while _counts_a_piece(what_if_id):
            pass
    except SQLAlchemyError:
        raise  # the database was away, or another was faster: it is tried again
    except CalendarError:
        _give_up(what_if_id, msgid("A target reaches beyond the years that calendars know."))
    except Exception:
        _give_up(what_if_id, msgid("An error of ours stopped it. It was noted."))
        raise


def _counts_a_piece(what_if_id: int) -> bool:
    with unit_of_work(SYSTEM, "what_if.count") as work:
        return count_piece(work, what_if_id)


def _give_up(what_if_id: int, fault: str) -> None:
    with unit_of_work(SYSTEM, "what_if.give_up") as work:
        give_up(work, what_if_id, fault)
