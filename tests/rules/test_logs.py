"""What a line of the log never carries, whoever writes it."""

from __future__ import annotations

import pytest

from servicedesk.processes.logs import WITHHELD, withhold


@pytest.mark.parametrize(
    ("line", "canary", "stays"),
    [
        (
            "fails\nDETAIL:  Failing row contains (7, Canary).\n[SQL: INSERT INTO x]",
            "Canary",
            "[SQL: INSERT INTO x]",
        ),
        ("DETAIL:  Key (name)=(Canary\nand more) exists.", "and more", ""),
        ('invalid input syntax for type bigint: "Canary"', "Canary", "bigint"),
        ("SMTPRecipientsRefused: {'canary@example.es': (550, b'no')}", "canary", "550"),
        ("cannot open postgresql://desk:Canary@db/desk", "Canary", "db/desk"),
        ("header Authorization: Bearer Canary123456", "Canary", "Authorization"),
    ],
)
def test_what_quotes_people_or_opens_something_is_withheld(line, canary, stays):
    told = withhold(None, "error", {"event": line, "job_id": 7})

    assert canary not in told["event"]
    assert WITHHELD in told["event"]
    assert stays in told["event"]
    assert told["job_id"] == 7


def test_the_words_of_the_desk_stay_as_they_are():
    line = {"event": "job failed", "exception": 'File "a.py", line 3\nValueError: 3 @ 4'}

    assert withhold(None, "error", dict(line)) == line
