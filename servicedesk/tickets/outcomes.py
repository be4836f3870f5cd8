"""How a ticket ends: what the client decides about it, and what is left out of the figures."""

from __future__ import annotations

from enum import StrEnum

from servicedesk.core.text import msgid


class ClosingVerdict(StrEnum):
    """What a contact decides about a resolved ticket; each has its consequence."""

    SOLVED = "solved"
    SOLVED_BUT = "solved_but"  # it stays closed; the account manager hears what was not good
    NOT_SOLVED = "not_solved"  # it goes back to work: never kept on a ticket

    @property
    def closes(self) -> bool:
        """Whether the ticket is closed by it."""
        return self is not ClosingVerdict.NOT_SOLVED


class LeftOut(StrEnum):
    """Why a withdrawn ticket was none: reviews count these apart."""

    SPAM = "spam"
    TEST = "test"


VERDICT_LABELS = {
    ClosingVerdict.SOLVED: msgid("Solved, thanks"),
    ClosingVerdict.SOLVED_BUT: msgid("Solved, but…"),
    ClosingVerdict.NOT_SOLVED: msgid("Not solved: reopen"),
}
VERDICT_CONSEQUENCES = {
    ClosingVerdict.SOLVED: msgid("The ticket is closed now."),
    ClosingVerdict.SOLVED_BUT: msgid(
        "The ticket is closed now and stays closed. Tell us what was not good: your account manager"
        " reads it and answers for it."
    ),
    ClosingVerdict.NOT_SOLVED: msgid(
        "The ticket goes back to work, and the time to solve it starts again. Tell us what is missing."
    ),
}
LEFT_OUT_LABELS = {
    LeftOut.SPAM: msgid("Withdrawn as spam"),
    LeftOut.TEST: msgid("Withdrawn as a test"),
}
WORST_RATING, BEST_RATING = 1, 5
SATISFIED_RATING = 4  # this or better counts as satisfied
UNHAPPY_RATING = 2  # this or worse is told to the account manager
RATING_LABELS = {
    1: msgid("Very bad"),
    2: msgid("Bad"),
    3: msgid("Fair"),
    4: msgid("Good"),
    5: msgid("Very good"),
}
